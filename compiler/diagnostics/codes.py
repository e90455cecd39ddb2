"""The catalogue of diagnostic codes: one row a code, one page a code under docs/errors/."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from trc.compiler.diagnostics.diagnostic import Severity

_WARNING: Final[tuple[Severity, ...]] = ("warning",)
_NOTE: Final[tuple[Severity, ...]] = ("note",)


@dataclass(frozen=True, slots=True)
class Code:
    """A stable code, the few words that say what it is about, and how grave it can be, the gravest first.

    `must_stay` is true of what no comment can allow, though it is no error.
    """

    code: str
    title: str
    severities: tuple[Severity, ...] = ("error",)
    must_stay: bool = False

    @property
    def can_be_allowed(self) -> bool:
        """Whether a comment may ask for silence about it, where it is no error."""
        return self.severities != ("error",) and not self.must_stay


CODES: Final[tuple[Code, ...]] = (
    # Reading the file
    Code("TRC101", "the file cannot be read"),
    Code("TRC102", "the file is not UTF-8 text"),
    Code("TRC103", "the file is empty"),
    Code("TRC104", "the file is too long"),
    Code("TRC105", "a tab indents a line"),
    Code("TRC106", "the YAML cannot be parsed"),
    Code("TRC107", "a key is written twice"),
    Code("TRC108", "the file nests or expands too far"),
    Code("TRC109", "a YAML feature that pipelines do not use"),
    Code("TRC110", "the file's kind is not known"),
    Code("TRC111", "the project file is wrong"),
    Code("TRC120", "the .trc text cannot be parsed", ("error", "note"), must_stay=True),
    Code("TRC121", "an escape stands for nothing"),
    Code("TRC122", "a value of this form cannot stand here"),
    Code("TRC112", "a template is wrong"),
    Code("TRC113", "a template does too much"),
    Code("TRC114", "a template names nothing"),
    Code("TRC115", "a template cannot stand there in SQL"),
    Code("TRC116", "a template needs what only a run knows"),
    Code("TRC117", "a template asks for the target, and none is chosen", ("error", "note")),
    Code("TRC118", "a condition is wrong"),
    Code("TRC119", "a comment allows what it cannot", _WARNING, must_stay=True),
    # Names and types of the pipeline
    Code("TRC201", "a key is not known here"),
    Code("TRC202", "a required key is missing"),
    Code("TRC203", "a value has the wrong type"),
    Code("TRC204", "YAML reads an unquoted value as something else"),
    Code("TRC205", "a value is out of bounds or malformed"),
    Code("TRC206", "two things have one name"),
    Code("TRC207", "a name is not allowed"),
    Code("TRC208", "a task type is not known"),
    Code("TRC209", "a parameter's value and its type disagree"),
    Code("TRC210", "a file that the pipeline names does not exist"),
    Code("TRC211", "a field names nothing", _WARNING),
    Code("TRC212", "Python code cannot be read"),
    Code("TRC220", "a secret cannot stand here"),
    Code("TRC221", "a provider of secrets is not known"),
    Code("TRC222", "a reference to a secret is malformed"),
    Code("TRC225", "the code of a pipeline's file fails"),
    Code("TRC226", "a call of trc is written wrong"),
    Code("TRC227", "a Python file builds no pipeline, or several"),
    Code("TRC228", "a pipeline's file was ended before it was read"),
    Code("TRC229", "the code of a task cannot be found again"),
    Code("TRC213", "a value is given to no parameter", ("error", "warning")),
    Code("TRC214", "a parameter has no value", ("error", "note")),
    Code("TRC215", "a file cannot be imported"),
    Code("TRC216", "files import each other in a circle"),
    Code("TRC217", "a package of task types is not there"),
    Code("TRC218", "the backend and the target disagree"),
    Code("TRC230", "a comment allows what is not reported", _WARNING, must_stay=True),
    Code("TRC235", "a file of a revision is left out", ("error", "warning")),
    # The graph
    Code("TRC301", "a need names no task"),
    Code("TRC302", "tasks depend on each other in a circle"),
    Code("TRC303", "two tasks write one location"),
    Code("TRC304", "a task needs itself"),
    Code("TRC305", "a task reads data but does not require its success"),
    Code("TRC306", "an input names no dataset", ("error", "warning")),
    Code("TRC307", "an output location cannot be written whole"),
    Code("TRC308", "a task overwrites a source"),
    # SQL and schemas
    Code("TRC401", "the SQL cannot be parsed"),
    Code("TRC402", "a column does not exist"),
    Code("TRC403", "a table does not exist"),
    Code("TRC404", "the SQL is not exactly one query"),
    Code("TRC405", "a name could mean several columns"),
    Code("TRC406", "the types do not fit"),
    Code("TRC407", "the query is wrong"),
    Code("TRC408", "a function does not exist"),
    Code("TRC409", "a name hides a dataset", _WARNING),
    Code("TRC410", "a schema is not known", _NOTE),
    Code("TRC411", "the columns are not those that were declared"),
    Code("TRC412", "a query has no computable key", _NOTE),
    Code("TRC413", "a file function without a literal path", _WARNING),
    Code("TRC415", "an expectation is about a column that does not exist"),
    Code("TRC416", "a check is no condition on a row"),
    Code("TRC417", "an expectation does not fit the column's type"),
    Code("TRC418", "an expectation that no data can meet"),
    Code("TRC419", "expectations on what has no rows"),
    Code("TRC420", "a question names no dataset"),
    Code("TRC421", "a question names no column"),
    Code("TRC422", "a query cannot be read in its dialect"),
    Code("TRC423", "a query cannot be translated to DuckDB's SQL"),
    Code("TRC424", "a query means something else in DuckDB", _WARNING),
    Code("TRC425", "a task cannot run by partition"),
    Code("TRC440", "a test names no dataset"),
    Code("TRC441", "a test names no column"),
    Code("TRC442", "a value of a test does not fit its column"),
    Code("TRC443", "a test lacks rows"),
    Code("TRC444", "a test cannot compute a dataset"),
    Code("TRC445", "a test gives what nothing in it reads", _WARNING),
    Code("TRC446", "a test gives rows whose columns are not known"),
    Code("TRC447", "a pattern names no test"),
    Code("TRC450", "no result depends on a column", _WARNING),
    # The target
    Code("TRC501", "something that this version checks but does not run"),
    Code("TRC503", "a limit that the backend does not enforce", _WARNING),
    Code("TRC504", "a backend or target that does not exist"),
    Code("TRC505", "a requirement says more than a package and its versions"),
    # The run
    Code("TRC510", "no Docker engine can be used"),
    Code("TRC511", "a Docker engine lets the user not in"),
    Code("TRC512", "an image cannot be pulled"),
    Code("TRC513", "an image cannot be built"),
    Code("TRC514", "a Docker engine has no room left"),
    Code("TRC515", "an image has not the Python that tasks need"),
    Code("TRC516", "a container cannot be started"),
    Code("TRC601", "a task failed"),
    Code("TRC602", "a task's process ended"),
    Code("TRC603", "a task ran out of time"),
    Code("TRC604", "an input moved while it was read"),
    Code("TRC605", "an output is missing"),
    Code("TRC606", "the state store cannot be used"),
    Code("TRC607", "another run holds an output"),
    Code("TRC608", "an input does not exist"),
    Code("TRC609", "nothing by that name is recorded"),
    Code("TRC610", "a task ran out of memory"),
    Code("TRC611", "an output cannot be published"),
    Code("TRC612", "a secret cannot be had"),
    Code("TRC613", "where a secret lies cannot be reached"),
    Code("TRC614", "a secret cannot be used"),
    Code("TRC615", "what fetches a secret is not installed"),
    Code("TRC616", "a file ends the process that looks at it"),
    Code("TRC617", "another process has taken over a run"),
    Code("TRC618", "a run has ended already"),
    Code("TRC619", "a key is that of another run"),
    Code("TRC620", "a part of trc is not installed"),
    Code("TRC621", "git cannot be asked"),
    Code("TRC622", "a revision is not known"),
    Code("TRC623", "a revision cannot be written out"),
    Code("TRC624", "a message of a hook was not delivered", _WARNING, must_stay=True),
    Code("TRC625", "a selection names no task"),
    Code("TRC626", "a task has no partitions to build again"),
    Code("TRC627", "a range of partitions is wrong"),
    Code("TRC628", "a run cannot be taken up again"),
    Code("TRC629", "a dead letter is settled already"),
    Code("TRC630", "the data breaks an expectation"),
    Code("TRC631", "the data breaks an expectation that only warns", _WARNING, must_stay=True),
    Code("TRC632", "an expectation cannot be evaluated", ("error", "warning"), must_stay=True),
    Code("TRC633", "a saved plan is stale"),
    Code("TRC634", "a saved plan cannot be used"),
    Code("TRC635", "lineage events cannot be written", _WARNING, must_stay=True),
    Code("TRC636", "a shared state store cannot be reached"),
    Code("TRC637", "a state cannot be exported or imported"),
    Code("TRC638", "a URL that trc does not call"),
    Code("TRC639", "a listener is left out of a run", _WARNING, must_stay=True),
    Code("TRC640", "a query fails in a test"),
    Code("TRC641", "a test finds other rows than it expects"),
    Code("TRC642", "logs or metrics of a run cannot be told", _WARNING, must_stay=True),
    Code("TRC643", "traces of a run cannot be delivered", _WARNING, must_stay=True),
    Code("TRC644", "an environment is not locked", ("error", "note"), must_stay=True),
    Code("TRC645", "the lock file cannot be used"),
    Code("TRC646", "an environment cannot be resolved"),
    Code("TRC647", "a Python is not on this machine", _WARNING, must_stay=True),
    Code("TRC648", "the package index cannot be reached"),
    Code("TRC649", "an environment cannot be built"),
    Code("TRC650", "a task is past its deadline"),
    Code("TRC651", "an equal task has failed"),
    Code("TRC656", "a run is past its deadline"),
    Code("TRC657", "the outcome of a task is unknown"),
    Code("TRC658", "a task cannot be paused, resumed or canceled"),
    Code("TRC659", "a task's attempts do not begin"),
    Code("TRC660", "a task cannot be repeated for its items"),
    Code("TRC661", "a result of a task that there is not"),
    Code("TRC662", "a task lacks a result of another"),
    Code("TRC663", "a condition cannot be decided"),
    Code("TRC664", "a task submits what cannot be run"),
    Code("TRC670", "a bucket does not exist"),
    Code("TRC671", "an object store refuses a request"),
    Code("TRC672", "an object store does not take the credentials"),
    Code("TRC673", "an object store cannot be reached"),
    Code("TRC674", "a web server refuses a request"),
    Code("TRC675", "a web server cannot be reached"),
    Code("TRC676", "a download is not what its checksum says"),
    Code("TRC677", "a download is larger than it may be"),
    Code("TRC678", "rows cannot be read"),
)

BY_CODE: Final = {row.code: row for row in CODES}
TITLES: Final = {row.code: row.title for row in CODES}

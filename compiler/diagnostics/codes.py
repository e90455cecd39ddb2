"""The catalogue of diagnostic codes: one row a code, one page a code under docs/errors/."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Code:
    """A stable code and the few words that say what it is about."""

    code: str
    title: str


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
    Code("TRC120", "the .trc text cannot be parsed"),
    Code("TRC121", "an escape stands for nothing"),
    Code("TRC122", "a value of this form cannot stand here"),
    Code("TRC112", "a template is wrong"),
    Code("TRC113", "a template does too much"),
    Code("TRC114", "a template names nothing"),
    Code("TRC115", "a template cannot stand there in SQL"),
    Code("TRC116", "a template needs what only a run knows"),
    Code("TRC117", "a template asks for the target, and none is chosen"),
    Code("TRC118", "a condition is wrong"),
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
    Code("TRC211", "a checksum field names nothing"),
    Code("TRC212", "Python code cannot be read"),
    Code("TRC225", "the code of a pipeline's file fails"),
    Code("TRC226", "a call of trc is written wrong"),
    Code("TRC227", "a Python file builds no pipeline, or several"),
    Code("TRC228", "a pipeline's file was ended before it was read"),
    Code("TRC229", "the code of a task cannot be found again"),
    Code("TRC213", "a value is given to no parameter"),
    Code("TRC214", "a parameter has no value"),
    Code("TRC215", "a file cannot be imported"),
    Code("TRC216", "files import each other in a circle"),
    Code("TRC217", "a package of task types is not there"),
    Code("TRC218", "the backend and the target disagree"),
    # The graph
    Code("TRC301", "a need names no task"),
    Code("TRC302", "tasks depend on each other in a circle"),
    Code("TRC303", "two tasks write one location"),
    Code("TRC304", "a task needs itself"),
    Code("TRC305", "a task reads data but does not require its success"),
    Code("TRC306", "an input names no dataset"),
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
    Code("TRC409", "a name hides a dataset"),
    Code("TRC410", "a schema is not known"),
    Code("TRC411", "the columns are not those that were declared"),
    Code("TRC412", "a query has no computable key"),
    Code("TRC413", "a file function without a literal path"),
    Code("TRC415", "an expectation is about a column that does not exist"),
    Code("TRC416", "a check is no condition on a row"),
    Code("TRC417", "an expectation does not fit the column's type"),
    Code("TRC418", "an expectation that no data can meet"),
    Code("TRC419", "expectations on what has no rows"),
    # The target
    Code("TRC501", "something that this version checks but does not run"),
    Code("TRC502", "something that the backend cannot do"),
    Code("TRC503", "a limit that the backend does not enforce"),
    Code("TRC504", "a backend or target that does not exist"),
    # The run
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
    Code("TRC630", "the data breaks an expectation"),
    Code("TRC631", "the data breaks an expectation that only warns"),
    Code("TRC632", "an expectation cannot be evaluated"),
    Code("TRC620", "a part of trc is not installed"),
)

TITLES: Final = {row.code: row.title for row in CODES}

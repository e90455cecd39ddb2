"""A run's report as one page of HTML, complete in itself: it runs nothing and asks nothing of the network."""

from __future__ import annotations

from pathlib import Path
from string import Template
from typing import Final

from trc.api import RunAccount
from trc.cli.page.gantt import gantt
from trc.cli.page.tables import head, path, tasks
from trc.cli.page.text import safe, time
from trc.compiler.picture.svg import svg

_STYLE: Final = Path(__file__).with_name("style.css")
_PAGE: Final = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>$title</title>
<style>
$style</style>
</head>
<body>
<header>
<h1>$title</h1>
$head
</header>
<main>
<section id="dag">
<h2>Tasks, and what they waited for</h2>
<figure>
<div class="scroll" role="region" tabindex="0" aria-label="picture of the pipeline">
$dag
</div>
<figcaption>$dag_told</figcaption>
</figure>
</section>
<section id="gantt">
<h2>Attempts in time</h2>
<figure>
<div class="scroll" role="region" tabindex="0" aria-label="attempts in time">
$gantt
</div>
<figcaption><span class="key success"></span>succeeded<span class="key failure"></span>failed or lost<span
class="key wait"></span>waited for its turn, or for the next attempt<span class="key path"></span>critical path</figcaption>
</figure>
</section>
<section id="path">
<h2>The critical path</h2>
<p>The chain of tasks that decided how long the run took: the one that ended last, before it the one that it waited for
that ended last before it began, and so on. A task's share is the time since the one before it ended.</p>
$path
</section>
<section id="tasks">
<h2>All tasks</h2>
<div class="scroll" role="region" tabindex="0" aria-label="all tasks">
$tasks
</div>
</section>
</main>
<footer><p>As recorded at $at.</p></footer>
</body>
</html>
""")


def page(account: RunAccount) -> str:
    """The page as text."""
    told = "Colours and words tell the states; broken lines are order without data. The table below has all of it."
    unknown = "What the tasks waited for was not kept of this run, so the arrows and the critical path are not known."
    return _PAGE.substitute(
        title=safe(f"{account.run.pipeline}: run {account.run.id}"),
        style=_STYLE.read_text(encoding="utf-8"),
        head=head(account),
        dag=svg(account.drawing),
        dag_told=unknown if account.needs is None else told,
        gantt=gantt(account),
        path=_path(account),
        tasks=tasks(account),
        at=time(account.at),
    )


def _path(account: RunAccount) -> str:
    if account.path:
        return path(account)
    return f"<p>{'It is not known.' if account.needs is None else 'No task ran.'}</p>"

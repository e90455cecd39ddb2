"""Pages of Markdown on a terminal, and elsewhere."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest

from trc.cli.markdown import readable
from trc.cli.output import Screen

PAGES = sorted((Path(__file__).parents[3] / "docs" / "errors").glob("TRC*.md"))
PAGE = """# TRC204: a title

Text with `code` and [a link](../there.md).

```yaml title="shop.yaml"
name: `x`

nodes: []
```

```console
$ trc check shop.yaml
```
"""
PLAIN = Screen(io.StringIO(), io.StringIO())
COLOURED = Screen(io.StringIO(), io.StringIO(), colour_out=True)


def test_terminal_is_shown_no_marks() -> None:
    assert readable(PAGE, COLOURED).split("\n") == [
        "\x1b[1mTRC204: a title\x1b[0m",
        "",
        "Text with \x1b[36mcode\x1b[0m and a link.",
        "",
        "  \x1b[2mshop.yaml\x1b[0m",
        "    name: `x`",
        "",
        "    nodes: []",
        "",
        "    $ trc check shop.yaml",
    ]


def test_elsewhere_it_is_the_page() -> None:
    assert readable(PAGE, PLAIN) == PAGE.rstrip("\n")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_page_is_readable(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    shown = re.sub(r"\x1b\[[0-9;]*m", "", readable(text, COLOURED))
    assert "```" not in shown
    assert not re.search(r"^#|\]\(", re.sub(r"(?m)^    .*$", "", shown), re.MULTILINE)
    assert text.splitlines()[0].removeprefix("# ") == shown.splitlines()[0]

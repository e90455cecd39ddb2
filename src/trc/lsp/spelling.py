"""How a name is written: in SQL, in YAML, and in a text that stands in YAML."""

from __future__ import annotations

import json
import re
from pathlib import PurePath
from typing import Final

from trc.compiler.frontends.syntax import Scalar, Style
from trc.compiler.frontends.typed import typed
from trc.compiler.source import ScalarMap, Span
from trc.compiler.sql.tokens import RESERVED, tokenize

_NAME: Final = re.compile(r"[^\W\d]\w*")
_NO_NAMES: Final = frozenset({"true", "false", "null", "and", "or", "not", "in"})
"""Words of `.trc` that mean something of their own where a name can stand."""


def in_sql(name: str) -> str:
    """The name as SQL takes it: quoted where it has to be."""
    tokens = tokenize(name)
    is_plain = len(tokens) == 1 and tokens[0].kind == "word" and tokens[0].text == name
    return name if is_plain and name.lower() not in RESERVED else '"' + name.replace('"', '""') + '"'


def in_file(name: str, file: PurePath) -> str:
    """The name as a value of the file's language."""
    return _in_trc(name) if file.suffix.lower() == ".trc" else _in_yaml(name)


def _in_trc(name: str) -> str:
    return name if _NAME.fullmatch(name) and name not in _NO_NAMES else json.dumps(name, ensure_ascii=False)


def _in_yaml(name: str) -> str:
    """The name as a YAML value: quoted where YAML reads it as something else than a text."""
    reading = typed(Scalar(name, "plain", ScalarMap(Span("", 0, 0))))
    return name if reading.kind == "text" and not reading.otherwise else json.dumps(name)


def embedded(text: str, style: Style) -> str:
    """A piece of a text as it stands between the quotes of that text."""
    match style:
        case "double":
            return json.dumps(text, ensure_ascii=False)[1:-1]
        case "single":
            return text.replace("'", "''")
        case _:
            return text

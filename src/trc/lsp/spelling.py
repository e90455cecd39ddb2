"""How a name is written: in SQL, in YAML, and in a text that stands in YAML."""

from __future__ import annotations

import json

from trc.compiler.frontends.syntax import Scalar, Style
from trc.compiler.frontends.typed import typed
from trc.compiler.source import ScalarMap, Span
from trc.compiler.sql.tokens import RESERVED, tokenize


def in_sql(name: str) -> str:
    """The name as SQL takes it: quoted where it has to be."""
    tokens = tokenize(name)
    is_plain = len(tokens) == 1 and tokens[0].kind == "word" and tokens[0].text == name
    return name if is_plain and name.lower() not in RESERVED else '"' + name.replace('"', '""') + '"'


def in_yaml(name: str) -> str:
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

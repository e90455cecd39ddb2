"""Tokens as DuckDB cuts them, and canonical texts that only what counts can change."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.pythons import interpreters, name_of

from trc.compiler.sql import tokens as tokens_module
from trc.compiler.sql.tokens import RESERVED, canonical, tokenize

CASES = Path(__file__).parents[2] / "cases" / "sql"


def texts(sql: str) -> list[str]:
    return [token.text for token in tokenize(sql)]


def test_reserved_words_are_those_of_the_installed_duckdb() -> None:
    import duckdb

    rows = duckdb.sql("select keyword_name from duckdb_keywords() where keyword_category = 'reserved'").fetchall()
    assert {name for (name,) in rows} == RESERVED


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("a<-1", ["a", "<", "-", "1"]),
        ("a@-1", ["a", "@-", "1"]),
        ("a->>b::int", ["a", "->>", "b", "::", "int"]),
        ("x /* a /* b */ c */ y", ["x", "y"]),
        ("x--y\nz", ["x", "z"]),
        ("a+/*c*/b", ["a", "+", "b"]),
        ("1_000 1.5 .5 1. 1e5 1..2", ["1_000", "1.5", ".5", "1.", "1e5", "1", "..", "2"]),
        ("e'a\\'b' 'it''s' x'41'", ["e'a\\'b'", "'it''s'", "x'41'"]),
        ("$$ -- no comment $$ $q$ $$ $q$", ["$$ -- no comment $$", "$q$ $$ $q$"]),
        ("$1 ?2 ? a$b", ["$1", "?2", "?", "a$b"]),
        ('"a""b".c', ['"a""b"', ".", "c"]),
        ("{'a':1}[1:2]", ["{", "'a'", ":", "1", "}", "[", "1", ":", "2", "]"]),
        ("f(a := 1, b => x -> x)", ["f", "(", "a", ":=", "1", ",", "b", "=>", "x", "->", "x", ")"]),
        ("größe\u00a0'\u00a0'", ["größe", "'\u00a0'"]),
    ],
)
def test_tokens_of(sql: str, expected: list[str]) -> None:
    assert texts(sql) == expected


@pytest.mark.parametrize("sql", ["select 'abc", 'select "abc', "select /* x", "select $$ x", "select e'\\'"])
def test_what_never_closes_is_one_last_token(sql: str) -> None:
    assert [token.kind for token in tokenize(sql)] == ["word", "unclosed"]
    assert tokenize(sql)[-1].end == len(sql)


def sql_of_duckdb() -> list[str]:
    """What DuckDB itself brings along (its views, its macros, the example of each function), and our cases that parse."""
    import duckdb

    queries = (
        "select sql from duckdb_views()",
        "select distinct macro_definition from duckdb_functions() where macro_definition is not null",
        "select distinct unnest(examples) from duckdb_functions()",
    )
    found = [text for query in queries for (text,) in duckdb.execute(query).fetchall()]
    return [*found, *((CASES / name).read_text() for name in ("fine.sql", "models.sql", "types.sql"))]


def duckdb_starts(sql: str) -> list[int]:
    import duckdb

    encoded = sql.encode()
    return [len(encoded[:offset].decode(errors="ignore")) for offset, _ in duckdb.tokenize(sql)]


def test_tokens_start_where_those_of_duckdb_do() -> None:
    queries = sql_of_duckdb()
    assert len(queries) > 500
    for sql in queries:
        assert [token.start for token in tokenize(sql)] == duckdb_starts(sql), sql


PIECES = st.sampled_from(
    [
        "select", "FROM", "where", "Case", "end", "as", "a", "B", "größe", '"Quoted"', '"from"', "'text'", "'it''s'",
        "e'\\''", "$$ a -- b $$", "1", "2.5", ".5", "1e3", "+", "-", "*", "<=", "->>", "::", "(", ")", "[", "]", ",",
        "count", "$1",
    ]
)  # fmt: skip
GAPS = st.sampled_from([" ", "\n", "\t ", " -- note\n", " /* a /* b */ */ ", "\r\n", "\u00a0"])


@given(st.lists(st.tuples(PIECES, GAPS), min_size=1), st.data())
def test_canonical_ignores_comments_space_and_the_case_of_reserved_words(
    pieces: list[tuple[str, str]], data: st.DataObject
) -> None:
    plain = " ".join(piece for piece, _ in pieces)
    labels = {index + 1 for index, (piece, _) in enumerate(pieces) if piece == "as"}
    other = ""
    for index, (piece, gap) in enumerate(pieces):
        folds = piece.lower() in RESERVED and index not in labels
        other += (data.draw(st.sampled_from([piece.upper(), piece.lower()])) if folds else piece) + gap
    assert canonical(other) == canonical(plain)


@given(st.lists(PIECES, min_size=1))
def test_canonical_keeps_every_token_apart(pieces: list[str]) -> None:
    sql = " ".join(pieces)
    folded = [text.lower() if text.lower() in RESERVED else text for text in texts(canonical(sql))]
    assert folded == [text.lower() if text.lower() in RESERVED else text for text in texts(sql)]


@given(st.text(alphabet="ab'\"$-/* \n;.1eAS+<>", max_size=30))
def test_canonical_reads_as_itself(sql: str) -> None:
    tokens = tokenize(sql)
    if not tokens or tokens[-1].kind != "unclosed":
        assert canonical(canonical(sql)) == canonical(sql)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("select 1", "select 2"),
        ("select 'a b'", "select 'a  b'"),
        ("select a", "select A"),
        ('select "a"', "select a"),
        ("select 1 as END", "select 1 as end"),
        ("select t.END", "select t.end"),
        ("select 'a' 'b'", "select 'a'' b'"),
        ("select - 1 - - 1", "select - 1 -- 1"),
        ("select a.b", "select a .5"),
        ("select SUM(a)", "select sum(a)"),
    ],
)
def test_canonical_tells_apart(one: str, other: str) -> None:
    assert canonical(one) != canonical(other)


def test_canonical_drops_a_trailing_semicolon() -> None:
    assert canonical("select 1 ; ;\n-- done") == canonical("SELECT 1") == "select 1"


GOLDEN_FILE = CASES / "canonical.json"


def hashes(queries: Iterable[str]) -> dict[str, str]:
    return {sql: hashlib.sha256(canonical(sql).encode()).hexdigest() for sql in queries}


def test_canonical_hashes_are_those_of_every_release(request: pytest.FixtureRequest) -> None:
    golden = json.loads(GOLDEN_FILE.read_text())
    if request.config.getoption("--update", default=False):
        GOLDEN_FILE.write_text(json.dumps(hashes(golden), indent=2, ensure_ascii=False) + "\n")
    assert hashes(golden) == json.loads(GOLDEN_FILE.read_text())
    assert len(golden) >= 10


PROGRAM = """
import hashlib, importlib.util, json, sys
spec = importlib.util.spec_from_file_location("tokens", sys.argv[1])
module = importlib.util.module_from_spec(spec)
sys.modules["tokens"] = module
spec.loader.exec_module(module)
queries = json.load(sys.stdin)
print(json.dumps({sql: hashlib.sha256(module.canonical(sql).encode()).hexdigest() for sql in queries}))
"""


@pytest.mark.parametrize("python", interpreters(11, 12, 13, 14), ids=name_of)
def test_canonical_hashes_are_the_same_on_other_pythons(python: Path) -> None:
    """The module is loaded alone, from its file: it needs nothing but the standard library."""
    golden = json.loads(GOLDEN_FILE.read_text())
    command = [str(python), "-I", "-c", PROGRAM, tokens_module.__file__]
    done = subprocess.run(command, input=json.dumps(list(golden)), capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == golden

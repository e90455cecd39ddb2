"""Of a long pipeline only the queries are bound that changed, or whose upstreams' columns did; what is told is the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trc import checking
from trc.checking import check
from trc.compiler.sql import skim
from trc.compiler.sql.shared import SharedTables

HEAD = "name: p\nsources: {rows: {csv: rows.csv, columns: {n: integer, m: varchar}}}\nnodes:\n"
QUERIES = {"a": "select n, m from rows", "b": "select n + 1 as k, m from a", "c": "select k, upper(m) as m from b"}


def lay(root: Path, queries: dict[str, str], head: str = HEAD) -> None:
    tasks = (f"  - {{id: {name}, type: duckdb_sql, params: {{sql: {text!r}}}}}\n" for name, text in queries.items())
    (root / "p.yaml").write_text(head + "".join(tasks))


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(checking, "LONG", 0)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "trc.toml").write_text("")
    return tmp_path


@pytest.fixture
def bound(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The queries that DuckDB was asked about, by their texts."""
    texts: list[str] = []
    ask = SharedTables.columns

    def noted(self: SharedTables, query: Any, read: Any) -> Any:
        texts.append(query.text)
        return ask(self, query, read)

    monkeypatch.setattr(SharedTables, "columns", noted)
    return texts


def told() -> object:
    """What is told with the help of what is remembered, which is what is found anew."""
    remembered = check([Path("p.yaml")])
    assert remembered == check([Path("p.yaml")], remembers=False)
    return remembered


def asked(bound: list[str]) -> list[str]:
    bound.clear()
    check([Path("p.yaml")])
    return sorted(bound)


CHANGES: dict[str, tuple[dict[str, str], str, list[str]]] = {
    "a comment": ({}, HEAD + "  # more\n", []),
    "a query without readers": ({"c": "select k from b"}, HEAD, ["c"]),
    "a query that yields the same columns": ({"a": "select n, m from rows where n > 1"}, HEAD, ["a"]),
    "a query that yields another type": ({"a": "select n::double as n, m from rows"}, HEAD, ["a", "b", "c"]),
    "a query that yields another order": ({"a": "select m, n from rows"}, HEAD, ["a", "b"]),
    "a source's type": ({}, HEAD.replace("integer", "bigint"), ["a", "b", "c"]),
    "a source's column more": ({}, HEAD.replace("{n:", "{o: date, n:"), ["a"]),
}


@pytest.mark.parametrize("what", CHANGES)
def test_only_what_changed_is_bound(root: Path, bound: list[str], what: str) -> None:
    lay(root, QUERIES)
    assert asked(bound) == sorted(QUERIES.values())
    changed, head, expected = CHANGES[what]
    queries = {**QUERIES, **changed}
    lay(root, queries, head)
    assert asked(bound) == sorted(queries[name] for name in expected)
    told()


@pytest.mark.parametrize("query", ["select nope from rows", "select n, n from rows", "select", "select random() as r"])
def test_what_there_is_to_tell_is_told_each_time(root: Path, query: str) -> None:
    for number in range(3):
        lay(root, {**QUERIES, "a": query}, f"# {number}\n{HEAD}")
        told()


def test_a_dataset_that_a_known_query_comes_to_hide_is_told_of(root: Path) -> None:
    queries = {"a": "with later as (select n from rows) select n from later"}
    lay(root, queries)
    assert check([Path("p.yaml")]).diagnostics == ()
    skim._skimmed.clear()
    lay(root, {**queries, "later": "select 1 as x"})
    assert [one.code for one in check([Path("p.yaml")]).diagnostics] == ["TRC409"]


def test_what_was_harmed_is_not_used(root: Path, bound: list[str]) -> None:
    lay(root, QUERIES)
    check([Path("p.yaml")])
    for path in (root / ".trc/checked").iterdir():
        data = path.read_bytes()
        path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    assert asked(bound) == sorted(QUERIES.values())


def test_short_pipelines_keep_no_queries(root: Path, bound: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "LONG", 10_000)
    for number in range(2):
        lay(root, QUERIES, f"# {number}\n{HEAD}")
        assert asked(bound) == sorted(QUERIES.values())


TEXTS = {
    "a": ("select n, m from rows", "select m, n from rows", "select x from rows", "select * from rows", "select 1 as n"),
    "b": (
        "select n + 1 as k, m from a",
        "with rows as (select n from a) select n as k from rows",
        "select n as k from A where n > (select max(n) from rows)",
        "select random() as k",
        "select k from c",
    ),
    "c": ("select k from b", "select b.k, a.n from b join a on a.n = b.k", "select count(*) as k from 'rows.csv'"),
}
HEADS = (HEAD, HEAD.replace("integer", "varchar"), HEAD.replace("n: integer, ", ""), HEAD.replace("rows:", "raws:"))


@settings(max_examples=25)
@given(
    st.lists(
        st.tuples(st.sampled_from(HEADS), *(st.sampled_from(TEXTS[name]) for name in TEXTS)), min_size=2, max_size=8
    )
)
def test_after_any_changes_the_same_is_told(
    tmp_path_factory: pytest.TempPathFactory, states: list[tuple[str, str, str, str]]
) -> None:
    root = tmp_path_factory.mktemp("queries")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checking, "LONG", 0)
        patch.chdir(root)
        (root / "trc.toml").write_text("")
        for head, *texts in states:
            lay(root, dict(zip(TEXTS, texts, strict=True)), head)
            # What this process has learnt of texts is not what another would know.
            skim._skimmed.clear()
            remembered = check([Path("p.yaml")])
            skim._skimmed.clear()
            assert remembered == check([Path("p.yaml")], remembers=False)

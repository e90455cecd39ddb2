"""Keys: every part counts, order does not, and what differs is what is named."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from trc.runtime.fingerprint import changes, input_parts, is_narrowed, key_of
from trc.runtime.reasons import Change
from trc.runtime.spec import KeyPart, SkipSpec

PARTS = (
    KeyPart("type", "code", "duckdb_sql"),
    KeyPart("sql", "code", "SELECT 1"),
    KeyPart("params.limit", "parameters", "10"),
    KeyPart("params.name", "parameters", "a"),
    KeyPart("environment.engine.duckdb", "environment", "1.5.5"),
    KeyPart("outputs.output.uri", "outputs", "out.csv"),
    KeyPart("inputs.orders[data/o.csv]", "inputs", "sha256:1"),
    KeyPart("upstream.clean", "inputs", "sha256:2"),
)
ALWAYS = {"type", "sql", "environment.engine.duckdb", "outputs.output.uri"}
EVERYTHING = SkipSpec(can_skip=True)

field_parts = st.lists(
    st.builds(KeyPart, st.text(max_size=8), st.just("code"), st.text(max_size=8)),
    unique_by=lambda part: part.field,
    max_size=6,
)


def test_key_ignores_the_order_of_parts() -> None:
    assert key_of(PARTS) == key_of(reversed(PARTS))


@given(field_parts, field_parts)
def test_keys_are_equal_only_for_equal_parts(one: list[KeyPart], other: list[KeyPart]) -> None:
    def plain(parts: list[KeyPart]) -> set[tuple[str, str]]:
        return {(part.field, part.value) for part in parts}

    assert (key_of(one) == key_of(other)) == (plain(one) == plain(other))


def test_key_is_stable_across_releases() -> None:
    assert key_of(PARTS) == "9199e506b8643db79fb953e216a1dfd7f180062ea2b734430fcfd827d9beea0d"


def _counted(skip: SkipSpec) -> set[str]:
    """The fields whose change is noticed under these terms."""
    noticed: set[str] = set()
    for index, part in enumerate(PARTS):
        changed = (*PARTS[:index], KeyPart(part.field, part.group, "other"), *PARTS[index + 1 :])
        if changes(PARTS, changed, skip):
            noticed.add(part.field)
    return noticed


def test_strategies_narrow_inputs_and_parameters_only() -> None:
    params = {"params.limit", "params.name"}
    inputs = {"inputs.orders[data/o.csv]", "upstream.clean"}
    assert _counted(EVERYTHING) == ALWAYS | params | inputs
    assert _counted(SkipSpec(can_skip=True, strategy="etag")) == ALWAYS | inputs
    assert _counted(SkipSpec(can_skip=True, strategy="checksum")) == ALWAYS | params
    assert _counted(SkipSpec(can_skip=True, checksum_fields=("params.name",))) == ALWAYS | {"params.name"} | inputs
    assert _counted(SkipSpec(can_skip=True, dependency_check=False)) == ALWAYS | params | {"inputs.orders[data/o.csv]"}


def test_narrowing_is_known() -> None:
    assert not is_narrowed(EVERYTHING)
    assert is_narrowed(SkipSpec(can_skip=True, strategy="etag"))
    assert is_narrowed(SkipSpec(can_skip=True, checksum_fields=("params.a",)))
    assert is_narrowed(SkipSpec(can_skip=True, dependency_check=False))


def test_changes_name_what_came_went_and_differs() -> None:
    old = (KeyPart("a", "code", "1"), KeyPart("b", "code", "2"))
    new = (KeyPart("b", "code", "3"), KeyPart("c", "code", "4"))
    assert changes(old, new, EVERYTHING) == (Change("a", "1", None), Change("b", "2", "3"), Change("c", None, "4"))


def test_many_files_are_one_part_that_still_sees_each() -> None:
    files = {f"data/{number}.csv": f"sha256:{number}" for number in range(200)}
    (part,) = input_parts("orders", files)
    (other,) = input_parts("orders", files | {"data/7.csv": "sha256:x"})
    (renamed,) = input_parts("orders", {path.replace("/7.", "/7b."): digest for path, digest in files.items()})
    assert len({part.value, other.value, renamed.value}) == 3

"""Nothing of a secret is left in a text, in whichever encoding it was printed and wherever its pieces were cut."""

from __future__ import annotations

import base64
import json
import shlex
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trc.runtime.taskside.masking import MASK, SHORTEST, Masker, Stream

VALUES = st.text(st.characters(exclude_categories=["Cs"]), min_size=4, max_size=40).filter(
    lambda text: len(text.strip()) >= SHORTEST
)
AROUND = st.binary(max_size=30)
CUTS = st.lists(st.integers(0, 150), max_size=8)
ENCODINGS: dict[str, Callable[[str], str]] = {
    "raw": str,
    "url": lambda value: quote(value, safe=""),
    "url path": quote,
    "url form": quote_plus,
    "url of lower case": lambda value: "%".join(
        one[:2].lower() + one[2:] if place else one for place, one in enumerate(quote(value, safe="").split("%"))
    ),
    "json": lambda value: json.dumps(value)[1:-1],
    "json of more than ASCII": lambda value: json.dumps(value, ensure_ascii=False)[1:-1],
    "json with slashes": lambda value: json.dumps(value)[1:-1].replace("/", "\\/"),
    "python": lambda value: repr(value)[1:-1],
    "python ascii": lambda value: ascii(value)[1:-1],
    "shell": lambda value: shlex.quote(value).removeprefix("'").removesuffix("'"),
}


def in_pieces(masker: Masker, data: bytes, cuts: list[int]) -> bytes:
    stream, shown, start = Stream(masker), b"", 0
    for cut in [*sorted(cuts), len(data)]:
        shown += stream.feed(data[start:cut])
        start = max(start, cut)
    return shown + stream.end()


@pytest.mark.parametrize("encoding", ENCODINGS)
@given(value=VALUES, before=AROUND, after=AROUND, cuts=CUTS)
def test_no_encoding_of_a_value_is_left(
    encoding: str, value: str, before: bytes, after: bytes, cuts: list[int]
) -> None:
    printed = ENCODINGS[encoding](value).encode()
    masker = Masker([value])
    shown = in_pieces(masker, before + printed + after, cuts)
    assert MASK.encode() in shown
    assert shown == masker.bytes(before + printed + after)
    if printed not in MASK.encode() * 40:
        assert printed not in shown.replace(MASK.encode(), b"\0")


@given(
    value=VALUES, before=st.binary(max_size=90), after=st.binary(max_size=90), cuts=CUTS,
    width=st.sampled_from([4, 5, 64, 76, 10_000]), urlsafe=st.booleans(), line_break=st.sampled_from([b"\n", b"\r\n"]),
)  # fmt: skip
def test_no_base64_of_a_value_is_left(
    value: str, before: bytes, after: bytes, cuts: list[int], width: int, urlsafe: bool, line_break: bytes
) -> None:
    """At each of the three places in a group of base64, and across its lines."""
    encode = base64.urlsafe_b64encode if urlsafe else base64.b64encode
    whole = encode(before + value.encode() + after)
    printed = line_break.join(whole[at : at + width] for at in range(0, len(whole), width))
    shown = in_pieces(Masker([value]), printed, cuts)
    assert MASK.encode() in shown
    joined = shown.translate(None, b"\r\n")
    start, end = -(-len(before) * 8 // 6), (len(before) + len(value.encode())) * 8 // 6
    assert whole[start:end] not in joined


@given(st.lists(st.text("ab", min_size=4, max_size=9), min_size=1, max_size=3), st.text("ab\n", max_size=60), CUTS)
def test_values_that_overlap_and_repeat_leave_nothing(values: list[str], text: str, cuts: list[int]) -> None:
    masker = Masker(values)
    shown = in_pieces(masker, text.encode(), cuts)
    assert shown == masker.bytes(text.encode())
    assert not any(value.encode() in shown for value in values)


@given(st.binary(max_size=200), CUTS)
@example(b"secre", [1])
@example(b"c2Vjcm", [3])
def test_other_text_stays_as_it_is(text: bytes, cuts: list[int]) -> None:
    assert in_pieces(Masker(["secret that nobody says"]), text, cuts) == text


@given(VALUES, AROUND, st.integers(4, 40), CUTS)
def test_what_is_cut_off_in_a_value_leaves_little_of_it(
    value: str, before: bytes, length: int, cuts: list[int]
) -> None:
    """Who is killed while printing has printed the beginning of a value."""
    part = value.encode()[:length]
    stream, shown, start = Stream(Masker([value])), b"", 0
    for cut in [*sorted(cuts), len(before + part)]:
        shown += stream.feed((before + part)[start:cut])
        start = max(start, cut)
    shown += stream.end(is_cut=True)
    assert shown.endswith(MASK.encode())
    assert part not in shown.replace(MASK.encode(), b"\0")


def test_lines_of_a_value_are_masked_by_themselves() -> None:
    key = "-----BEGIN KEY-----\r\n  MIIEpAIBAAKCAQEA1\r\nx\r\n-----END KEY-----\r\n"
    shown = Masker([key]).text("first MIIEpAIBAAKCAQEA1, then x and -----END KEY-----")
    assert shown == "first ***, then x and ***"


def test_a_value_is_found_without_the_space_around_it() -> None:
    assert Masker(["  spaced out \n"]).text("<spaced out>") == "<***>"


def test_what_cannot_be_the_beginning_of_a_value_is_not_held_back() -> None:
    stream = Stream(Masker(["hunter2"]))
    assert stream.feed(b"hello, hun") == b"hello, "
    assert stream.feed(b"ting\n") == b"hunting\n"
    assert stream.feed(b"hunter2") == b"***"
    assert stream.end() == b""


def test_a_long_run_of_a_value_is_not_kept() -> None:
    stream = Stream(Masker(["0000"]))
    shown = b"".join(stream.feed(b"0" * 10_000) for _ in range(20))
    assert len(stream._held) < 4
    assert shown + stream.end() == b"***"


def test_values_of_json_are_masked_wherever_they_stand() -> None:
    masker = Masker(["hunter2", "12345"])
    value = {"a": ["hunter2", 12345, 1.5, True, None], "of hunter2": {"b": "x12345y"}}
    assert masker.value(value) == {"a": ["***", "***", 1.5, True, None], "of ***": {"b": "x***y"}}

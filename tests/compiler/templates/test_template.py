"""Templates are bounded and reach nothing: each hostile one ends early, in plain words."""

from __future__ import annotations

import time
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trc.compiler.frontends.syntax import Scalar
from trc.compiler.source import ScalarMap, Segment, Span
from trc.compiler.templates.mistake import Mistake, Unsettled
from trc.compiler.templates.rendered import rendered
from trc.compiler.templates.template import macros_of, run
from trc.compiler.templates.texts import plain_text
from trc.compiler.templates.world import MISSING, Names, World

NAMES: dict[str, Any] = {"day": date(2026, 1, 31), "name": "it's", "list": [3, 1, 2], "map": {"k": "v"}, "n": 7}


def text(template: str, names: dict[str, Any] | None = None, **more: Any) -> str:
    pieces = run(template, World({**(NAMES if names is None else names), **more}))
    return "".join(plain_text(piece.value) for piece in pieces)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{{ day }}", "2026-01-31"),
        ("{{ day | add_days(-31) }}", "2025-12-31"),
        ("{{ day | format_date('%Y/%m') }}", "2026/01"),
        ("{{ day.year }}-{{ day.day }}", "2026-31"),
        ("{{ name | upper | replace(\"'\", '') }}", "ITS"),
        ("{{ list | sort | join('-') }}", "1-2-3"),
        ("{{ list | length }}{{ list[0] }}{{ list | max }}", "333"),
        ("{{ map.k }}{{ map['k'] }}{{ map.z | default('d') }}", "vvd"),
        ("{% for x in list %}{{ loop.index }}:{{ x }} {% endfor %}", "1:3 2:1 3:2 "),
        ("{% for k in map %}{{ k }}{% endfor %}", "k"),
        ("{% set x = n * 2 + 1 %}{{ x }}{{ x is odd }}", "15true"),
        ("{{ 'a' ~ n ~ day }}", "a72026-01-31"),
        ("{% if n > 5 and name %}y{% else %}n{% endif %}", "y"),
        ("{% macro f(x) %}<{{ x }}>{% endmacro %}{{ f(1) }}{{ f('a') }}", "<1><a>"),
        ("{{ {'a': {'b': 1}} | json }}", '{"a": {"b": 1}}'),
        ("{{ range(3) | join }}", "012"),
        ("{{ name[1:3] }}", "t'"),
        ("a\r\nb {{ n }}\r\n", "a\r\nb 7\r\n"),
    ],
)
def test_templates_say(template: str, expected: str) -> None:
    assert text(template) == expected


HOSTILE = {
    "nested loops": "{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}",
    "deeper loops": "{% for a in range(999) %}" * 8 + "{{ a }}" + "{% endfor %}" * 8,
    "a long text": "{{ 'a' * 10**9 }}",
    "a long text in steps": "{% set a = 'aaaaaaaaaa' * 100000 %}{{ a ~ a }}",
    "many long texts": "{% for x in range(9999) %}{{ 'a' * 1000000 }}{% endfor %}",
    "a format": "{{ '%1000000000d' % 1 }}",
    "a format method": "{{ '{:1000000000}'.format(1) }}",
    "padding": "{{ 'a'.ljust(10**9) }}",
    "a large number": "{{ 10 ** (10 ** 10) }}",
    "a number in steps": "{{ (2**2000) * (2**2000) }}",
    "a large range": "{{ range(10**12) | length }}",
    "a long list": "{{ [0] * 10**9 }}",
    "a recursive macro": "{% macro f(n) %}{{ f(n) }}{% endmacro %}{{ f(1) }}",
    "a macro that forks": "{% macro f(n) %}{% if n %}{{ f(n-1) }}{{ f(n-1) }}{% endif %}{% endmacro %}{{ f(60) }}",
    "a macro of its own": "{% macro d(x) %}{{ x }}{{ x }}{% endmacro %}{{ " + "d(" * 40 + "'a'" + ")" * 40 + " }}",
    "nested lists": "{% set a = [1,1,1,1] %}" + "{% set a = [a,a,a,a] %}" * 40 + "{{ a }}",
    "many replacements": "{% set a = 'x' * 1000000 %}{{ a | replace('', a) }}",
    "a long join": "{{ range(9999) | join('x' * 1000) }}",
    "brackets": "{{ " + "(" * 100 + "1" + ")" * 100 + " }}",
    "a chain": "{{ 1" + "+1" * 20000 + " }}",
    "many words not": "{{ " + "not " * 10000 + "1 }}",
    "many blocks": "{% if 1 %}" * 300 + "{% endif %}" * 300,
    "a long template": "{{ '" + "a" * 100_000 + "' }}",
    "classes": "{{ ''.__class__.__mro__ }}",
    "classes by item": "{{ ''['__class__'] }}",
    "classes by filter": "{{ '' | attr('__class__') }}",
    "a macro's inside": "{% macro f() %}{% endmacro %}{{ f.__globals__ }}",
    "a method": "{{ list.append(1) }}",
    "the loop's inside": "{% for x in list %}{{ loop.__init__ }}{% endfor %}",
    "ours": "{{ __value(0, 1) }}",
    "self": "{{ self }}",
    "a global": "{{ lipsum() }}",
    "a namespace": "{{ namespace() }}",
    "a mark": "{{ '\\x00v0\\x00' }}",
    "a wide date format": "{{ day | format_date('%1000000000Y') }}",
    "a far date": "{{ day | add_days(10**9) }}",
    "include": "{% include 'x' %}",
    "import": "{% import 'x' as y %}",
    "extends": "{% extends 'x' %}",
    "a function as a value": "{{ range }}",
    "a macro as a value": "{% macro f() %}{% endmacro %}{{ f }}",
    "undefined attribute": "{{ map.z }}",
    "division": "{{ 1 / 0 }}",
    "mixed": "{{ 'a' + 1 }}",
    "missing": "{{ nothing }}",
    "open": "{{ a",
    "open text": "{{ 'a }}",
    "closing": "{{ a) }}",
    "open comment": "{# a",
    "open raw": "{% raw %}",
    "empty": "{{ }}",
    "no end": "{% for x in list %}",
    "unknown statement": "{% while x %}",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_template_ends_early(name: str) -> None:
    """Each is refused at a place in it, well within five seconds of work."""
    began = time.process_time()
    with pytest.raises(Mistake) as told:
        text(HOSTILE[name])
    assert time.process_time() - began < 5
    assert told.value.code in ("TRC112", "TRC113", "TRC114")
    assert told.value.message[0].islower() or not told.value.message[0].isalpha()
    assert "object" not in told.value.message
    assert 0 <= told.value.start <= (told.value.end or 0) or told.value.end is None


@settings(max_examples=150)
@given(
    st.lists(
        st.sampled_from(
            # The words of templates.
            [
                "{{",
                "}}",
                "{%",
                "%}",
                "{#",
                "#}",
                "-",
                "'",
                '"',
                "(",
                ")",
                "[",
                "]",
                "|",
                "~",
                "+",
                "*",
                ".",
                ",",
                ":",
                "=",
                "==",
                "for",
                "in",
                "endfor",
                "if",
                "endif",
                "else",
                "set",
                "macro",
                "endmacro",
                "raw",
                "endraw",
                "name",
                "list",
                "map",
                "n",
                "day",
                "loop",
                "range",
                "f",
                "upper",
                "default",
                "join",
                "1",
                "0",
                "x",
                "item",
                "tasks",
                "\\",
                "\n",
            ]
        ),
        max_size=25,
    )
)
def test_any_template_is_said_or_refused(words: list[str]) -> None:
    try:
        text(" ".join(words))
    except Mistake as mistake:
        assert mistake.message  # noqa: PT017 - either outcome is right


@pytest.mark.parametrize(
    ("template", "place"),
    [
        ("ab {{ dya }}", "dya"),
        ("{{ 'dya' ~ dya }}", "dya }"),
        ("x {% if nmae == 1 %}{% endif %}", "nmae"),
        ("{{ n }} {{ name | uper }}", "{{ name | uper }}"),
        ("{{ n }}\n{{ n +\n }} {{ n }}", "{{ n +\n }}"),
        ("{{ n }}\n{{ list[9] }} {{ n }}", "{{ list[9] }}"),
        ("{{ n }}{{ run.dat }}", "{{ run.dat }}"),
    ],
)
def test_mistake_is_at_its_place(template: str, place: str) -> None:
    run_names = Names("run", {"date": date(2026, 1, 1)}, lambda _: None)
    with pytest.raises(Mistake) as told:
        text(template, run=run_names)
    assert template[told.value.start :].startswith(place)


def test_value_that_nobody_gave_ends_the_rendering() -> None:
    params = Names("params", {"x": MISSING}, lambda _: None)
    for template in ("{{ x }}", "{{ params.x }}", "{{ params['x'] }}"):
        with pytest.raises(Unsettled):
            text(template, x=MISSING, params=params)


def test_macros_of_a_file() -> None:
    macros = macros_of("m.jinja", "\n{% macro cents(c) -%} {{ c | ident }} / 100 {%- endmacro %}\n{# so #}\n")
    assert macros.names == {"cents"}
    world = World(dict(NAMES), (macros,))
    (made, *_rest) = run("{{ cents('a') }}", world)
    assert made.depth == 1


@pytest.mark.parametrize("source", ["hello", "{{ 1 }}", "{% set x = 1 %}", "{% macro f( %}{% endmacro %}"])
def test_file_of_macros_holds_nothing_else(source: str) -> None:
    with pytest.raises(Mistake):
        macros_of("m.jinja", source)


def test_characters_know_where_they_stand() -> None:
    """A text's own characters are mapped one by one, a value's to all of its template."""
    template = "select {{ n }} as a, typo"
    whole = Span("f", 100, 100 + len(template))
    scalar = Scalar(template, "literal", ScalarMap(whole, (Segment(0, 100, len(template)),)))
    made = rendered(scalar, World(dict(NAMES)), is_sql=True, run_time=False, has_item=False)
    assert isinstance(made, Scalar)
    assert made.value == "select 7 as a, typo"
    at = made.value.index("typo")
    assert made.map.span(at, at + 4) == Span("f", 100 + template.index("typo"), 100 + len(template))
    seven = made.value.index("7")
    assert made.map.span(seven, seven + 1) == Span("f", 107, 114)
    assert made.map.span(seven - 1, seven + 2) == Span("f", 106, 115)
    assert made.map.is_computed(seven, seven + 1)
    assert not made.map.is_computed(at, at + 4)

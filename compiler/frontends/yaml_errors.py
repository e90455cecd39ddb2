"""Puts the YAML parser's complaints into plain words, at the place that the author has to change."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

import yaml

from trc.compiler.diagnostics.diagnostic import Diagnostic, Fix, Label
from trc.compiler.source import SourceFile


@dataclass(frozen=True, slots=True)
class _Words:
    """How one complaint is told: `at_start` points at where the construct began instead of where it broke."""

    problem: str
    message: str
    help: str = ""
    at_start: bool = False
    began: str = ""


_QUOTE_IT: Final = 'put the text in quotes if it holds ": "'
_WHOLE_VALUE: Final = "put the whole value in quotes, or check the indent of this line"
_BACKSLASH: Final = "write \\\\ for a backslash, or use single quotes"
_TEXT_BLOCK: Final = 'begin the text on the next line, indented; or put a text that begins with "|" or ">" in quotes'
_TABLE: Final = (
    _Words("mapping values are not allowed", 'a ":" stands where no key can be', _QUOTE_IT),
    _Words("could not find expected ':'", 'a line is neither a "key: value" nor a list item', 'add the missing ":"'),
    _Words("did not find expected key", "something follows a value that is already complete", _WHOLE_VALUE),
    _Words("expected <block end>", "something follows a value that is already complete", _WHOLE_VALUE),
    _Words(
        "did not find expected '-'",
        'a list goes on without "-"',
        'begin each item of the list with "- ", or indent the line to match what it belongs to',
        began="the list begins here",
    ),
    _Words(
        "sequence entries are not allowed",
        "a list item stands where no list can begin",
        'begin a list on a line of its own, with "- " before each item',
    ),
    _Words("mapping keys are not allowed", 'a "? " stands where no key can be', 'put a text that begins with "?" in quotes'),
    _Words("',' or ']'", 'a list in brackets is not closed: "," or "]" is missing', began='the "[" that is not closed'),
    _Words("',' or '}'", 'a mapping in braces is not closed: "," or "}" is missing', began='the "{" that is not closed'),
    _Words("unexpected end of stream", "a quoted text is not closed", "add the closing quote", at_start=True),
    _Words(
        "unexpected document indicator",
        'a quoted text is not closed before a line that begins with "---" or "..."',
        "add the closing quote",
        at_start=True,
    ),
    _Words("unknown escape", "a backslash in double quotes begins no escape that YAML has", _BACKSLASH),
    _Words("hexdec", "an escape in double quotes lacks hexadecimal digits", _BACKSLASH),
    _Words("escape sequence of", "an escape in double quotes lacks hexadecimal digits", _BACKSLASH),
    _Words("Unicode character escape", "an escape in double quotes stands for no character"),
    _Words("tab character", "a tab stands where spaces belong", "indent with spaces"),
    _Words("comment or line break", 'something follows "|" or ">" on its line', _TEXT_BLOCK),
    _Words("comment or a line break", 'something follows "|" or ">" on its line', _TEXT_BLOCK),
    _Words("indentation indicator", "the indent of a text block lies between 1 and 9"),
    _Words("expected alphabetic or numeric", 'a name is missing after "&" or "*"', 'put a text that begins with "&" or "*" in quotes', at_start=True),
    _Words("undefined tag handle", 'a "!" begins a tag that is not declared', 'put a text that begins with "!" in quotes'),
    _Words("tag", 'a "!" begins a tag that does not end', 'put a text that begins with "!" in quotes', at_start=True),
    _Words("directive", 'a "%" at the start of a line is no directive that YAML knows', "remove the line", at_start=True),
    _Words("incompatible YAML", "the file asks for another version of YAML", "remove the %YAML line"),
    _Words("<document start>", "something stands where the document should begin", "remove it"),
    _Words("unexpected ':'", 'a ":" stands inside an unquoted text', _QUOTE_IT),
    _Words("node content", "a value is missing here"),
)  # fmt: skip


def syntax_error(file: SourceFile, error: yaml.YAMLError) -> Diagnostic:
    """What a syntax error means, where it is, and what to change."""
    at = _index(getattr(error, "problem_mark", None), len(file.text))
    tab = _indenting_tab(file.text, at)
    if tab is not None:
        return tab_error(file, tab)
    problem = str(getattr(error, "problem", None) or error)
    if "cannot start any token" in problem or "could not find expected" in problem:
        forbidden = _forbidden_start(file, at)
        if forbidden:
            return forbidden
    if "mapping values are not allowed" in problem and (continued := _continued_line(file, at)):
        return continued
    words = next((words for words in _TABLE if words.problem in problem), None)
    if words is None:
        return Diagnostic("TRC106", "the text breaks the rules of YAML here", file.span(at, _token_end(file.text, at)))
    return _told(file, words, at, _index(getattr(error, "context_mark", None), at))


_OPENING: Final = {"[": "]", "{": "}"}


def _told(file: SourceFile, words: _Words, at: int, start: int) -> Diagnostic:
    place = start if words.at_start else _visible(file.text, at)
    if at >= len(file.text.rstrip()) and file.text[place : place + 1] in _OPENING:
        message = f'"{file.text[place]}" is never closed'
        return Diagnostic(
            "TRC106", message, file.span(place, place + 1), help=(f'add the "{_OPENING[file.text[place]]}"',)
        )
    span = file.span(place, place + 1 if words.at_start else _token_end(file.text, place))
    related: tuple[Label, ...] = ()
    if words.began and start < at:
        related = (Label(file.span(start, start + 1), words.began),)
    return Diagnostic("TRC106", words.message, span, related=related, help=(words.help,) if words.help else ())


def _continued_line(file: SourceFile, at: int) -> Diagnostic | None:
    """A ":" in a line that YAML takes for the rest of the text above it."""
    text = file.text
    start = text.rfind("\n", 0, at) + 1
    if start == 0 or not re.fullmatch(r" *[\w.-]+", text[start:at]):
        return None
    key = start + len(text[start:at]) - len(text[start:at].lstrip())
    above = text[:start].rstrip()
    above_start = above.rfind("\n") + 1
    above_start += len(above[above_start:]) - len(above[above_start:].lstrip())
    return Diagnostic(
        "TRC106",
        f'"{text[key:at]}" reads as the rest of the text above it, so no ":" can follow',
        file.span(key, at),
        related=(Label(file.span(above_start, len(above)), "the text above"),),
        help=('check the indent of this line, and whether the line above lacks its ":"',),
    )


def tab_error(file: SourceFile, at: int) -> Diagnostic:
    """A tab in a line's indent, with the edit that puts spaces there."""
    end = at + len(file.text[at:]) - len(file.text[at:].lstrip("\t"))
    fix = Fix(file.span(at, end), "  " * (end - at), "indent with spaces")
    return Diagnostic(
        "TRC105",
        "a tab indents this line, and YAML indents with spaces only",
        file.span(at, end),
        help=("replace the tab with spaces",),
        fix=fix,
    )


def unprintable(file: SourceFile, at: int) -> Diagnostic:
    """A character that YAML allows nowhere in a file."""
    name = f"U+{ord(file.text[at]):04X}"
    return Diagnostic(
        "TRC106",
        f"the control character {name} cannot stand in YAML",
        file.span(at, at + 1),
        help=(f'remove it; in double quotes it is written "\\x{ord(file.text[at]):02x}"',)
        if ord(file.text[at]) < 256
        else ("remove it",),
    )


def _forbidden_start(file: SourceFile, at: int) -> Diagnostic | None:
    """A value that begins with a character that YAML reserves; the fix quotes it."""
    text = file.text
    if at >= len(text) or text[at] not in "@`%":
        return None
    end = re.compile(r"[^\r\n]*?(?=\s+#|\s*[\r\n]|\s*\Z)").match(text, at)
    stop = end.end() if end and end.end() > at else at + 1
    line = text[text.rfind("\n", 0, at) + 1 : at]
    if line.count("{") + line.count("[") > line.count("}") + line.count("]"):
        stop = at + len(re.split(r"[,\]}]", text[at:stop], maxsplit=1)[0])
    value = text[at:stop].replace("\\", "\\\\").replace('"', '\\"')
    return Diagnostic(
        "TRC106",
        f'a text cannot begin with "{text[at]}" without quotes',
        file.span(at, stop),
        help=("put it in quotes",),
        fix=Fix(file.span(at, stop), f'"{value}"', "put it in quotes"),
    )


def _index(mark: object, default: int) -> int:
    index = getattr(mark, "index", None)
    return index if isinstance(index, int) else default


def _indenting_tab(text: str, at: int) -> int | None:
    """The first tab before any other character of the line of `at`, or of the nearest line above that is not blank."""
    start = text.rfind("\n", 0, at) + 1
    line = text[start : max(text.find("\n", start), start) or len(text)]
    indent = line[: len(line) - len(line.lstrip(" \t"))]
    return start + indent.index("\t") if "\t" in indent and start + indent.index("\t") <= at else None


def _visible(text: str, at: int) -> int:
    """At the end of the text, the last character that one can see."""
    return at if at < len(text) else max(len(text.rstrip()) - 1, 0)


def _token_end(text: str, at: int) -> int:
    match = re.compile(r"[\w-]+|\S|").match(text, at)
    return max(match.end() if match else at, min(at + 1, len(text)))

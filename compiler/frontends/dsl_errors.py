"""Puts the parser's complaints about `.trc` text into plain words, at the place that the author has to change."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from lark import Token, UnexpectedInput

from trc.compiler.diagnostics.diagnostic import Diagnostic, Fix, Label
from trc.compiler.diagnostics.nearest import did_you_mean
from trc.compiler.diagnostics.wording import one_line
from trc.compiler.frontends.dsl_outline import KEYWORDS, Outline
from trc.compiler.source import SourceFile, Span


@dataclass(frozen=True, slots=True)
class _Spot:
    """Where the parser could not go on: in the statement at `[start, end)`, at `at`, having wanted `wanted`."""

    file: SourceFile
    start: int
    end: int
    at: int
    kind: str
    wanted: frozenset[str]
    outline: Outline

    @property
    def rest(self) -> str:
        """What follows, to the end of the line."""
        stop = self.file.text.find("\n", self.at, self.end)
        return self.file.text[self.at : self.end if stop < 0 else stop]

    @property
    def before(self) -> str:
        """The line up to the place."""
        return self.file.text[self.file.text.rfind("\n", 0, self.at) + 1 : self.at]

    def span(self, length: int | None = None) -> Span:
        if length is None:
            found = re.compile(r"\w+|\S|").match(self.file.text, self.at, max(self.end, self.at))
            length = max(1, found.end() - found.start()) if found else 1
        stop = min(self.at + length, max(self.end, self.at + 1), len(self.file.text))
        return self.file.span(min(self.at, stop), stop)

    def told(self, message: str, *help_lines: str, span: Span | None = None, **more: Any) -> Diagnostic:
        lines = tuple(one_line(line) for line in help_lines)
        return Diagnostic("TRC120", message, span or self.span(), help=lines, **more)


def syntax_error(file: SourceFile, error: UnexpectedInput, outline: Outline) -> tuple[Diagnostic, Span | None]:
    """What is wrong in the statement of which `outline` is, and the lines without which the rest may be read."""
    spot = _spot(file, error, outline)
    diagnostic = next((told for explain in _EXPLAINERS if (told := explain(spot)) is not None), None)
    return diagnostic or _unexpected(spot), _culprit(spot, diagnostic)


def _spot(file: SourceFile, error: UnexpectedInput, outline: Outline) -> _Spot:
    start, end = outline.start, outline.end
    token = getattr(error, "token", None)
    wanted = frozenset(
        getattr(error, "accepts", None) or getattr(error, "expected", None) or getattr(error, "allowed", None) or ()
    )
    if isinstance(token, Token):
        at = end if token.type == "$END" else start + (token.start_pos or 0)
        return _Spot(file, start, end, at, token.type, wanted, outline)
    position = getattr(error, "pos_in_stream", None)
    return _Spot(file, start, end, start + (position or 0), "", wanted, outline)


# ── what is left out, so that the rest can be read ──


def _culprit(spot: _Spot, diagnostic: Diagnostic | None) -> Span | None:
    """The lines of the item that is wrong, brackets that open in it taken whole; None where they cannot be told."""
    if diagnostic and diagnostic.related:
        return None  # a bracket that does not match: nobody knows where what it closes ends
    text = spot.file.text
    at = diagnostic.span.start if diagnostic and diagnostic.span else spot.at
    first = text.rfind("\n", 0, at) + 1
    if first <= spot.start:
        return None
    stop = text.find("\n", at, spot.end)
    last = spot.end if stop < 0 else stop
    opened = [bracket for bracket in spot.outline.open_at(last) if bracket >= first]
    if opened:
        closing = _closing(spot.outline, opened[0])
        if closing is None:
            return None
        stop = text.find("\n", closing, spot.end)
        last = spot.end if stop < 0 else stop
    return spot.file.span(first, last)


def _closing(outline: Outline, opening: int) -> int | None:
    brackets = outline.brackets
    place = next(index for index, bracket in enumerate(brackets) if bracket.offset == opening)
    depth = brackets[place].depth
    return next((one.offset for one in brackets[place:] if not one.opens and one.depth == depth), None)


# ── explanations, the most particular first ──

_CURLY: Final = {
    "\u201c": '"',
    "\u201d": '"',
    "\u201e": '"',
    "\u00ab": '"',
    "\u00bb": '"',
    "\u2018": "'",
    "\u2019": "'",
}
_VALUE: Final = frozenset({"STRING", "INT"})
# A word is looked for at its beginning: from each of its letters, a long one would take for ever.
_KEY: Final = r'(?<!\w)[^\W\d]\w*|"[^"\n]*"'


def _missing_value(spot: _Spot) -> Diagnostic | None:
    """`memory =`, and a line break or a closing bracket: the next line's key was taken for the value, if any."""
    text = spot.file.text[spot.start : spot.at]
    bare = re.compile(r"=\s*\Z").search(text) if spot.rest[:1] in ("}", ",", "]") else None
    followed = re.compile(r"=[ \t]*(?:#[^\n]*)?\n\s*[^\W\d][\w.]*\s*\Z").search(text)
    found = bare or (followed if spot.kind in ("EQUAL", "LBRACE", "RBRACE") else None)
    if found is None:
        return None
    at = spot.start + found.start()
    key = re.search(rf"({_KEY})\s*\Z", spot.file.text[spot.start : at])
    name = _quoted(key[1]) if key else "the key"
    return spot.told(f"{name} has no value", "write one, or remove the key", span=spot.file.span(at, at + 1))


def _unclosed_text(spot: _Spot) -> Diagnostic | None:
    rest = spot.rest
    if rest.startswith('"'):
        span = spot.file.span(spot.at, spot.at + len(rest.rstrip()))
        return spot.told(
            "the text that begins here does not end on its line",
            'add the closing "; a text of several lines stands between $$ and $$',
            span=span,
        )
    mark = re.match(r"\$(?:[^\W\d]\w*)?\$", rest)
    if mark and spot.kind not in ("RAW", "TAGGED"):
        return spot.told(
            f'the raw text that begins here does not end: "{mark[0]}" is missing',
            f"add {mark[0]} behind it",
            span=spot.span(len(mark[0])),
        )
    return None


def _foreign_quote(spot: _Spot) -> Diagnostic | None:
    character = spot.rest[:1]
    if character == "'":
        whole = re.match(r"'([^'\n]*)'", spot.rest)
        length = len(whole[0]) if whole else 1
        span = spot.span(length)
        fix = (
            Fix(span, f'"{whole[1]}"', "use double quotes")
            if whole and '"' not in whole[1] and "\\" not in whole[1]
            else None
        )
        return spot.told("a text stands in double quotes", "use double quotes", span=span, fix=fix)
    if character in _CURLY:
        span = spot.span(1)
        return spot.told(
            f"the quote {character} is a typographic one",
            f"write {_CURLY[character]}",
            span=span,
            fix=Fix(span, _CURLY[character], "write a straight quote"),
        )
    return None


def _foreign_comment(spot: _Spot) -> Diagnostic | None:
    for mark in ("//", "--", "/*"):
        if spot.rest.startswith(mark):
            span = spot.span(2)
            fix = Fix(span, "#", 'begin it with "#"') if mark != "/*" else None
            return spot.told(f'"{mark}" begins no comment here', 'a comment begins with "#"', span=span, fix=fix)
    return None


def _semicolon(spot: _Spot) -> Diagnostic | None:
    if not spot.rest.startswith(";"):
        return None
    return spot.told(
        'a ";" ends nothing here',
        "remove it: a line's end is enough",
        span=spot.span(1),
        fix=Fix(spot.span(1), "", "remove it"),
    )


def _strange_space(spot: _Spot) -> Diagnostic | None:
    character = spot.rest[:1]
    if not character or not character.isspace() or character in " \t\r\n\f":
        return None
    span = spot.span(1)
    return spot.told(
        f"the character U+{ord(character):04X} looks like a space",
        "write a space",
        span=span,
        fix=Fix(span, " ", "write a space"),
    )


def _dashed_name(spot: _Spot) -> Diagnostic | None:
    """`download-data` where a name stands."""
    left = re.search(r"(?<!\w)[^\W\d]\w*\Z", spot.before)
    right = re.match(r"-[\w-]*", spot.rest)
    if left is None or right is None or right[0] == "-":
        return None
    at = spot.at - len(left[0])
    span = spot.file.span(at, spot.at + len(right[0]))
    name = f"{left[0]}{right[0]}"
    return spot.told(
        f'the name "{name}" holds a "-"',
        "put it in double quotes",
        span=span,
        fix=Fix(span, f'"{name}"', "put it in quotes"),
    )


def _bare_template(spot: _Spot) -> Diagnostic | None:
    if not spot.rest.startswith("{{") and not (spot.rest.startswith("{") and spot.before.endswith("{")):
        return None
    at = spot.at if spot.rest.startswith("{{") else spot.at - 1
    whole = re.compile(r"\{\{[^\n]*?\}\}").match(spot.file.text, at)
    span = spot.file.span(at, whole.end() if whole else at + 2)
    fix = Fix(span, f'"{whole[0]}"', "put it in quotes") if whole and '"' not in whole[0] else None
    return spot.told("a template stands outside of a text", "put it in double quotes", span=span, fix=fix)


def _wrong_equals(spot: _Spot) -> Diagnostic | None:
    doubled = spot.before.endswith("=") and spot.rest[:1] in ("=", ">")
    at = spot.at - 1 if doubled else spot.at
    if not doubled and "EQUAL" not in spot.wanted:
        return None
    for mark in ("==", ":=", "=>", "->", ":"):
        if spot.file.text.startswith(mark, at):
            span = spot.file.span(at, at + len(mark))
            return spot.told(
                f'"{mark}" stands where "=" belongs', 'write "="', span=span, fix=Fix(span, "=", 'write "="')
            )
    return None


def _missing_type(spot: _Spot) -> Diagnostic | None:
    """Behind `key:`: a column's type, unless it is no column at all."""
    if "COLUMN_TYPE" not in spot.wanted:
        return None
    opened = spot.outline.open_at(spot.at)
    if opened and re.search(r"columns\s*+(?:=\s*+)?\Z", spot.file.text[spot.start : opened[-1]]):
        return spot.told(
            f"{_shown(spot)} begins no type", "write a type of DuckDB's, such as varchar or decimal(18, 2)"
        )
    key = re.search(rf"({_KEY})(\s*:\s*)\Z", spot.file.text[spot.start : spot.at])
    if key is None:
        return None
    colon = spot.file.span(spot.start + key.start(2), spot.at)
    return spot.told(
        f'":" stands behind {_quoted(key[1])}, and "=" is wanted',
        f"write {key[1]} = {spot.rest.strip()}",
        span=spot.file.span(spot.start + key.start(2), spot.start + len(key[0].rstrip()) + key.start()),
        fix=Fix(colon, " = ", 'write "="'),
    )


def _lone_key(spot: _Spot) -> Diagnostic | None:
    """A key, and then the next thing."""
    if not spot.wanted >= {"EQUAL", "LBRACE"} or spot.rest[:1] in ("=", "-"):
        return None
    key = re.search(rf"({_KEY})\s*\Z", spot.file.text[spot.start : spot.at])
    if key is None:
        return None
    at = spot.start + key.start()
    span = spot.file.span(at, at + len(key[1]))
    return spot.told(f"{_quoted(key[1])} has no value", f"write {key[1]} = …", span=span)


def _quoted(key: str) -> str:
    return key if key.startswith('"') else f'"{key}"'


def _number_with_letters(spot: _Spot) -> Diagnostic | None:
    found = re.compile(r"[-+]?\d[\w.+-]*").match(spot.rest)
    if found is None or spot.kind in ("INT", "FLOAT", "DURATION", "SIZE", "DATE", "TIMESTAMP"):
        return None
    return spot.told(
        f'"{found[0]}" is no number, duration, size or date',
        "durations read 90s or 1h30m, sizes 512Mi or 2Gi, dates 2026-01-31; put a text in double quotes",
        span=spot.span(len(found[0])),
    )


def _not_closed(spot: _Spot) -> Diagnostic | None:
    if spot.kind != "$END":
        return None
    opened = spot.outline.open_at(spot.end)
    if not opened:
        return None
    character = spot.file.text[opened[-1]]
    closing = {"{": "}", "[": "]", "(": ")"}[character]
    span = spot.file.span(opened[-1], opened[-1] + 1)
    return spot.told(f'the "{character}" that opens here is not closed', f'add "{closing}" where it ends', span=span)


def _cut_short(spot: _Spot) -> Diagnostic | None:
    """The statement ends, and something is still wanted."""
    if spot.kind != "$END":
        return None
    text = spot.file.text
    end = spot.start + len(text[spot.start : spot.end].rstrip())
    last = re.search(r"(?<!\w)\w+\Z|\S\Z", text[spot.start : end])
    span = spot.file.span(end - len(last[0]) if last else spot.start, end)
    return spot.told(f"the statement ends here, and {_list_of(spot.wanted)} is still wanted", span=span)


def _closes_nothing(spot: _Spot) -> Diagnostic | None:
    if spot.rest[:1] not in ("}", "]", ")"):
        return None
    opened = spot.outline.open_at(spot.at)
    if not opened:
        return spot.told(f'this "{spot.rest[0]}" closes nothing', "remove it", span=spot.span(1))
    character = spot.file.text[opened[-1]]
    closing = {"{": "}", "[": "]", "(": ")"}[character]
    if closing == spot.rest[0]:
        return None
    return spot.told(
        f'a "{character}" is closed by "{spot.rest[0]}"',
        f'write "{closing}", or close what is open first',
        span=spot.span(1),
        related=(Label(spot.file.span(opened[-1], opened[-1] + 1), "opened here"),),
    )


def _task_without_type(spot: _Spot) -> Diagnostic | None:
    text = spot.file.text[spot.start : spot.at].rstrip()
    if "NAME" not in spot.wanted or not re.fullmatch(r'task\s+(?:[^\W\d]\w*|"[^"\n]*")\s*=', text):
        return None
    at = spot.start + len(text)
    remedy = 'write sql $$ … $$, python("file.py:name"), shell $$ … $$, or another task type'
    return spot.told("the task has no type", remedy, span=spot.file.span(at - 1, at))


def _unquoted_sql(spot: _Spot) -> Diagnostic | None:
    """`task x = sql select …`."""
    if "RAW" not in spot.wanted or not re.search(r"=\s*(?:sql|shell)\s*\Z", spot.file.text[spot.start : spot.at]):
        return None
    kind = "SQL" if re.search(r"sql\s*\Z", spot.file.text[spot.start : spot.at]) else "a command"
    return spot.told(f"{kind} stands between $$ and $$", "write $$ before it, and $$ behind it")


_SQL: Final = frozenset({"select", "with", "insert", "create", "values"})


def _statement_keyword(spot: _Spot) -> Diagnostic | None:
    if "TASK" not in spot.wanted or spot.outline.open_at(spot.at):
        return None
    word = re.match(r"\w+", spot.rest)
    if word is None:
        return spot.told(f"{_shown(spot)} begins no statement", f"a statement begins with {_words(KEYWORDS)}")
    if word[0].lower() in _SQL:
        return spot.told("SQL stands in a task", "write task name = sql $$ … $$ around it")
    if spot.file.text[: spot.at].endswith("$$"):
        remedy = "where $$ stands in a text, begin and end it with a tag: $sql$ … $sql$"
        return spot.told('the text ends at the "$$" before this', remedy)
    looks_like_yaml = spot.at == spot.start and re.match(r"\w+:(?:\s|$)", spot.rest)
    near = did_you_mean(word[0], KEYWORDS)
    if looks_like_yaml and not near:
        near = ("this looks like YAML: end the file's name in .yaml",)
    return spot.told(f'there is no statement "{word[0]}"', *(near or (f"a statement begins with {_words(KEYWORDS)}",)))


def _reserved_word(spot: _Spot) -> Diagnostic | None:
    if spot.kind not in ("AND", "OR", "NOT", "IN", "ON", "TRUE", "FALSE", "NULL"):
        return None
    word = re.match(r"\w+", spot.rest)
    if word is None:
        return None
    fix = Fix(spot.span(), f'"{word[0]}"', "put it in quotes")
    return spot.told(f'"{word[0]}" is a word of the language', "as a name or a key it stands in double quotes", fix=fix)


def _unexpected(spot: _Spot) -> Diagnostic:
    word = re.match(r"[\w./-]+", spot.rest)
    if spot.wanted & set(_TERMINALS) == {"STRING"} and word is not None:
        start = spot.at
        span = spot.file.span(start, start + word.end())
        fix = Fix(span, f'"{word[0]}"', "put it in double quotes")
        return spot.told(f'"{word[0]}" stands without quotes', "put it in double quotes", span=span, fix=fix)
    return spot.told(f"{_shown(spot)} stands where {_list_of(spot.wanted)} is wanted")


_EXPLAINERS: Final[tuple[Callable[[_Spot], Diagnostic | None], ...]] = (
    _missing_value,
    _unclosed_text,
    _foreign_quote,
    _foreign_comment,
    _semicolon,
    _strange_space,
    _dashed_name,
    _bare_template,
    _wrong_equals,
    _missing_type,
    _number_with_letters,
    _task_without_type,
    _not_closed,
    _cut_short,
    _closes_nothing,
    _unquoted_sql,
    _statement_keyword,
    _reserved_word,
    _lone_key,
)


def _shown(spot: _Spot) -> str:
    found = re.match(r"\w+|\S", spot.rest)
    return f'"{found[0]}"' if found else "the end of the line"


_TERMINALS: Final = {
    "NAME": "a name",
    "EQUAL": '"="',
    "COLON": '":"',
    "LBRACE": '"{"',
    "RBRACE": '"}"',
    "LPAR": '"("',
    "RPAR": '")"',
    "LSQB": '"["',
    "RSQB": '"]"',
    "COMMA": '","',
    "COLUMN_TYPE": "a type",
    "RAW": '"$$"',
    "STRING": "a text in double quotes",
}


def _list_of(wanted: frozenset[str]) -> str:
    """What could stand there, in a few words."""
    if "TASK" in wanted and "RBRACE" not in wanted:
        return "a statement"
    if wanted >= _VALUE:
        return "a value" if "RSQB" not in wanted else 'a value or "]"'
    shown = [words for terminal, words in _TERMINALS.items() if terminal in wanted]
    if wanted >= {"NAME", "STRING"}:
        shown = [words for words in shown if words not in ("a name", "a text in double quotes")]
        shown.insert(0, "a key" if "RBRACE" in wanted else "a name")
    return _words(shown) if shown else "something else"


def _words(words: tuple[str, ...] | list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"

"""Reads the comments by which a file allows warnings and notes: `# trc: allow TRC306 and why`."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterator
from difflib import SequenceMatcher
from pathlib import PurePath
from typing import Final

from trc.compiler.diagnostics.allow import Allow
from trc.compiler.diagnostics.codes import BY_CODE
from trc.compiler.diagnostics.collector import Collector
from trc.compiler.diagnostics.diagnostic import Diagnostic, Fix
from trc.compiler.diagnostics.nearest import nearest
from trc.compiler.frontends.comments import trc_comments, yaml_comments
from trc.compiler.frontends.languages import parser_of
from trc.compiler.source import SourceFile, Span

_COMMENT: Final = re.compile(r"#[ \t]*trc:[ \t]*(?P<word>\w+)(?P<rest>[^\r\n]*)")
_BREAKS: Final = re.compile("[\x85\u2028\u2029]")
_CODES: Final = re.compile(r"(?:[ \t,]*\bTRC\w*)*", re.IGNORECASE)
_CODE: Final = re.compile(r"TRC\w*", re.IGNORECASE)
_BEFORE_REASON: Final = " \t,:;.-\u2013\u2014"
_ALLOWABLE: Final = tuple(row.code for row in BY_CODE.values() if row.can_be_allowed)
_SLIP: Final = 0.8
_HOW: Final = "write it like # trc: allow TRC410 the files come tomorrow"


def read_allows(file: SourceFile, collect: Collector, *, is_own: bool = True) -> None:
    """Tells `collect` what the comments of a file allow, the pipeline's own or one that it imports.

    A comment that cannot allow what it names is reported.
    """
    if "trc:" not in file.text:
        return
    for start, text in _comments(file):
        match = _COMMENT.fullmatch(text)
        if match is not None:
            _Comment(file, start, text, match).read(collect, is_own=is_own)


def _comments(file: SourceFile) -> Iterator[tuple[int, str]]:
    """Where each comment of a file stands, and its text."""
    suffix = PurePath(file.name).suffix.lower()
    if suffix == ".trc":
        yield from ((one.start, one.text) for one in trc_comments(file))
    elif suffix == ".py":
        yield from _python_comments(file.text)
    elif suffix in {".yaml", ".yml"}:
        tree = parser_of(suffix)(file, Collector())
        if tree is not None:
            # YAML ends lines, and comments with them, at three characters more than other languages do.
            yield from ((one.start, _BREAKS.split(one.text)[0].rstrip()) for one in yaml_comments(file, tree))


def _python_comments(text: str) -> Iterator[tuple[int, str]]:
    starts = [0]
    for line in io.StringIO(text, newline=""):
        starts.append(starts[-1] + len(line))
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(text, newline="").readline))
    except (SyntaxError, tokenize.TokenError):
        return  # the code cannot be read, which is told elsewhere
    for token in tokens:
        if token.type == tokenize.COMMENT:
            yield starts[token.start[0] - 1] + token.start[1], token.string.rstrip()


class _Comment:
    """A comment that speaks to trc, with the codes that it names."""

    def __init__(self, file: SourceFile, start: int, text: str, match: re.Match[str]) -> None:
        self._file = file
        self._start, self._end = start, start + len(text)
        self._word = match["word"]
        self._word_at = start + match.start("word")
        rest_at = start + match.start("rest")
        listed = _CODES.match(match["rest"])
        assert listed is not None
        self._codes = [Span(file.name, rest_at + one.start(), rest_at + one.end()) for one in _CODE.finditer(listed[0])]
        self._reason = match["rest"][listed.end() :].strip(_BEFORE_REASON)

    def read(self, collect: Collector, *, is_own: bool) -> None:
        if self._word != "allow":
            # Any comment may begin so: it is meant for trc if it names a code.
            if self._codes and nearest(self._word, ("allow",)):
                place = Span(self._file.name, self._word_at, self._word_at + len(self._word))
                self._warn(
                    collect, f'"{self._word}" stands for nothing here', place, Fix(place, "allow", "write allow")
                )
        elif not self._codes:
            self._warn(collect, "a comment allows something without its code", self._whole, self._removal, _HOW)
        elif not self._reason:
            codes = ", ".join(f'"{self._file.text[one.start : one.end]}"' for one in self._codes)
            message = f"a comment allows {codes} without a reason, so it allows nothing"
            self._warn(collect, message, self._whole, self._removal, f"say why behind the code: {_HOW}")
        else:
            for span in self._codes:
                self._read_code(span, collect, is_own=is_own)

    def _read_code(self, span: Span, collect: Collector, *, is_own: bool) -> None:
        code = self._file.text[span.start : span.end].upper()
        row = BY_CODE.get(code)
        removal = self._without(span)
        if row is None:
            meant = _meant(code)
            fix = removal if meant is None else Fix(span, meant, f"write {meant}")
            remedy = f'did you mean "{meant}"?' if meant else removal.title
            self._warn(collect, f'"{code}" is no code, so it cannot be allowed', span, fix, remedy)
        elif not row.can_be_allowed:
            kind = "it is an error" if "error" in row.severities else "it is about such comments"
            self._warn(collect, f'"{code}" cannot be allowed, for {kind}', span, removal)
        else:
            collect.allows.append(Allow(code, span, is_own, removal))

    def _warn(self, collect: Collector, message: str, span: Span, fix: Fix, *remedies: str) -> None:
        collect.add(Diagnostic("TRC119", message, span, help=remedies or (fix.title,), fix=fix, severity="warning"))

    @property
    def _whole(self) -> Span:
        return Span(self._file.name, self._start, self._end)

    @property
    def _removal(self) -> Fix:
        """Takes the comment away: with the line that it stands on alone, else with the space before it."""
        text, start, end = self._file.text, self._start, self._end
        line, newline = text.rfind("\n", 0, start) + 1, text.find("\n", end)
        next_line = len(text) if newline < 0 else newline + 1
        before, behind = text[line:start], text[end:next_line]
        if before.strip():
            start -= len(before) - len(before.rstrip())
        elif not behind.strip():
            start, end = line, next_line
        return Fix(Span(self._file.name, start, end), "", "remove the comment")

    def _without(self, span: Span) -> Fix:
        others = [self._file.text[one.start : one.end] for one in self._codes if one != span]
        if not others:
            return self._removal
        listed = Span(self._file.name, self._codes[0].start, self._codes[-1].end)
        return Fix(listed, ", ".join(others), f"remove {self._file.text[span.start : span.end]} from the comment")


def _meant(code: str) -> str | None:
    """The code that is one slip of the hand away."""
    meant = nearest(code, _ALLOWABLE)
    return meant if meant and SequenceMatcher(None, code, meant).ratio() > _SLIP else None

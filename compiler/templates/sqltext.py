"""Puts the pieces of a template together as SQL: a value stands in it as a value, whatever it holds.

What a value becomes follows from where it stands, as DuckDB's own lexis has it: a typed literal
outside of quotes, escaped text within them, and in a comment a text that cannot leave it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from trc.compiler.sql.tokens import UNICODE_SPACES, open_at_end, tokenize
from trc.compiler.templates.asked import parameter_of, spelled
from trc.compiler.templates.literals import sql_literal
from trc.compiler.templates.mistake import Mistake
from trc.compiler.templates.texts import plain_text
from trc.compiler.templates.words import Ident, Raw
from trc.compiler.templates.world import Piece, RunTime

_GLUED: Final = re.compile(r"[\w'\"$.?:]|[^\x00-\x7f]")
_WIDE_SPACE: Final = re.compile(f"[{UNICODE_SPACES}]")
_PLAIN_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
Part = tuple[str, Piece]


def put_sql(pieces: Iterable[Piece]) -> list[Part]:
    """The text of each piece, in order. Raises Mistake where a value cannot stand where it is written."""
    return _Sql().put(pieces)


class _Sql:
    def __init__(self) -> None:
        self.parts: list[Part] = []
        self.pending = ""
        """What was written since the last place that is known to be outside of all quotes and comments."""
        self.after_value = False
        self.in_macro = False

    def put(self, pieces: Iterable[Piece]) -> list[Part]:
        for piece in pieces:
            try:
                self.add(piece)
            except Mistake as mistake:
                mistake.start, mistake.end = piece.start, piece.end
                raise
        return self.parts

    def add(self, piece: Piece) -> None:
        if piece.depth and not self.in_macro and open_at_end(self.pending) is not None:
            remedy = ("call it outside of them: what a macro gives is SQL, not a text",)
            raise Mistake("a macro cannot be called within quotes or a comment", code="TRC115", help=remedy)
        self.in_macro = piece.depth > 0
        if piece.is_text:
            self.write(piece.value, piece)
            return
        if isinstance(piece.value, Raw):
            self.write(str.__str__(piece.value), piece)
            return
        is_open = open_at_end(self.pending)
        if is_open is None:
            self.outside(piece)
        else:
            opening, start = is_open
            self.pending = self.pending[start:]
            self.inside(piece, opening)

    def write(self, text: str, piece: Piece) -> None:
        """A text that stands as it is; kept apart from a value before it."""
        if self.after_value and text:
            if _GLUED.match(text):
                text = f" {text}" if not piece.is_text else text
                if piece.is_text:
                    self.parts.append((" ", piece_of_space(piece)))
            self.after_value = False
        self.pending += text
        self.parts.append((text, piece))

    def outside(self, piece: Piece) -> None:
        text = value_in_sql(piece.value)
        self.check_before()
        before = self.pending[-1:] or (self.parts[-1][0][-1:] if self.parts else "")
        if before and (before in "'\"" or (self.after_value and _GLUED.match(text))):
            self.parts.append((" ", piece_of_space(piece)))
        self.parts.append((text, piece))
        self.pending = ""
        self.after_value = True

    def check_before(self) -> None:
        """A value that follows a name without a space would become a part of it."""
        tokens = tokenize(self.pending)
        last = tokens[-1] if tokens and tokens[-1].end == len(self.pending) else None
        is_sign = last is not None and last.text in ("$", "?", ":", "@", "#")
        if last is not None and (last.kind in ("word", "number", "parameter") or is_sign):
            remedy = "put a space before it"
            if last.kind == "word":
                remedy = f"for a name that is put together, write {{{{ ('{last.text}' ~ …) | ident }}}}; for a value, {remedy}"
            raise Mistake(f'a value stands directly after "{last.text}"', code="TRC115", help=(remedy,))

    def inside(self, piece: Piece, opening: str) -> None:
        if isinstance(piece.value, RunTime):
            what = "a comment" if opening[:2] in ("--", "/*") else "quotes"
            raise Mistake(
                f'"{spelled(piece.value.path)}" is known only when the task runs, and cannot stand within {what}',
                code="TRC116",
                help=("write it outside of them, and join texts with ||",),
            )
        if isinstance(piece.value, Ident) or opening[-1] == '"':
            raise Mistake(
                "a template stands within quotes, where a name cannot be put",
                code="TRC115",
                help=("write the whole name as {{ name | ident }}, without quotes around it",),
            )
        if opening[0] in "xXbBuU":
            raise Mistake(
                f"a template cannot stand within {opening}…'",
                code="TRC115",
                help=("write it outside of the quotes",),
            )
        text = plain_text(piece.value)
        if opening == "--":
            text = re.sub(r"[\r\n]", " ", text)
        elif opening.startswith("/*"):
            text = _no_comment_marks(text, self.pending)
        elif opening.startswith("$"):
            self.check_dollar(text, opening)
        else:
            text = text.replace("'", "''")
            if opening[0] in "eE":
                self.check_backslash()
                if _WIDE_SPACE.search(text):
                    # After an escaped quote, DuckDB would make plain ones of them.
                    raise Mistake(
                        f"a value with a space beyond ASCII cannot stand within {opening}…'",
                        code="TRC115",
                        help=("write it outside, as {{ value }}, and join texts with ||",),
                    )
                text = text.replace("\\", "\\\\")
        self.parts.append((text, piece))
        # What was put in changes nothing about where the text goes on.
        self.pending = opening
        self.after_value = False

    def check_dollar(self, text: str, opening: str) -> None:
        if "$" in text or re.search(r"\$\w*\Z", self.pending.removeprefix(opening)):
            raise Mistake(
                f'a value with "$" cannot stand between {opening} and {opening}',
                code="TRC115",
                help=("write it outside, as {{ value }}, and join texts with ||",),
            )

    def check_backslash(self) -> None:
        backslashes = len(self.pending) - len(self.pending.rstrip("\\"))
        if backslashes % 2:
            raise Mistake("a template stands after a backslash, which would change it", code="TRC115")


def value_in_sql(value: object) -> str:
    """What a value becomes outside of quotes and comments."""
    if isinstance(value, RunTime):
        if value.path[0] == "tasks":
            return "$" + parameter_of(value.path)
        if not all(_PLAIN_NAME.fullmatch(part) for part in value.path):
            raise Mistake(f'"{".".join(value.path)}" cannot be the name of a value in SQL', code="TRC116")
        return "$" + "_".join(value.path)
    if isinstance(value, Ident):
        return '"' + str.__str__(value).replace('"', '""') + '"'
    return sql_literal(value)


def _no_comment_marks(text: str, before: str) -> str:
    """The text with nothing in it, or at its ends, that opens or closes a comment."""
    text = re.sub(r"\*(?=/)|/(?=\*)", lambda mark: mark[0] + " ", text)
    start = " " if before[-1:] in "*/" else ""
    end = " " if text[-1:] in ("*", "/") else ""
    return start + text + end


def piece_of_space(piece: Piece) -> Piece:
    """A space that keeps a value apart from what is beside it."""
    return Piece(" ", piece.start, piece.start)

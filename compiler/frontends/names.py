"""Which names are allowed, and that no two things of a pipeline share one."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

from trc.compiler.diagnostics.diagnostic import Fix, Label
from trc.compiler.diagnostics.nearest import LOOK_ALIKES
from trc.compiler.frontends.reading import Subject, filled_text, reads
from trc.compiler.frontends.shapes import NAME
from trc.compiler.frontends.syntax import Node, Scalar

LONGEST_NAME: Final = 128

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


@reads(NAME)
def allowed_name(node: Node, here: Subject) -> str | None:
    """The text of a name that is allowed."""
    if isinstance(node, Scalar) and node.value.strip() and not is_name(node, here):
        return None
    return filled_text(node, here)


def is_name(name: Scalar, here: Subject) -> bool:
    """Whether a name is allowed; says so if it is not."""
    text = name.value
    if _NAME.fullmatch(text) and len(text) <= LONGEST_NAME:
        return True
    shown = text if len(text) <= 40 else f"{text[:37]}..."
    if _NAME.fullmatch(text):
        message = f'the name "{shown}" has {len(text)} characters, and {LONGEST_NAME} is the most'
    elif not text:
        message = "a name is empty"
    else:
        message = f'the name "{shown}" holds {_culprit(text)}'
    mended = _mended(text)
    here.error(
        "TRC207",
        message,
        name.span,
        help=("a name begins with a letter or _, and goes on with letters, digits, _ and -",),
        fix=Fix(name.span, f'"{mended}"', f'call it "{mended}"') if mended else None,
    )
    return False


def _culprit(text: str) -> str:
    """What is wrong with a name, as the end of a sentence."""
    if re.match(r"[0-9-]", text):
        return f'"{text[0]}" as its first character'
    character = next(character for character in text if not re.match(r"[A-Za-z0-9_-]", character))
    if character == ".":
        return 'a ".", which stands between a task and its output'
    code = "" if character.isascii() else f" (U+{ord(character):04X})"
    return "a space" if character == " " else f'the character "{character}"{code}'


def _mended(text: str) -> str | None:
    plain = unicodedata.normalize("NFKD", text.translate(LOOK_ALIKES))
    plain = "".join(char for char in plain if not unicodedata.combining(char))
    mended = re.sub(r"[^A-Za-z0-9_-]+", "-", plain)[:LONGEST_NAME].strip("-")
    mended = f"_{mended}" if mended[:1].isdigit() else mended
    return mended if _NAME.fullmatch(mended) else None


def doubles(named: Iterable[tuple[str, Scalar]], here: Subject) -> frozenset[int]:
    """Reports names that are given twice, ignoring case; `named` pairs what a thing is with its name.

    Answers with the offsets of the later ones.
    """
    first: dict[str, tuple[str, Scalar]] = {}
    later: set[int] = set()
    for kind, name in sorted(named, key=lambda one: one[1].span.start):
        folded = name.value.casefold()
        if folded not in first:
            first[folded] = (kind, name)
            continue
        other_kind, other = first[folded]
        later.add(name.span.start)
        differs = f', and "{other.value}" differs only in case' if other.value != name.value else ""
        here.error(
            "TRC206",
            f'a {kind} is called "{name.value}" as a {other_kind} is{differs}'
            if kind != other_kind
            else f'two {kind}s are called "{name.value}"{differs}',
            name.span,
            related=(Label(other.span, f"the {other_kind} is named here"),),
            help=("give one of them another name",),
        )
    return frozenset(later)

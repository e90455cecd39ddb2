"""Reads a pipeline's file: bounded, as UTF-8, and with a diagnostic for all that can be wrong with it."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

from trc.compiler.diagnostics.collector import Collector
from trc.compiler.diagnostics.diagnostic import Diagnostic
from trc.compiler.source import SourceFile, Span

LONGEST_FILE: Final = 16 * 1024 * 1024
LONGEST_LINE: Final = 1024 * 1024

_UTF8_MARK: Final = b"\xef\xbb\xbf"
_UTF16_MARKS: Final = (b"\xff\xfe", b"\xfe\xff")


def read(path: Path, name: str, collect: Collector) -> SourceFile | None:
    """The file's text under the name that diagnostics show, without a byte order mark; None if that was reported."""
    content = _bytes(path, name)
    if isinstance(content, Diagnostic):
        collect.add(content)
        return None
    return decoded(content, name, collect)


def decoded(content: bytes, name: str, collect: Collector) -> SourceFile | None:
    """The text of a file's content, without a byte order mark; None if what is wrong with it was reported."""
    file = _decoded(content, name)
    if isinstance(file, Diagnostic):
        collect.add(file)
        return None
    return file


def take(text: str, name: str, collect: Collector) -> SourceFile | None:
    """A text that an editor holds, judged as if it were read from a file."""
    file = _decoded(text.encode("utf-8", "surrogatepass"), name)
    if isinstance(file, Diagnostic):
        collect.add(file)
        return None
    return file


def _decoded(content: bytes, name: str) -> SourceFile | Diagnostic:
    body = content.removeprefix(_UTF8_MARK)
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        return _not_utf8(content, name, error.start + len(content) - len(body))
    if "\0" in text[:2]:
        return _not_utf8(content, name, text.index("\0"))
    file = SourceFile(name, text)
    return _long_line(file) or file


def _bytes(path: Path, name: str) -> bytes | Diagnostic:
    try:
        kind = path.stat().st_mode
        if stat.S_ISDIR(kind):
            return _unreadable(name, "it is a folder", "name a file in it")
        if not stat.S_ISREG(kind):
            return _unreadable(name, "it is not an ordinary file", "copy its content into a file")
        with path.open("rb") as stream:
            content = stream.read(LONGEST_FILE + 1)
    except FileNotFoundError:
        return _unreadable(name, "there is no such file", "check the path")
    except PermissionError:
        return _unreadable(name, "you may not read it", "check its permissions")
    except OSError as error:
        return _unreadable(name, os.strerror(error.errno).lower() if error.errno else str(error), "check the path")
    except ValueError:
        return _unreadable(name, "its name holds a character that no file name can hold", "check the path")
    if len(content) > LONGEST_FILE:
        return Diagnostic(
            "TRC104",
            f'"{name}" is longer than 16 MiB',
            Span(name, 0, 0),
            help=("keep data in files of its own, and name them as sources",),
        )
    return content


def _unreadable(name: str, why: str, remedy: str) -> Diagnostic:
    return Diagnostic("TRC101", f'"{name}" cannot be read: {why}', help=(remedy,))


def _not_utf8(content: bytes, name: str, offset: int) -> Diagnostic:
    line = content.count(b"\n", 0, offset) + 1
    if content.startswith(_UTF16_MARKS) or b"\0" in content[:2]:
        message = f'"{name}" is not UTF-8 text: it looks like UTF-16'
    else:
        message = f'"{name}" is not UTF-8 text: byte {offset} (line {line}) is 0x{content[offset]:02x}'
    return Diagnostic("TRC102", message, Span(name, offset, offset), help=("save the file as UTF-8",))


def _long_line(file: SourceFile) -> Diagnostic | None:
    if len(file.text) <= LONGEST_LINE:
        return None
    start = 0
    while (end := file.text.find("\n", start)) != -1 and end - start <= LONGEST_LINE:
        start = end + 1
    if end == -1 and len(file.text) - start <= LONGEST_LINE:
        return None
    line = file.position(start).line
    return Diagnostic(
        "TRC104",
        f'line {line} of "{file.name}" is longer than 1 MiB',
        file.span(start, start + 1),
        help=("break the line, or keep the data in a file of its own",),
    )

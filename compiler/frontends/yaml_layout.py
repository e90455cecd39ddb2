"""The canonical layout of the YAML format: printed from the syntax tree, in which language it was written."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from collections.abc import Sequence as SequenceOf
from dataclasses import dataclass, field
from typing import Final

from trc.compiler.diagnostics.collector import Collector
from trc.compiler.frontends.comments import Attached, Comment, Stretch, attach, yaml_comments
from trc.compiler.frontends.syntax import Entry, Mapping, Node, Scalar, Sequence
from trc.compiler.frontends.typed import typed
from trc.compiler.frontends.yaml import parse_as_written
from trc.compiler.source import ScalarMap, SourceFile, Span

WIDTH: Final = 100
_NEVER_FLOW: Final = frozenset({"nodes", "params", "sources", "targets", "tests", "defaults"})
"""Keys of the root whose values take lines of their own."""
_GROUPS: Final = _NEVER_FLOW | {"imports"}
_LINE_BREAK: Final = re.compile("[\n\r\x85\u2028\u2029]")
_EMPTY_LINE: Final = re.compile(r"\n[ \t\r]*\n")


def format_yaml(file: SourceFile, collect: Collector) -> str | None:
    """The file's text in canonical layout; None after reporting what keeps it from being read."""
    read = parse_as_written(file, collect)
    if read is None or collect.has_errors:
        return None
    tree, anchors = read
    return print_yaml(file, tree, yaml_comments(file, tree), anchors)


def print_yaml(
    file: SourceFile, tree: Node, comments: SequenceOf[Comment], anchors: dict[int, str] | None = None
) -> str:
    """The tree as YAML, with the comments of the file that it was read from."""
    layout = _Layout(file, Attached(), anchors or {})
    layout.comments = attach(file.text, comments, list(layout.stretches(tree)))
    lines = [*layout.block(tree, ""), *layout.comments.at_end]
    return "\n".join(lines) + "\n"


@dataclass(slots=True)
class _Layout:
    file: SourceFile
    comments: Attached
    anchors: dict[int, str] = field(default_factory=dict[int, str])

    @property
    def is_verbatim(self) -> bool:
        return not self.file.name.endswith(".trc")

    # ── what takes lines of its own ──

    def stretches(self, node: Node, path: tuple[str, ...] = ()) -> Iterator[Stretch]:
        match node:
            case Mapping():
                for entry in node.entries:
                    if self._is_group(entry, path):
                        yield from self.stretches(entry.value, (entry.key.value,))
                        continue
                    yield Stretch(entry.key.span.start, max(entry.value.span.end, entry.key.span.end))
                    yield from self.stretches(entry.value, (*path, entry.key.value))
            case Sequence():
                for item in node.items:
                    yield Stretch(item.span.start, item.span.end)
                    yield from self.stretches(item, (*path, "-"))
            case Scalar():
                pass

    def _is_group(self, entry: Entry, path: tuple[str, ...]) -> bool:
        """Whether the key stands for statements of `.trc`, and nowhere in the file by itself."""
        return not self.is_verbatim and not path and entry.key.value in _GROUPS

    # ── block style ──

    def block(self, node: Node, indent: str, path: tuple[str, ...] = ()) -> Iterator[str]:
        match node:
            case Mapping() | Sequence() if not _children(node):
                yield f"{indent}{_empty(node)}"
            case Mapping():
                yield from self._mapping(node, indent, path)
            case Sequence():
                yield from self._sequence(node, indent, path)
            case Scalar():
                yield f"{indent}{self._scalar(node, in_flow=False)}"

    def _mapping(self, node: Mapping, indent: str, path: tuple[str, ...]) -> Iterator[str]:
        before: Entry | None = None
        for entry in node.entries:
            if before is not None and self._is_apart(before.value, entry.key, path):
                yield ""
            if not self._is_group(entry, path):
                yield from self._before(entry.key.span.start, indent)
            yield from self._entry(entry, indent, (*path, entry.key.value))
            before = entry

    def _entry(self, entry: Entry, indent: str, path: tuple[str, ...]) -> Iterator[str]:
        key = self._scalar(entry.key, in_flow=True)
        head = f"{indent}{key}:"
        if len(key) > _LONGEST_KEY:
            yield f"{indent}? {key}"
            head = f"{indent}:"
        owner = -1 if self._is_group(entry, path[:-1]) else entry.key.span.start
        yield from self._value(head, entry.value, indent, owner, path)

    def _value(self, head: str, value: Node, indent: str, owner: int, path: tuple[str, ...]) -> Iterator[str]:
        """The value behind `head`, on its line if it can stand there."""
        behind = "".join(f"  {comment}" for comment in self.comments.behind.pop(owner, ()))
        anchor = self._anchor(value)
        if isinstance(value, Scalar):
            first, *rest = self._scalar_lines(value, indent + "  ")
            yield f"{head}{anchor}{' ' if first else ''}{first}{behind}"
            yield from rest
            return
        flow = self._flow(value) if self._may_flow(value, path) else None
        if not _children(value):
            flow = _empty(value)
        if flow is not None and (not _children(value) or len(head) + len(anchor) + 1 + len(flow) <= WIDTH):
            yield f"{head}{anchor} {flow}{behind}"
            return
        yield f"{head}{anchor}{behind}"
        yield from self.block(value, indent + "  ", path)

    def _sequence(self, node: Sequence, indent: str, path: tuple[str, ...]) -> Iterator[str]:
        before: Node | None = None
        for item in node.items:
            if before is not None and self._is_apart(before, item, path):
                yield ""
            # A mapping in a list begins where its first key does: what stands before that stands before the dash.
            yield from self._before(item.span.start, indent)
            yield from self._item(item, indent, path)
            before = item

    def _item(self, item: Node, indent: str, path: tuple[str, ...]) -> Iterator[str]:
        anchor = self._anchor(item)
        flow = self._flow(item) if not isinstance(item, Scalar) and self._may_flow(item, (*path, "-")) else None
        fits = flow is not None and len(indent) + 2 + len(flow) <= WIDTH
        is_inline = isinstance(item, Scalar) or anchor or not _children(item) or fits
        if is_inline:
            yield from self._value(f"{indent}-", item, indent, item.span.start, (*path, "-"))
            return
        lines = list(self._without_first_comments(item, indent + "  ", path))
        yield f"{indent}- {lines[0].lstrip()}"
        yield from lines[1:]

    def _without_first_comments(self, item: Node, indent: str, path: tuple[str, ...]) -> Iterator[str]:
        kept = self.comments.before.pop(item.span.start, None)
        yield from self.block(item, indent, (*path, "-"))
        if kept is not None:
            self.comments.before[item.span.start] = kept

    def _before(self, start: int, indent: str) -> Iterator[str]:
        for comment in self.comments.before.pop(start, ()):
            yield f"{indent}{comment}"

    def _is_apart(self, first: Node, second: Node, path: tuple[str, ...]) -> bool:
        """Whether an empty line stands between: the author's, or one between the parts of a pipeline."""
        if self.is_verbatim:
            return (
                _EMPTY_LINE.search(self.file.text, first.span.end, max(second.span.start, first.span.end)) is not None
            )
        return path == ("nodes",) or (not path and isinstance(second, Scalar) and second.value in _GROUPS)

    def _anchor(self, node: Node) -> str:
        named = self.anchors.get(node.span.start) if not isinstance(node, Scalar) or node.style != "alias" else None
        return f" &{named}" if named else ""

    # ── flow style ──

    def _may_flow(self, node: Node, path: tuple[str, ...]) -> bool:
        if isinstance(node, Mapping | Sequence) and not _children(node):
            return True
        if self.is_verbatim:
            return self.file.text[node.span.start : node.span.start + 1] in ("{", "[")
        if len(path) == 1 and path[0] in _NEVER_FLOW:
            return False
        return _depth(node) <= (2 if path[:1] == ("tests",) or path[-1:] != ("-",) else 1)

    def _flow(self, node: Node) -> str | None:
        """The node on one line, or None where a comment or a text of several lines keeps it from that."""
        if self._anchor(node):
            return None
        match node:
            case Scalar():
                lines = self._scalar_lines(node, "", in_flow=True)
                return lines[0] if len(lines) == 1 else None
            case Sequence():
                parts = [self._flow_item(item.span.start, item) for item in node.items]
                return None if None in parts else f"[{', '.join(part for part in parts if part is not None)}]"
            case Mapping():
                pairs: list[str] = []
                for entry in node.entries:
                    value = self._flow_item(entry.key.span.start, entry.value)
                    if value is None:
                        return None
                    pairs.append(f"{self._scalar(entry.key, in_flow=True)}: {value}")
                return f"{{{', '.join(pairs)}}}"

    def _flow_item(self, owner: int, node: Node) -> str | None:
        has_comment = owner in self.comments.before or owner in self.comments.behind
        return None if has_comment else self._flow(node)

    # ── scalars ──

    def _scalar(self, node: Scalar, *, in_flow: bool) -> str:
        return " ".join(self._scalar_lines(node, "", in_flow=in_flow))

    def _scalar_lines(self, node: Scalar, indent: str, *, in_flow: bool = False) -> list[str]:
        if node.style == "alias":
            return [node.value]
        written = self.file.text[node.span.start : node.span.end]
        if self.is_verbatim and not _LINE_BREAK.search(written) and node.style in ("plain", "single", "double"):
            return [written]
        if node.style == "plain" and typed(node).kind != "text":
            return [node.value or ("null" if in_flow else "")]
        literal = None if in_flow or "\n" not in node.value else _literal(node.value, indent)
        if self.is_verbatim and node.style != "plain":
            return literal or [_double(node.value)]  # what was surely a text stays one for every reader
        return literal or [_one_line(node.value, in_flow=in_flow)]


def _children(node: Mapping | Sequence) -> SequenceOf[object]:
    return node.entries if isinstance(node, Mapping) else node.items


def _empty(node: Mapping | Sequence) -> str:
    """What holds nothing: in block style there is no way to say it."""
    return "{}" if isinstance(node, Mapping) else "[]"


def _depth(node: Node) -> int:
    match node:
        case Scalar():
            return 0
        case Sequence():
            return 1 + max(map(_depth, node.items), default=0)
        case Mapping():
            return 1 + max((_depth(entry.value) for entry in node.entries), default=0)


_LONGEST_KEY: Final = 1000
"""Characters up to which every reader of YAML knows a key by the colon behind it; a longer one has a mark before it."""
_UNFIT: Final = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff\ufffe\uffff]")


def _literal(value: str, indent: str) -> list[str] | None:
    """A text of several lines as a literal block, where reading it gives the same text again."""
    lines = value.split("\n")
    first = lines[0]
    if _UNFIT.search(value) or not first.strip() or first[0] == " ":
        return None
    if not value.rstrip("\n").strip() or (not value.endswith("\n") and not lines[-1].strip()):
        return None
    if value.endswith("\n\n"):
        return None  # empty lines at the end would depend on what follows
    chomp = "" if value.endswith("\n") else "-"
    body = lines if chomp else lines[:-1]
    return [f"|{chomp}", *(f"{indent}{line}" if line else "" for line in body)]


_NOWHERE: Final = ScalarMap(Span("", 0, 0))
_PLAIN_FLOW: Final = re.compile(
    r"(?:\d+(?:\.\d+)?(?:ms|[smhd]|[KMGT]i?B?))+|[A-Za-z_./](?:[A-Za-z0-9_./()<>=+*@$%^~'\" -]*[A-Za-z0-9_./()*$'\"-])?"
)
_PLAIN_BLOCK: Final = re.compile(
    r"[A-Za-z_./](?:[A-Za-z0-9_./()<>=+*@$%^~'\",;:\[\]{}?!&|\\ -]*[A-Za-z0-9_./()*$'\",;\[\]{}?!&|\\-])?"
)


def _one_line(value: str, *, in_flow: bool) -> str:
    """A text on one line: without quotes where every reader of YAML takes it for the same text."""
    plain = Scalar(value, "plain", _NOWHERE)
    reading = typed(plain) if value else None
    is_text = reading is not None and reading.kind == "text" and reading.otherwise is None
    fits = _PLAIN_FLOW.fullmatch(value) or (not in_flow and ": " not in value and _PLAIN_BLOCK.fullmatch(value))
    return value if is_text and fits else _double(value)


def _double(value: str) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return _UNFIT.sub(lambda match: f"\\u{ord(match[0]):04x}", text)

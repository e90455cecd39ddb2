"""Runs one template: its text comes back in pieces, each with the place in the template that it is from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any, Final

import jinja2
from jinja2 import meta, nodes

from trc.compiler.diagnostics.nearest import did_you_mean
from trc.compiler.frontends.secrets import ALLOWED
from trc.compiler.ir.secrets import KEY
from trc.compiler.templates.asked import path_of, require_result, spelled
from trc.compiler.templates.mistake import Mistake, Unsettled
from trc.compiler.templates.paths import root, run_time_path
from trc.compiler.templates.sandbox import Callback, Sandbox, guarded
from trc.compiler.templates.segments import Segment, cut
from trc.compiler.templates.texts import plain_text
from trc.compiler.templates.words import FILTERS, RUN_TIME_NAMES
from trc.compiler.templates.world import Macros, Missing, Piece, RunTime, World

_FILE: Final = "<template>"
_MARK: Final = re.compile("\0([tv()])([0-9]+)\0")
_REFUSED: Final[Mapping[type[nodes.Node], tuple[str, str]]] = {
    nodes.Include: ("include", "no other text can be taken in here"),
    nodes.Import: ("import", "macros come from the files that the pipeline imports"),
    nodes.FromImport: ("from", "macros come from the files that the pipeline imports"),
    nodes.Extends: ("extends", "templates do not build on each other"),
    nodes.Block: ("block", "templates do not build on each other"),
    nodes.CallBlock: ("call", "write the call as {{ macro() }}"),
    nodes.FilterBlock: ("filter", "write it as {{ value | filter }}"),
    nodes.AssignBlock: ("set", "write it as {% set name = value %}, or as a macro"),
    nodes.ScopedEvalContextModifier: ("autoescape", "there is nothing to switch here"),
}
_NAMELESS: Final = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"", re.DOTALL)


def run(text: str, world: World, *, has_item: bool = False) -> list[Piece]:
    """What the template says in this world. Raises Mistake, or Unsettled where a value is not given.

    `has_item` says that the text stands in a task that is repeated for items.
    """
    try:
        template = _Template(text, cut(text), world, has_item)
        world.budget.start()
        return template.pieces()
    except RecursionError:
        raise Mistake("a template nests too deep", code="TRC113") from None
    except MemoryError:
        raise Mistake("a template needs too much memory", code="TRC113") from None
    finally:
        world.budget.stop()


class _Template:
    def __init__(self, text: str, segments: tuple[Segment, ...], world: World, has_item: bool) -> None:
        self.text = text
        self.world = world
        self.has_item = has_item
        self.macros = world.needed(segments)
        self.own = segments
        before = [segment for one in self.macros for segment in one.segments]
        self.first_own = len(before)
        self.segments = (*before, *segments)
        self.values: list[tuple[int, Any]] = []
        self.sandbox = Sandbox(world.budget)
        self.sandbox.globals |= {
            "__text": Callback(self.emit_text),
            "__value": Callback(self.emit_value),
            "__run_time": Callback(self.emit_run_time),
        }

    def pieces(self) -> list[Piece]:
        tree = self.parsed()
        self.check(tree)
        try:
            code: Any = self.sandbox.compile(guarded(self.marked(tree)), _FILE, _FILE)
            template = jinja2.Template.from_code(self.sandbox, code, {**self.sandbox.globals, **self.world.names})
            output = "".join(template.root_render_func(template.new_context()))
        except (SyntaxError, jinja2.TemplateSyntaxError):
            raise Mistake("a template nests too deep", code="TRC113") from None
        except Mistake as mistake:
            raise self.at(mistake, mistake) from None
        except Unsettled:
            raise
        except jinja2.TemplateError as error:
            raise self.at(Mistake(_plain_words(str(error.message or error))), error) from None
        except (TypeError, ValueError, ArithmeticError, LookupError, AttributeError, StopIteration) as error:
            raise self.at(Mistake(f"this cannot be computed: {_plain_words(str(error))}"), error) from None
        return list(self.read(output))

    def parsed(self) -> nodes.Template:
        """The tree; each segment is on lines of its own, so that a line number tells which one is meant."""
        try:
            return self.sandbox.parse(self.source)
        except jinja2.TemplateSyntaxError as error:
            mistake = Mistake(_syntax_words(str(error.message)), help=_syntax_help(str(error.message)))
            unclosed = self.unclosed() if _OPEN_BLOCK.search(str(error.message)) else None
            if unclosed is not None:
                mistake.start, mistake.end = unclosed.start, unclosed.end
                raise mistake from None
            raise self.at_line(mistake, error.lineno) from None

    def unclosed(self) -> Segment | None:
        """The innermost statement of this text that opens a block, and that nothing closes."""
        opened: list[Segment] = []
        for segment in self.own:
            word = segment.code.split(maxsplit=1)[0] if segment.kind == "statement" and segment.code.strip() else ""
            if word in ("for", "if", "macro"):
                opened.append(segment)
            elif word.startswith("end") and opened:
                opened.pop()
        return opened[-1] if opened else None

    @cached_property
    def source(self) -> str:
        return "".join(map(_rewritten, self.segments))

    @cached_property
    def lines(self) -> list[int]:
        """The line that each segment begins on."""
        lines, line = [], 1
        for segment in self.segments:
            lines.append(line)
            line += _rewritten(segment).count("\n")
        return lines

    def check(self, tree: nodes.Template) -> None:
        """All names are known, and values that only a run knows stand where they can."""
        for name in tree.find_all(nodes.Name):
            if name.name.startswith("_"):
                raise self.at_line(Mistake(f'"{name.name}" cannot be a name here: it begins with "_"'), name.lineno)
        for attribute in tree.find_all(nodes.Getattr):
            if attribute.attr.startswith("_"):
                raise self.at_line(Mistake(f'"{attribute.attr}" cannot be asked for in a template'), attribute.lineno)
        for filtered in tree.find_all(nodes.Filter):
            if isinstance(filtered.node, nodes.Call) and self.is_macro(filtered.node.node, tree):
                message = "what a macro gives can only be written out"
                raise self.at_line(Mistake(message, help=("use the filter inside of the macro",)), filtered.lineno)
            if filtered.name not in FILTERS:
                remedy = did_you_mean(filtered.name, FILTERS) or (f"the filters are: {', '.join(sorted(FILTERS))}",)
                raise self.at_line(Mistake(f'there is no filter "{filtered.name}"', help=remedy), filtered.lineno)
        for block in tree.find_all(tuple(_REFUSED)):
            statement, why = _REFUSED[type(block)]
            raise self.at_line(Mistake(f'templates have no statement "{statement}"', help=(why,)), block.lineno)
        for constant in tree.find_all(nodes.Const):
            if isinstance(constant.value, str) and "\0" in constant.value:
                raise self.at_line(Mistake("a text in a template holds a NUL character"), constant.lineno)
        for word in sorted(meta.find_undeclared_variables(tree) - {"range"}):
            if word in RUN_TIME_NAMES and word not in self.world.names:
                self.check_run_time(word, tree)
            elif word not in self.world.names:
                raise self.unknown(word)
            elif isinstance(self.world.names[word], Missing):
                raise Unsettled(word)

    def is_macro(self, node: nodes.Node, tree: nodes.Template) -> bool:
        return isinstance(node, nodes.Name) and any(one.name == node.name for one in tree.find_all(nodes.Macro))

    def unknown(self, name: str) -> Mistake:
        if name == KEY:
            return self.at_name(Mistake("a template cannot see a secret", code="TRC220", help=(ALLOWED,)), name)
        known = self.world.known
        remedy = did_you_mean(name, known) or (f"there are: {', '.join(known)}",)
        dashed = next((one for one in known if "-" in one and one.startswith(f"{name}-")), None)
        if dashed:
            remedy = (f'a name with "-" is written params["{dashed}"]',)
        return self.at_name(Mistake(f'nothing is called "{name}" here', code="TRC114", help=remedy), name)

    def check_run_time(self, name: str, tree: nodes.Template) -> None:
        if name == "item" and not self.has_item:
            remedy = ('it is there in a task with "for_each"',)
            raise self.at_name(Mistake('nothing is called "item" here', code="TRC114", help=remedy), name)
        paths = [(child, path) for child in _outputs(tree) if (path := run_time_path(child))]
        for child, path in paths:
            if path[0] == "tasks":
                self.require_result(path, child.lineno)
        allowed = {id(root(child)) for child, _ in paths}
        for one in tree.find_all(nodes.Name):
            if one.name == name and one.ctx == "load" and id(one) not in allowed and not self.is_bound(one, tree):
                message = f'"{name}" is known only when the task runs'
                shown = "tasks.NAME.values.KEY" if name == "tasks" else name
                remedy = (f"write it by itself, as {{{{ {shown} }}}}: nothing can be computed from it before",)
                raise self.at_line(Mistake(message, code="TRC116", help=remedy), one.lineno, name)

    def require_result(self, path: tuple[str, ...], line: int) -> None:
        try:
            require_result(path)
        except Mistake as mistake:
            raise self.at_line(mistake, line) from None

    def is_bound(self, name: nodes.Name, tree: nodes.Template) -> bool:
        """Whether a loop or a macro around gives the name a value of its own."""
        return any(
            name in loop.find_all(nodes.Name)
            for loop in tree.find_all((nodes.For, nodes.Macro))
            if any(one.name == name.name for one in loop.find_all(nodes.Name) if one.ctx in ("store", "param"))
        )

    def marked(self, tree: nodes.Template) -> nodes.Template:
        """Every text and every value goes through us: the outputs of a tree are in the order of the segments."""
        written = iter([k for k, one in enumerate(self.segments) if one.kind != "statement"])
        for output in _output_nodes(tree):
            children: list[nodes.Expr] = []
            for child in output.nodes:
                index = next(written)
                number = nodes.Const(index, lineno=child.lineno)
                if self.segments[index].kind == "text":
                    children.append(_call("__text", number))
                elif path := self.run_time(child):
                    children.append(_call("__run_time", number, nodes.Const(spelled(path), lineno=child.lineno)))
                else:
                    children.append(_call("__value", number, child))
            output.nodes = children
        return tree

    def run_time(self, node: nodes.Node) -> tuple[str, ...] | None:
        path = run_time_path(node)
        return path if path and path[0] not in self.world.names else None

    def emit_text(self, index: int) -> str:
        self.world.budget.step()
        segment = self.segments[index]
        self.world.budget.write(segment.end - segment.start)
        return f"\0t{index}\0"

    def emit_value(self, index: int, value: Any) -> str:
        self.world.budget.step()
        if isinstance(value, str) and "\0" in value:
            self.world.budget.write(len(value))
            return f"\0({index}\0{value}\0){index}\0"
        if isinstance(value, jinja2.Undefined):
            str(value)
        if not isinstance(value, RunTime):
            self.world.budget.write(len(plain_text(value)))
        self.values.append((index, value))
        return f"\0v{len(self.values) - 1}\0"

    def emit_run_time(self, index: int, path: str) -> str:
        return self.emit_value(index, RunTime(path_of(path)))

    def read(self, output: str) -> Iterator[Piece]:
        calls: list[int] = []
        position = length = 0
        for mark in _MARK.finditer(output):
            if mark.start() != position:
                break
            position = mark.end()
            kind, number = mark[1], int(mark[2])
            if kind == "(":
                calls.append(number)
            elif kind == ")":
                calls.pop()
            elif kind == "t":
                segment = self.segments[number]
                outer = self.segments[calls[0]] if calls else segment
                text = self.text_of(number)[segment.start : segment.end]
                length += len(text)
                yield Piece(text, outer.start, outer.end, is_text=True, depth=len(calls))
            else:
                index, value = self.values[number]
                outer = self.segments[calls[0] if calls else index]
                yield Piece(value, outer.start, outer.end, depth=len(calls))
        if position != len(output):
            raise Mistake("what a macro gives can only be written out")

    def text_of(self, index: int) -> str:
        for one in self.macros:
            if index < len(one.segments):
                return one.text
            index -= len(one.segments)
        return self.text

    def at(self, mistake: Mistake, error: BaseException) -> Mistake:
        """The mistake at the segment that the innermost line of the template belongs to."""
        line, trace = None, error.__traceback__
        while trace is not None:
            if trace.tb_frame.f_code.co_filename == _FILE:
                debug = str(trace.tb_frame.f_globals.get("debug_info", ""))
                found = _template_line(debug, trace.tb_lineno)
                # What happens in an imported file is told at the place that called it.
                if found is not None and found >= self.lines[min(self.first_own, len(self.lines) - 1)]:
                    line = found
            trace = trace.tb_next
        return self.at_line(mistake, line)

    def at_line(self, mistake: Mistake, line: int | None, name: str | None = None) -> Mistake:
        index = max(
            (k for k, start in enumerate(self.lines) if line is not None and start < max(line, 2)),
            default=self.first_own,
        )
        if index < self.first_own or index >= len(self.segments):
            return mistake
        mistake.start, mistake.end = self.segments[index].start, self.segments[index].end
        return self.at_name(mistake, name, self.segments[index : index + 1]) if name else mistake

    def at_name(self, mistake: Mistake, name: str, segments: Iterable[Segment] | None = None) -> Mistake:
        for segment in self.own if segments is None else segments:
            code = _NAMELESS.sub(lambda text: " " * len(text[0]), segment.code)
            found = re.search(rf"(?<![\w.]){re.escape(name)}(?!\w)", code)
            if found and segment.kind != "text":
                mistake.start, mistake.end = segment.code_start + found.start(), segment.code_start + found.end()
                return mistake
        return mistake


def macros_of(file: str, text: str) -> Macros:
    """The macros of an imported file, which holds nothing else. Raises Mistake."""
    segments = cut(text)
    kept: list[Segment] = []
    names: set[str] = set()
    depth = 0
    for segment in segments:
        words = segment.code.split(maxsplit=1) if segment.kind == "statement" else [""]
        if depth == 0 and segment.kind == "text" and not text[segment.start : segment.end].strip():
            continue
        if depth == 0 and words[0] != "macro":
            remedy = ("put it between {% macro name(…) %} and {% endmacro %}",)
            raise Mistake("a file of macros holds nothing else", segment.start, segment.end, help=remedy)
        depth += {"macro": 1, "endmacro": -1}.get(words[0], 0)
        if words[0] == "macro" and depth == 1:
            names.add(words[-1].partition("(")[0].strip())
        kept.append(segment)
    template = _Template(text, tuple(kept), World(), has_item=False)
    template.parsed()
    return Macros(file, text, tuple(kept), frozenset(names))


def _rewritten(segment: Segment) -> str:
    """What Jinja is given for a segment; a text is kept from it, and stands for itself by its number."""
    opening, closing = ("{%", "%}") if segment.kind == "statement" else ("{{", "}}")
    code = "0" if segment.kind == "text" else segment.code.replace("\r", " ")
    return f"{opening}\n{code}\n{closing}"


def _output_nodes(tree: nodes.Template) -> Iterator[nodes.Output]:
    return tree.find_all(nodes.Output)


def _outputs(tree: nodes.Template) -> Iterator[nodes.Node]:
    for output in _output_nodes(tree):
        yield from output.nodes


def _call(name: str, *arguments: nodes.Expr) -> nodes.Call:
    line = arguments[0].lineno
    return nodes.Call(nodes.Name(name, "load", lineno=line), list(arguments), [], None, None, lineno=line)


def _template_line(debug: str, line: int) -> int | None:
    """The template's line of a line of its code: `debug` is Jinja's `template=code&…`."""
    found = None
    for pair in debug.split("&"):
        of_template, _, of_code = pair.partition("=")
        if of_code.isdigit() and int(of_code) <= line:
            found = int(of_template)
    return found


_OPEN_BLOCK: Final = re.compile(r"^Unexpected end of template\..* that needs to be closed is '(\w+)'", re.DOTALL)


def _syntax_words(message: str) -> str:
    tag = re.search(r"unknown tag '(\w+)'", message)
    if tag:
        return f'templates have no statement "{tag[1]}"'
    if open_block := _OPEN_BLOCK.search(message):
        return f'"{open_block[1]}" is never closed'
    message = re.sub(r"\bJinja was looking for\b", "what is wanted is", message)
    message = message.replace("'end of print statement'", "the end")
    return f"this template cannot be read: {_plain_words(message)}"


def _syntax_help(message: str) -> tuple[str, ...]:
    if open_block := _OPEN_BLOCK.search(message):
        return (f"close it with {{% end{open_block[1]} %}}",)
    tag = re.search(r"unknown tag '(\w+)'", message)
    return ("the statements are: for, if, set, macro, raw",) if tag else ()


def _plain_words(message: str) -> str:
    message = message.strip().rstrip(".").replace("'", '"').replace("\0", "")
    message = " ".join(message.split())[:200]
    return message[:1].lower() + message[1:]

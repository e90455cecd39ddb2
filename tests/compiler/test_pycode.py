"""Code digests that only code can change, on every Python, and the modules that an entry brings in."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from tests.pythons import interpreters, name_of

from trc.compiler import pycode
from trc.compiler.pycode import Closure, ReadFile, closure, module_digest

MODULES = {
    "plain": "import os\n\n\ndef f(a, *, b=1):\n    # why\n    return a + b\n",
    "f-strings": (
        'x = f"a{b!r:>{w}}c" f\'{d}\'\ny = rf"\\d{e}{{}}"\nz = f"""é\n{\n  g + 1  # no\n}ü\n{{h}}"""\n'
        "def k():\n    return F\"日本{x}\" + fr'\\{y}'\n"
    ),
    "strings": "a = 'x' \"y\" b'z' r'\\d'\nb = '''one\n  two\r\nthree'''\n",
    "blocks": "if a:\n\tif b:\n\t\tc = 1\n\telse:\n\t\tpass\nd = [\n  1,\n  2,  # two\n]\ne = \\\n  3\n",
    "words": "async def f():\n    async with a as b, c: await d\n    x: int = 0x1F + 1_000 + 1e5j + 0b11\n    match x:\n        case _: ...\n",
    "unicode": "größe = 'ünïcödé'\nlambda é: é @ größe\n",
    "nothing": "",
    "no line break": "x = 1",
    "decorated": "@d\nclass C(B):\n    def m(self) -> 'C': ...\n",
}

PROGRAM = """
import importlib.util, json, sys
spec = importlib.util.spec_from_file_location("pycode", sys.argv[1])
module = importlib.util.module_from_spec(spec)
sys.modules["pycode"] = module
spec.loader.exec_module(module)
print(json.dumps({name: module.module_digest(text.encode()) for name, text in json.load(sys.stdin).items()}))
"""


def files(**texts: str) -> ReadFile:
    """Two underscores stand for a slash, `package` for `__init__`."""
    named = {name.replace("__", "/").replace("package", "__init__") + ".py": text for name, text in texts.items()}
    return {name: text.encode() for name, text in named.items()}.get


def paths(result: Closure) -> list[str]:
    return [file.path for file in result.files]


@pytest.mark.parametrize("python", interpreters(11, 12, 13, 14), ids=name_of)
def test_digests_are_the_same_on_every_python(python: Path) -> None:
    """The module is loaded alone, from its file: digests need nothing but the standard library."""
    command = [str(python), "-I", "-c", PROGRAM, pycode.__file__]
    done = subprocess.run(command, input=json.dumps(MODULES), capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == {name: module_digest(text.encode()) for name, text in MODULES.items()}


SOURCE = b"import os\ndef f(a):\n    return f'{a}  b' if a else [\n        1, 2]\n"


@pytest.mark.parametrize(
    "other",
    [
        b"import os  # os\n\n\ndef f(a):\n    # why\n    return f'{a}  b' if a else [1, 2]\n\n",
        b"import os\r\ndef f(a):\r\n\treturn f'{a}  b' if a else [\r\n\t1,\r\n2]",
        b"\xef\xbb\xbf# -*- coding: utf-8 -*-\nimport os\ndef f( a ):\n  return f'{a}  b'   if a else [1,2]\n",
        b"import os\ndef f(a):\n    return f'{a}  b' \\\n        if a else [1, 2]\n",
    ],
    ids=["comments", "line breaks", "encoding", "continuation"],
)
def test_layout_changes_no_digest(other: bytes) -> None:
    assert module_digest(other) == module_digest(SOURCE)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (b"x = 1\n", b"x = 2\n"),
        (b"x = 'a b'\n", b"x = 'a  b'\n"),
        (b"x = f'{a}'\n", b"x = f'{a} '\n"),
        (b"x = f'{a}'\n", b"x = '{a}'\n"),
        (b"if a:\n    b\nc\n", b"if a:\n    b\n    c\n"),
        (b"a\nb\n", b"a, b\n"),
        (b"ab = 1\n", b"a.b = 1\n"),
        (b"'doc'\n", b"'other'\n"),
    ],
)
def test_code_changes_the_digest(one: bytes, other: bytes) -> None:
    assert module_digest(one) != module_digest(other)


def test_modules_that_are_imported() -> None:
    read = files(
        tasks__score="import numpy.linalg\nfrom helpers import a, b\nimport pkg.sub as s\nfrom . import near\nimport os, trc",
        tasks__near="from .deep.er import x\nfrom .. import far",
        tasks__deep__package="",
        tasks__deep__er="import yaml",
        far="",
        helpers="def f():\n    from lazily import late",
        lazily="from score import again",
        pkg__package="from pkg import side",
        pkg__sub="import numpy",
        pkg__side="",
        pkg__unused="import nothing",
    )
    result = closure("tasks/score.py", read)
    assert paths(result) == [
        "far.py",
        "helpers.py",
        "lazily.py",
        "pkg/__init__.py",
        "pkg/side.py",
        "pkg/sub.py",
        "tasks/deep/__init__.py",
        "tasks/deep/er.py",
        "tasks/near.py",
        "tasks/score.py",
    ]
    assert result.third_party == ("numpy", "yaml")
    assert result.problems == ()


def test_a_module_beside_the_entry_counts_and_so_does_one_of_the_project() -> None:
    result = closure("a/main.py", files(a__main="import helpers", a__helpers="x = 1", helpers="x = 2"))
    assert paths(result) == ["a/helpers.py", "a/main.py", "helpers.py"]


def test_a_circle_of_imports_ends() -> None:
    result = closure("a.py", files(a="import b", b="import a"))
    assert paths(result) == ["a.py", "b.py"]


def test_an_entry_that_is_not_there() -> None:
    assert closure("a.py", files()) == Closure()


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        (b"def f(:\n  pass\n", 1, 7),
        (b"x = 1\n  y = 2\n", 2, 1),
        (b"x = '\xff'\n", 1, 1),
        (b"ok = 1\nx = '\0'\n", 2, 1),
        (b"# coding: nonsense\n", 1, 1),
        (b"x = (1,\n", 1, 5),
        (b"(" * 5000, 1, 1),
    ],
)
def test_code_that_is_not_python(text: bytes, line: int, column: int) -> None:
    result = closure("a.py", {"a.py": text}.get)
    (problem,) = result.problems
    assert (problem.path, problem.line) == ("a.py", line)
    assert problem.column >= column
    assert problem.message


def test_a_mistake_in_an_imported_module_is_told_there() -> None:
    result = closure("a.py", files(a="import b", b="x ="))
    assert [problem.path for problem in result.problems] == ["b.py"]


def test_names_at_the_top_level() -> None:
    text = """
import os.path, json as j
from x import y as z
A = B = 1
(C, [D]) = 1, [2]
E: int = 3
if A:
    def f(): inner = 1
else:
    async def g(): pass
class H:
    member = 1
for i in []: pass
with open("x") as w: pass
k = lambda l: l
"""
    result = closure("a.py", {"a.py": text.encode()}.get)
    assert set(result.names) == {"os", "j", "z", "A", "B", "C", "D", "E", "f", "g", "H", "i", "w", "k"}
    assert not result.can_define_more
    assert closure("a.py", {"a.py": b"from x import *"}.get).can_define_more


def test_warnings_of_the_code_are_not_ours() -> None:
    assert closure("a.py", {"a.py": b"x = '\\d' is 'd'\n"}.get).problems == ()

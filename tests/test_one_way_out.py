"""The single way out to a terminal, and the single starter of processes: the source is searched for others.

Text leaves through ``sys.stdout`` and ``sys.stderr``, which console/cli/streams.py has made harmless for every writer.
The test looks for everything that would bypass these two.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

import pytest

from tests.test_one_door import sources

STREAMS = "console/cli/streams.py"
PAST: dict[str, set[str]] = {
    "sys.__stderr__": {"console/cli/open_console.py"},
    ".buffer": {STREAMS},
    "open(descriptor)": {STREAMS},
    "os.dup2": {STREAMS},
    "os.write": {"actions/audit/disk.py"},
    ".steer": {STREAMS},
}
"""Calls that bypass it, and the files that may: Textual's canvas, the streams themselves, and a log on disk."""
WRITERS = {
    "StreamHandler": "logging to a stream of its own",
    "Console": "rich writes escape sequences",
    "input": "its prompt",
    "getpass": "its prompt, on /dev/tty",
    "faulthandler": "writes to the descriptor",
    "curses": "the terminal itself",
    "pty": "the terminal itself",
    "openpty": "the terminal itself",
}
DEVICES = ("/dev/tty", "/dev/stdout", "/dev/stderr", "/dev/fd", "/proc/self/fd", "/dev/console", "/dev/pts")
STARTERS = {"Popen", "create_subprocess_exec", "create_subprocess_shell"}
HANDED_DOWN = {"stdin", "stdout", "stderr"}
SECRETLY = {
    ("platform", "platform"),
    ("platform", "processor"),
    ("platform", "uname"),
    ("platform", "libc_ver"),
    ("util", "find_library"),
    ("uuid", "getnode"),
    ("uuid", "uuid1"),
    ("webbrowser", "open"),
}
"""Calls of the standard library that start a process (uname, gcc, ldconfig, ifconfig) without saying so."""


def ways_past(nodes: Iterable[ast.AST]) -> Iterator[str]:
    for node in nodes:
        match node:
            case ast.Attribute(value=ast.Name(id="sys"), attr="__stdout__" | "__stderr__" as attr):
                yield f"sys.{attr}"
            case ast.Attribute(value=ast.Attribute(value=ast.Name(id="sys"), attr="stdout" | "stderr"), attr="buffer"):
                yield ".buffer"
            case ast.Call(func=ast.Attribute(attr="detach" | "steer" as attr)):
                yield f".{attr}"
            case ast.Call(func=ast.Attribute(value=ast.Name(id="os"), attr="write" | "dup2" | "writev" as attr)):
                yield f"os.{attr}"
            case ast.Call(
                func=ast.Name(id="open") | ast.Attribute(attr="FileIO" | "fdopen"),
                args=[ast.Constant(value=int()), *_],
            ):
                yield "open(descriptor)"
            case ast.Call(func=ast.Attribute(value=ast.Name(id="io"), attr="FileIO")):
                yield "open(descriptor)"
            case ast.ImportFrom(module="sys", names=names) if {n.name for n in names} & {"stdout", "stderr"}:
                yield "from sys import"
            case ast.Constant(value=str() as text) if text.startswith(DEVICES):
                yield text
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)) if name in WRITERS:
                yield name


def test_text_reaches_the_terminal_through_one_door() -> None:
    found: dict[str, set[str]] = {}
    for file, nodes in sources():
        for way in ways_past(nodes):
            found.setdefault(way, set()).add(file)
    assert found == PAST


@pytest.mark.parametrize(
    "second",
    [
        "sys.__stderr__.write(x)",
        "sys.stdout.buffer.write(x)",
        "os.write(2, x)",
        "open(2, 'w').write(x)",
        "os.fdopen(1, 'w')",
        "from sys import stderr",
        "open('/dev/tty', 'w')",
        "logging.StreamHandler(stream)",
        "sys.stderr.detach()",
        "input(x)",
    ],
)
def test_a_second_way_would_be_found(second: str) -> None:
    assert list(ways_past(ast.walk(ast.parse(second))))


def inherited(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Starts of processes that would write to our terminal themselves."""
    for node in nodes:
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name in STARTERS and not {keyword.arg for keyword in node.keywords} >= HANDED_DOWN:
                yield name


def test_no_process_is_handed_the_terminal() -> None:
    assert [(file, name) for file, nodes in sources() for name in inherited(nodes)] == []
    assert list(inherited(ast.walk(ast.parse("subprocess.Popen(x, stdin=PIPE, stdout=PIPE)")))) == ["Popen"]


def test_nothing_starts_a_process_without_saying_so() -> None:
    found = [
        (file, node.func.attr)
        for file, nodes in sources()
        for node in nodes
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and (getattr(node.func.value, "id", getattr(node.func.value, "attr", "")), node.func.attr) in SECRETLY
    ]
    assert found == []

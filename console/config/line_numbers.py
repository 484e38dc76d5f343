"""Line numbers of the keys in a TOML text, for error messages: tomllib does not report them."""

from __future__ import annotations

import re
import tomllib

Path = tuple[str, ...]

_KEY = re.compile(r"""\s*(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|([A-Za-z0-9_-]+))\s*(\.)?""")
_HEADER = re.compile(r"\s*\[\[?(.*?)\]\]?\s*(?:#.*)?$")
_LEXEME = re.compile(r"\"\"\"|'''|\"(?:[^\"\\]|\\.)*\"|'[^']*'|#.*|[\[\]{},=]|[^\s\"'#\[\]{},=]+")


def locate(text: str) -> dict[Path, int]:
    """Line numbers (from 1) of the tables and keys of a TOML text that tomllib accepts.

    Keys of inline tables are included. The first line wins where a table is opened twice.
    """
    lines: dict[Path, int] = {}
    table: Path = ()
    scan = _ValueScan(lines)
    for number, line in enumerate(text.splitlines(), start=1):
        rest = line
        if not scan.open:
            if header := _HEADER.match(line):
                table, _ = _keys(header[1])
                lines.setdefault(table, number)
                continue
            keys, end = _keys(line)
            if not keys or line[end : end + 1] != "=":
                continue
            path = table + keys
            for depth in range(len(table) + 1, len(path) + 1):
                lines.setdefault(path[:depth], number)
            scan.begin(path)
            rest = line[end + 1 :]
        scan.feed(rest, number)
    return lines


def _keys(text: str) -> tuple[Path, int]:
    """The dotted key that a text begins with, and where it ends."""
    out: list[str] = []
    at = 0
    while match := _KEY.match(text, at):
        quoted, literal, bare = match.groups()[:3]
        out.append(_plain(quoted) if quoted is not None else literal if literal is not None else bare)
        at = match.end()
        if not match[4]:
            break
    return tuple(out), at


def _plain(quoted: str) -> str:
    """The characters of a quoted key; its escapes as they are where they make none."""
    if "\\" not in quoted:
        return quoted
    try:
        (key,) = tomllib.loads(f'"{quoted}" = 0')
    except tomllib.TOMLDecodeError:
        return quoted
    return key


class _ValueScan:
    """Follows a value over its lines: multi-line strings, arrays, and the keys of inline tables."""

    def __init__(self, lines: dict[Path, int]) -> None:
        self._lines = lines
        self._path: Path = ()
        self._brackets: list[str] = []
        self._quote = ""
        self._pending: list[str] = []

    @property
    def open(self) -> bool:
        """True while the value continues on the next line."""
        return bool(self._brackets or self._quote)

    def begin(self, path: Path) -> None:
        self._path = path
        self._pending = []

    def feed(self, text: str, number: int) -> None:
        at = 0
        while at < len(text):
            if self._quote:
                end = text.find(self._quote, at)
                if end < 0:
                    return
                at = end + 3
                self._quote = ""
            elif match := _LEXEME.search(text, at):
                at = match.end()
                self._take(match[0], number)
            else:
                return

    def _take(self, lexeme: str, number: int) -> None:
        if lexeme in {'"""', "'''"}:
            self._quote = lexeme
        elif lexeme in {"[", "{"}:
            self._brackets.append(lexeme)
            self._pending = []
        elif lexeme in {"]", "}"} and self._brackets:
            self._brackets.pop()
        elif lexeme == ",":
            self._pending = []
        elif lexeme == "=":
            inside, _ = _keys("".join(self._pending))
            if inside and self._brackets == ["{"]:
                self._lines.setdefault(self._path + inside, number)
            self._pending = []
        elif not lexeme.startswith("#"):
            self._pending.append(lexeme)

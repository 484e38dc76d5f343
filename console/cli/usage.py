"""Text of ``--help``, in reading order; it costs almost no import."""

from __future__ import annotations

from collections.abc import Iterator

from console.cli.command_table import COMMON_FLAGS, EXIT_CODES, GROUPS, HOW, THEMES, WHICH, CommonFlag, in_group, of

_COLUMN = 22


def text(prog: str) -> str:
    """The help of the program under the name that it was called by."""
    return "\n".join(_lines(prog)) + "\n"


def _lines(prog: str) -> Iterator[str]:
    console = of("")
    yield from (f"usage: {prog} [command] [flags]", "", console.about)
    for group in GROUPS:
        yield from ("", f"{group}:")
        for name, summary in in_group(group):
            yield _row(name or "(none)", summary)
    for group in (WHICH, HOW):
        yield from ("", f"{group}:")
        for flag in COMMON_FLAGS:
            if flag.group == group:
                yield _row(_flag(flag), THEMES if flag.names == ("--theme",) else flag.help)
    yield ""
    yield _row("--record FILE", "console and demo: record to FILE, for replay")
    yield _row("-h, --help", "this text; after a command: its flags, with examples")
    yield _row("--version", "print the version")
    yield from ("", "examples:")
    yield from examples(prog, "")
    yield ""
    codes = [f"{code} {meaning}" for code, meaning in EXIT_CODES.items()]
    yield f"exit codes: {', '.join(codes[:4])},"
    yield f"  {', '.join(codes[4:])}; check has its own exit codes"


def _row(name: str, words: str) -> str:
    if len(name) > _COLUMN - 4:
        return f"  {name}\n{' ' * _COLUMN}{words}"
    return f"  {name:<{_COLUMN - 2}}{words}"


def _flag(flag: CommonFlag) -> str:
    return f"{', '.join(flag.names)} {flag.metavar}".rstrip()


def examples(prog: str, command: str) -> Iterator[str]:
    """The lines of the examples of a command."""
    found = [(f"{prog} {one.words}".rstrip(), one.says) for one in of(command).examples]
    width = max((len(line) for line, _ in found if len(line) <= 60), default=0)
    for line, says in found:
        yield f"  {line:<{width}}  # {says}" if len(line) <= width else f"  {line}  # {says}"

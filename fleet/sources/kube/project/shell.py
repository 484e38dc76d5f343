"""The simple commands that a container's command line runs, as far as its text shows.

A container may start its engine through any number of shells: ``bash -lc "…"``, ``eval "exec vllm serve …"``, a script
of many lines. Quotes, comments, separators, variables set by the template or the script itself, and the words after
``sh -c script`` as ``$@`` are interpreted; nothing is run, and what needs a running shell (``$(command)``, ``$((1 +
i))``, conditions) stays as written.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

Command = tuple[str, ...]
"""The words of one simple command."""

_SHELLS = frozenset({"sh", "bash", "ash", "dash", "zsh", "ksh"})
_DEEPEST = 6
"""Shells within shells; more is garbage."""
_LONGEST = 256 * 1024
"""Characters of the scripts of one container, and of one word; Kubernetes takes objects of 1.5 MiB in all."""
_VARIABLE = re.compile(r"\$(?:\((\w+)\)|\{(\w+)(?::?-([^{}]*))?\}|(\w+))")
_ASSIGNMENT = re.compile(r"(\w+)=(.*)", re.DOTALL)
_SEPARATORS = frozenset(";|&()\n")
_PLAIN = re.compile(r"[\w./:=,@%+~^!*?\[\]{}-]+")
"""Characters without special meaning for splitting words."""
_DECLARING = frozenset({"export", "declare", "local", "readonly"})


def commands(
    command: Sequence[str], args: Sequence[str], environment: Mapping[str, str] | None = None
) -> tuple[Command, ...]:
    """Return the simple commands of ``command`` and ``args`` of a container, including those of its scripts, in order.

    ``environment`` holds the variables with known values; others stay as written.
    """
    return _commands((*command, *args), tuple((environment or {}).items()))


@lru_cache(maxsize=1024)
def _commands(words: tuple[str, ...], environment: tuple[tuple[str, str], ...]) -> tuple[Command, ...]:
    """Remembered, because the pods of a workload all have the same command line."""
    known = dict(environment)
    return tuple(_Reader(known).commands_inside([expanded(word, known) for word in words]))


def expanded(text: str, environment: Mapping[str, str]) -> str:
    """``$(NAME)`` of Kubernetes, ``$NAME`` and ``${NAME:-default}`` of the shell, where the value is known.

    The result is bounded: variables of variables double with each line, and a pod's owner writes them.
    """
    if "$" not in text:
        return text
    room = _LONGEST - len(text)

    def value(match: re.Match[str]) -> str:
        nonlocal room
        name = match[1] or match[2] or match[4]
        known = environment.get(name)
        if match[3] is not None:
            known = known or match[3]
        if known is None or len(known) > room:
            return match[0]
        room -= len(known)
        return known

    return _VARIABLE.sub(value, text)


def program(word: str) -> str:
    """The name of a program without its folder."""
    return word.rsplit("/", 1)[-1]


class _Reader:
    """Reads one container's command line; ``left`` are the characters of scripts that it may still go through."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._environment = environment
        self._left = _LONGEST

    def commands_inside(self, words: Sequence[str], depth: int = _DEEPEST) -> Iterator[Command]:
        """Yield a simple command, or the commands inside it if it is a shell."""
        script, parameters = _script_of(words)
        if script is None or depth == 0 or len(script) > self._left:
            if words:
                yield tuple(words)
            return
        self._left -= len(script)
        script = script.replace("\r\n", "\n").replace("\\\n", " ")
        listed = " ".join(parameters)
        if (script.count("$@") + script.count("$*")) * len(listed) <= _LONGEST:
            for all_of_them in ("$@", "$*"):
                script = script.replace(f'"{all_of_them}"', shlex.join(parameters)).replace(all_of_them, listed)
        for simple in _split(expanded(script, self._environment)):
            found = [expanded(word, self._environment) for word in simple]
            yield from self.commands_inside(_without_assignments(found, self._environment), depth - 1)


def _script_of(words: Sequence[str]) -> tuple[str | None, Sequence[str]]:
    """The script that these words have a shell run, and its positional parameters from ``$1`` on."""
    for number, word in enumerate(words):
        if word == "eval":
            return " ".join(words[number + 1 :]), ()
        if program(word) in _SHELLS:
            return _after_c(words[number + 1 :])
        if number >= 8:
            # Wrappers (tini --, numactl …, exec, env A=b) precede a shell, not whole command lines.
            break
    return None, ()


def _after_c(words: Sequence[str]) -> tuple[str | None, Sequence[str]]:
    seen_c = False
    rest = iter(range(len(words)))
    for at in rest:
        word = words[at]
        if word == "--":
            continue
        if not word.startswith(("-", "+")):
            return (word, words[at + 2 :]) if seen_c else (None, ())
        seen_c = seen_c or bool(re.fullmatch(r"-[a-z]*c[a-z]*", word))
        if word in ("-o", "+o", "-O", "+O"):
            next(rest, None)
    return None, ()


def _without_assignments(words: Sequence[str], environment: dict[str, str]) -> list[str]:
    """The words behind ``A=b`` and ``export A=b``, which are remembered where their value is plain."""
    rest = list(words)
    if rest and rest[0] in _DECLARING:
        rest = rest[1:]
    while rest and (match := _ASSIGNMENT.fullmatch(rest[0])):
        if "$" not in match[2] and "`" not in match[2]:
            environment[match[1]] = match[2]
        else:
            environment.pop(match[1], None)
        rest = rest[1:]
    return rest


def _split(script: str) -> Iterator[list[str]]:
    """The simple commands of a script; an unbalanced quote reaches to the end."""
    words: list[str] = []
    for token in _tokens(script):
        if token is None:
            if words:
                yield words
            words = []
        else:
            words.append(token)
    if words:
        yield words


def _tokens(script: str) -> Iterator[str | None]:
    """Yield words without their quotes, None at the end of a command."""
    word: list[str] | None = None
    at, end = 0, len(script)
    while at < end:
        plain = _PLAIN.match(script, at)
        if plain:
            word = word or []
            word.append(plain[0])
            at = plain.end()
            continue
        char = script[at]
        if char in "'\"":
            text, at = _quoted(script, at)
            word = word or []
            word.append(text)
            continue
        if char == "$" and script.startswith("$(", at):
            stop = _closing(script, at + 1)
            word = word or []
            word.append(script[at:stop])
            at = stop
            continue
        redirected = char == "&" and (script[at - 1 : at] in (">", "<") or script[at + 1 : at + 2] == ">")
        if char.isspace() or (char in _SEPARATORS and not redirected):
            if word is not None:
                yield "".join(word)
                word = None
            if char in _SEPARATORS:
                yield None
        elif char == "#" and word is None:
            newline = script.find("\n", at)
            at = end if newline < 0 else newline
            continue
        else:
            word = word or []
            if char == "\\" and at + 1 < end:
                at += 1
                char = script[at]
            word.append(char)
        at += 1
    if word is not None:
        yield "".join(word)


def _quoted(script: str, at: int) -> tuple[str, int]:
    """The text of the quotes that begin at ``at``, and where they end."""
    quote, text = script[at], []
    at += 1
    while at < len(script) and script[at] != quote:
        if quote == '"' and script[at] == "\\" and script[at + 1 : at + 2] in ('"', "\\", "$", "`"):
            at += 1
        text.append(script[at])
        at += 1
    return "".join(text), at + 1


def _closing(script: str, at: int) -> int:
    """Return the index after the parenthesis that closes the one at ``at``."""
    depth = 0
    for end in range(at, len(script)):
        depth += {"(": 1, ")": -1}.get(script[end], 0)
        if depth == 0:
            return end + 1
    return len(script)

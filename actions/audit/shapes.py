"""Secrets in running text: in URLs, headers, command lines, environments, YAML and JSON, and by their own shape."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

MARK: Final = "[redacted]"
"""What stands in a secret's place."""

_QUOTED: Final = r"""\[redacted\]|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'"""
_VALUE: Final = re.compile(rf"""(?:{_QUOTED}|[^\s"'&;,|<>)\]}}]+)""")
"""A value as shells take it: in quotes, or up to the next blank."""
_PLAIN: Final = re.compile(rf"""(?:{_QUOTED}|[^\s"'][^\n]*)""")
"""A value as YAML and JSON have it: in quotes, or all the rest of the line."""

_PRIVATE_KEY: Final = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL
)
_USER_INFO: Final = re.compile(r"(?<=://)[^/?#\s\"'<>@]*(?:@[^/?#\s\"'<>@]*)*@")
_PARAMETER: Final = re.compile(r"(?:[?&;]|%3f|%26)(?P<name>[^=&;#?%\s\"'<>]+)(?:=|%3d)", re.IGNORECASE)
_PARAMETER_VALUE: Final = re.compile(r"(?:(?!%26)[^&;#?\s\"'<>])*", re.IGNORECASE)
"""Also of a URL that is a parameter itself."""
_HEADER: Final = re.compile(
    r"(?P<lead>\b(?:(?:proxy-)?authorization|(?:set-)?cookie|x-[\w-]*(?:token|key|secret|auth|password)[\w-]*)"
    r"[\"']?[ \t]*[:=][ \t]*[\"']?)(?P<value>[^\r\n\"']+)",
    re.IGNORECASE,
)
_SCHEME: Final = re.compile(r"(?P<lead>\b(?:bearer|basic)[ \t]+)(?P<value>[\w.~+/=-]{6,})", re.IGNORECASE)
_BASE64: Final = re.compile(r"(?=.*[0-9=+/]|.+[A-Z])[\w+/=-]+")
_FLAG: Final = re.compile(r"(?<![\w-])(?P<name>--?[A-Za-z][\w.-]*)(?:=|[ \t]+)(?!-)")
_VARIABLE: Final = re.compile(r"(?<![\w-])(?P<name>[A-Za-z_][A-Za-z0-9_]*)=")
_PAIR: Final = re.compile(r"(?<![\w-])(?P<name>[A-Za-z_][\w.-]*)(?:\\?[\"'])?[ \t]*:[ \t]*")
_NAMED: Final = re.compile(
    r"(?P<lead>\bname(?:\\?[\"'])?[ \t]*:[ \t]*(?:\\?[\"'])?(?P<name>[\w.-]+)(?:\\?[\"'])?)"
    rf"(?P<values>(?:[\s,+\"'\\-]*\bvalue(?:\\?[\"'])?[ \t]*:[ \t]*{_PLAIN.pattern})+)"
)
"""An environment variable in a manifest; in a diff it may have two values, one removed and one added."""
_NAMED_VALUE: Final = re.compile(rf"(?P<lead>\bvalue(?:\\?[\"'])?[ \t]*:[ \t]*)(?P<value>{_PLAIN.pattern})")
_SHAPES: Final = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"eyJ[\w-]{6,}\.[\w-]{4,}(?:\.[\w-]*)?"  # JWT
    r"|hf_[A-Za-z0-9]{10,}"  # Hugging Face
    # OpenAI, Anthropic, NVIDIA; names of objects may begin so, too, but have neither capitals nor such long words.
    r"|(?:sk|nvapi)-(?:[A-Za-z0-9]{16,}|(?=[\w-]*[A-Z_])[\w-]{10,})[\w-]*"
    r"|(?:ghp|gho|ghu|ghs|ghr)_[A-Za-z0-9]{16,}|github_pat_\w{16,}|glpat-[\w-]{16,}"
    r"|xox[abeoprs]-[\w-]{10,}|AIza[\w-]{20,}|sha256~[\w-]{16,}"
    r"|(?:AKIA|ASIA)[0-9A-Z]{12,}"  # AWS
    r")"
)

Names = Callable[[str, str], bool]
"""Of a name and its value."""


def masked(text: str, secret: Names, variable: Names) -> str:
    """``text`` without the secrets in it. ``secret`` and ``variable`` say which names give one away."""

    def assigned(name: str, value: str) -> bool:
        return variable(name, value) if name.isupper() else secret(name, value)

    def parameter(name: str, value: str) -> bool:
        return secret(name, value) or _signs(name)

    def entry(match: re.Match[str]) -> str:
        if not variable(match["name"], ""):
            return match[0]
        return match["lead"] + _NAMED_VALUE.sub(lambda m: m["lead"] + _mark(m["value"]), match["values"])

    text = _PRIVATE_KEY.sub(MARK, text)
    text = _USER_INFO.sub(MARK + "@", text)
    text = _hide(text, _PARAMETER, _PARAMETER_VALUE, parameter)
    text = _HEADER.sub(lambda m: m["lead"] + MARK, text)
    text = _SCHEME.sub(_scheme, text)
    text = _hide(text, _FLAG, _VALUE, secret)
    text = _NAMED.sub(entry, text)
    text = _hide(text, _VARIABLE, _VALUE, assigned)
    text = _hide(text, _PAIR, _PLAIN, assigned)
    return _SHAPES.sub(MARK, text)


def _hide(text: str, lead: re.Pattern[str], value: re.Pattern[str], hidden: Names) -> str:
    """Hide what follows each ``lead`` whose name says so. What follows the others is looked at for leads of its own."""
    out: list[str] = []
    done = at = 0
    while (found := lead.search(text, at)) is not None:
        at = found.end()
        # The name first: a value may be all the rest of a long line.
        given = value.match(text, at) if hidden(found["name"], "") else None
        if given is not None and hidden(found["name"], given[0]):
            out += text[done:at], _mark(given[0])
            done = at = given.end()
    return "".join((*out, text[done:]))


def _mark(value: str) -> str:
    """MARK in the quotes of the value, so that YAML and JSON stay what they are."""
    quote = value[:1] if value[:1] in {'"', "'"} and value[-1:] == value[:1] and len(value) > 1 else ""
    return f"{quote}{MARK}{quote}" if value not in {"", '""', "''", MARK} else value


def _signs(name: str) -> bool:
    """Parameters of signed URLs, and what logins hand on."""
    return name.lower() in {"sig", "key", "auth", "session", "code"} or name.lower().startswith("x-amz-")


def _scheme(match: re.Match[str]) -> str:
    """``Basic authentication failed`` has no secret in it."""
    basic = match["lead"].strip().lower() == "basic"
    return match[0] if basic and not _BASE64.fullmatch(match["value"]) else match["lead"] + MARK

"""Secrets in running text: in URLs, headers, command lines, environments, YAML and JSON, and by their own form."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from actions.audit.harmless_names import is_prose
from actions.audit.redaction_marks import MARK, mark, unquoted
from actions.audit.secret_names import (
    is_secret_field,
    is_secret_flag,
    is_secret_parameter,
    is_secret_variable,
    is_strict_field,
)
from actions.audit.secret_prefixes import without_shapes
from actions.audit.yaml_values import end_of_value, only_refers

_QUOTED: Final = r""""(?:[^"\\]|\\.){0,4000}"|'[^']{0,4000}'"""
_LINE: Final = r"""\[redacted\]|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'"""
_VALUE: Final = re.compile(
    rf"""\[redacted\]|(?:{_QUOTED}|\$[({{]\w*[)}}]|(?:\\.|[^\s"'\\])+(?<![,;)\]}}>])|["'][^\n]+)+"""
)
"""A value as shells take it: in quotes, or up to the next blank."""
_PLAIN: Final = re.compile(rf"""(?:{_LINE}|[^\s"'][^\n]*|["'][^\n]+)""")
"""A value as YAML and JSON have it: in quotes, or all the rest of the line."""

_PRIVATE_KEY: Final = re.compile(
    r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|\Z)",
    re.DOTALL,
)
_USER_INFO: Final = re.compile(
    r"(?<=://)(?:[^/?#\s\"'<>]{0,500}|[^/?#\s\"'<>@:]{0,100}:(?!\d{1,5}(?:[/?#\s\"']|\Z))[^\s\"'<>]{0,500})@"
)
"""User and password of a URL, including passwords with an unencoded ``/``."""
_LOGIN: Final = re.compile(
    r"(?<![\w@/.:-])(?P<lead>[A-Za-z][\w.+-]{0,100}:)(?P<value>(?!//|\[redacted\])[^\s:@/\"'<>]+)(?=@(?!sha\d+:)[\w\[])"
)
"""``user:password@host`` without a scheme before it."""
_MACHINE: Final = re.compile(
    r"(?P<lead>\b(?:machine\s+\S+\s+login|login)\s+\S+\s+(?:password|account)\s+)(?P<value>\S+)"
)
"""netrc."""
_PGPASS: Final = re.compile(r"(?m)^(?P<lead>[\w.*-]+:(?:\d+|\*):[^:\s]+:[^:\s]+:)(?P<value>\S+)$")
_PARAMETER: Final = re.compile(r"(?:[?&;]|%3f|%26)(?P<name>[^=&;#?%\s\"'<>]{1,200})(?:=|%3d)", re.IGNORECASE)
_PARAMETER_VALUE: Final = re.compile(r"(?:(?!%26)[^&;#?\s\"'<>])*", re.IGNORECASE)
"""Also of a URL that is a parameter itself."""
_ENCODED: Final = re.compile(
    r"(?:(?<=%[0-9A-Fa-f]{2})|(?<![\w-]))(?P<name>[A-Za-z_][A-Za-z0-9_-]{0,200})(?:%22|%27)?(?:%20|\+)*(?:%3d|%3a)(?:%20|\+)*(?:%22|%27)?",
    re.IGNORECASE,
)
_ENCODED_VALUE: Final = re.compile(r"(?:(?!%26|%22|%27|%2c|%7d)[^&\s\"'<>])+", re.IGNORECASE)
_HEADER: Final = re.compile(
    r"(?P<lead>(?<![\w-])(?:(?:proxy-)?authorization|(?:set-)?cookie2?|x-[\w-]{0,60}(?:token|key|secret|auth|password|session)[\w-]{0,60})"
    r"\\?[\"']?[ \t]*[:=][ \t]*\\?[\"']?)(?P<value>[^\r\n\"']+)",
    re.IGNORECASE,
)
_HEADER_FLAG: Final = re.compile(
    r"(?P<lead>(?<![\w-])(?:-H|--header)(?:=|[ \t]*)[\"']?"
    r"(?!(?:accept|content-type|host|user-agent)\b)[\w-]+[ \t]*:[ \t]*)"
    r"(?P<value>[^\r\n\"']+)",
    re.IGNORECASE,
)
_SCHEME: Final = re.compile(r"(?P<lead>\b(?:bearer|basic)[ \t]+)(?P<value>[\w.~+/=-]{6,})", re.IGNORECASE)
_BASE64: Final = re.compile(r"(?=.*[0-9=+/]|.+[A-Z])[\w+/=-]+")
_FLAG: Final = re.compile(
    r"(?<![\w-])(?<!\w\.)(?P<name>--[A-Za-z][\w.-]{0,200}|-[A-Za-z]{1,2}(?![\w-]))(?:=|[ \t]+|$)(?!-)"
)
_PAIR_BEHIND_FLAG: Final = re.compile(
    r"(?<![\w-])--?[A-Za-z][\w.-]{0,200}(?:=|[ \t]+)(?P<name>[A-Za-z_][\w.-]{0,200})[:=][ \t]+"
)
"""``-Y password: x``: the name would be taken for the flag's value, and its own value would remain."""
_ATTACHED: Final = re.compile(
    r"(?P<lead>\b(?:mysql\w*|mariadb|sshpass|redis-cli|7z\w?)\b(?:[ \t]+[^\s|;&]+){0,20}?[ \t]+-[pa])(?P<value>\S+)"
)
"""mysql takes the password right behind ``-p``."""
_VARIABLE: Final = re.compile(
    r"(?<![\w-])(?<!\w\.)(?P<name>[A-Za-z_][\w.-]{0,200})(?:\\?[\"'])?(?:=|[ \t]*:=|[ \t]+=>?)[ \t]*(?![=~])"
)
_TWO: Final = (
    "api|access|secret|private|pass|auth|master|signing|encryption|bearer|session|refresh|client|account|shared|license"
)
_PAIR: Final = re.compile(r"(?<![\w-])(?<!\w\.)(?P<name>[A-Za-z_][\w.-]{0,200})(?:\\?[\"'])?[ \t]*:(?![/:])[ \t]*")
_PHRASE: Final = re.compile(
    rf"(?<![\w-])(?P<name>(?:{_TWO})[ ](?:keys?|tokens?|secrets?|phrase|code|word)\b)[ \t]*[:=][ \t]*", re.IGNORECASE
)
_SET: Final = re.compile(r"\b(?:setenv|setx?|ENV)[ \t]+(?P<name>[A-Za-z_]\w*)[ \t]+")
_CURL: Final = re.compile(
    r"(?P<lead>(?<![\w-])(?:-[uU]|--(?:proxy-)?user)(?:=|[ \t]*)[\"']?(?!\d+:\d+\b)[^\s:\"'=]+:)(?P<value>[^\s\"']+)"
)
"""A name and a password, of curl; of ``docker run`` it is two numbers."""
_IN_WORDS: Final = re.compile(
    r"(?P<lead>\b(?:password|passwd|passphrase|pwd|secret|token|(?:api|access) key)[ \t]+(?:is|was|=|:)[ \t]+)"
    r"(?P<value>(?=\S*\d)[^\s,;]{4,})",
    re.IGNORECASE,
)
_TAG: Final = re.compile(r"<(?P<name>[A-Za-z][\w.-]*)>(?P<value>[^<]+)(?=</)")
_NAMED: Final = re.compile(
    r"(?P<lead>\bname(?:\\?[\"'])?[ \t]*:[ \t]*(?:\\?[\"'])?(?P<name>[\w.-]+)(?:\\?[\"'])?)"
    rf"(?P<values>(?:[\s,+\"'\\-]*\bvalue(?:\\?[\"'])?[ \t]*:[ \t]*(?:{_PLAIN.pattern}))+)"
)
"""An environment variable in a manifest; in a diff it may have two values, one removed and one added."""
_NAMED_VALUE: Final = re.compile(rf"(?P<lead>\bvalue(?:\\?[\"'])?[ \t]*:[ \t]*)(?P<value>{_PLAIN.pattern})")
_SECRET: Final = re.compile(r"(?m)^[-+ ]?[ \t-]*kind:[ \t]*[\"']?Secret\b")
_SECRET_DATA: Final = re.compile(r"(?m)^[-+ ]?[ \t]*(?P<name>data|stringData):[ \t]*")
_UPPER: Final = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+")

Hidden = Callable[[str, str], bool]
"""Decide by a name and its value whether the value is hidden."""


def masked(text: str) -> str:
    """``text`` without the secrets in it."""
    text = _PRIVATE_KEY.sub(MARK, text)
    text = _USER_INFO.sub(MARK + "@", text)
    for shape in (_CURL, _LOGIN, _MACHINE, _PGPASS, _ATTACHED, _IN_WORDS):
        text = shape.sub(_mask_value, text)
    text = _TAG.sub(_tagged, text)
    text = _hide(text, _PARAMETER, _PARAMETER_VALUE, is_secret_parameter)
    text = _hide(text, _ENCODED, _ENCODED_VALUE, is_secret_field)
    text = _HEADER.sub(_mask_value, text)
    text = _HEADER_FLAG.sub(_mask_value, text)
    text = _SCHEME.sub(_scheme, text)
    text = _hide(text, _PAIR_BEHIND_FLAG, _PLAIN, _paired)
    text = _hide(text, _FLAG, _VALUE, _flag)
    text = _NAMED.sub(_entry, text)
    if _SECRET.search(text):
        text = _hide(text, _SECRET_DATA, _PLAIN, _hide_every, whole=_hide_every)
    text = _hide(text, _SET, _VALUE, _assigned)
    text = _hide(text, _VARIABLE, _VALUE, _assigned)
    text = _hide(text, _PHRASE, _PLAIN, is_secret_field)
    text = _hide(text, _PAIR, _PLAIN, _paired, whole=is_secret_field)
    return without_shapes(text)


def _flag(flag: str, value: str) -> bool:
    return not is_prose(value) and is_secret_flag(flag, unquoted(value))


def _hide_every(name: str, value: str) -> bool:  # noqa: ARG001 - a Hidden
    return True


def _assigned(name: str, value: str) -> bool:
    bare = unquoted(value)
    return is_secret_variable(name, bare) if name.isupper() else is_secret_field(name, bare)


def _paired(name: str, value: str) -> bool:
    """Capitals alone are a heading (``NOTE: …``) as often as a variable."""
    bare = unquoted(value)
    return is_secret_field(name, bare) or (_UPPER.fullmatch(name) is not None and is_secret_variable(name, bare))


def _entry(match: re.Match[str]) -> str:
    def value(found: re.Match[str]) -> str:
        secret = is_secret_variable(match["name"], unquoted(found["value"].strip()))
        return found["lead"] + (mark(found["value"]) if secret else found["value"])

    return match["lead"] + _NAMED_VALUE.sub(value, match["values"])


def _hide(
    text: str, lead: re.Pattern[str], value: re.Pattern[str], hidden: Hidden, *, whole: Hidden | None = None
) -> str:
    """Hide the value after each ``lead`` whose name suggests a secret. Other values are searched for leads in turn.

    ``whole``: names whose nested content is hidden too.
    """
    if lead.search(text) is None:
        return text
    out: list[str] = []
    done = at = 0
    # A long text repeats the same few names.
    hidden = lru_cache(256)(hidden)
    while (found := lead.search(text, at)) is not None:
        at = found.end()
        # The name first: a value may be the whole rest of a long line.
        given = value.match(text, at) if hidden(found["name"], "x") else None
        if whole is not None and whole(found["name"], ""):
            end = end_of_value(text, found.start(), at)
            if end > at and (is_strict_field(found["name"]) or not only_refers(text[at:end])):
                out += text[done:at], MARK
                done = at = end
                continue
        if given is not None and hidden(found["name"], given[0]):
            out += text[done:at], mark(given[0])
            done = at = given.end()
    return "".join((*out, text[done:]))


def _mask_value(match: re.Match[str]) -> str:
    return match["lead"] + (match["value"] if match["value"].startswith(MARK) else MARK)


def _tagged(match: re.Match[str]) -> str:
    return f"<{match['name']}>{MARK}" if is_secret_field(match["name"], match["value"]) else match[0]


def _scheme(match: re.Match[str]) -> str:
    """``Basic authentication failed`` has no secret in it."""
    basic = match["lead"].strip().lower() == "basic"
    return match[0] if basic and not _BASE64.fullmatch(match["value"]) else match["lead"] + MARK

"""Names that suggest a secret, however they are spelled: ``DB_PASS``, ``MYPWD``, ``clientSecret``, ``x-api-key``.

Each function decides from a name and a value whether to hide the value. Those for variables, flags and parameters hide
everything not known to be harmless; ``is_secret_field`` (fields of objects, headings in text) hides by the name.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise
from typing import Final

from actions.audit import harmless_names

_PARTS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_GLUED: Final = re.compile(
    r"(?:tokens?|secrets?|passw(?:or)?ds?|passwd|passphrases?|passcodes?|pwds?|credentials?|authorization|"
    r"cookies?|jwt|signatures?|apikeys?|(?:api|access|private|secret|auth|account|encryption|signing)keys?)$"
)
"""Suffixes glued to the word before: ``MYPWD``, ``hftoken``."""
_GLUED_SHORT: Final = re.compile(r"(?:pass|auth|creds|pw)$")
_NO_SECRETS: Final = frozenset({"bypass", "compass", "encompass", "surpass", "trespass", "overpass", "underpass"})
_HINTS_LISTED: Final = """
    key keys pass pw auth auths oauth bearer cred creds pin otp totp mfa sig salt dsn sas jwt session sessionid
    sid psk pat passkey hmac csrf xsrf nonce webhook private
"""
_HINTS: Final = frozenset(_HINTS_LISTED.split())
_ONLY_ALONE: Final = frozenset({"pin", "session", "sid", "nonce", "salt", "webhook", "private", "sig", "pat", "mfa"})
"""Words with another meaning in a longer name, or in a sentence: they count for variables and parameters only."""
_HARMLESS_END: Final = re.compile(
    r"-(?:name|names|ref|refs|file|path|dir|type|class|namespace|mode|count|limit|length|len|size|ttl|expiry|method|"
    r"algorithm|policy|version|enabled|required|url|uri|endpoint|header|mount|seconds|renewal|budget|usage)$"
)
"""Something about a secret, and not the secret."""
_KEY_OF: Final = re.compile(
    r"^(?:(?:topology|label|annotation|match-label|partition|sort|group|cache|routing|hash|foreign|primary|host|ssh-host|"
    r"public|taint|node)-)?keys?$"
)
"""``key`` alone is Kubernetes' word for that of a label or a taint."""
_FILE: Final = re.compile(r"-(?:file|path|dir|home)$")
_NUMBER: Final = re.compile(r"[-+]?[0-9][0-9_.,]*[kKmM]?")
_IN_TWO: Final = frozenset({("api", "key"), ("pass", "phrase"), ("pass", "word"), ("connection", "string")})
STRICT: Final = re.compile(r"passw(?:or)?ds?$|passwd$|passphrase$|passcode$|(?:^|-)pass$|pwd$|(?:^|-)auths?$")
"""Names below which all nested values are hidden, whatever their names."""


@lru_cache(maxsize=4096)
def parts_of(name: str) -> tuple[str, ...]:
    """The words of a name, in small letters: ``clientSecret`` and ``CLIENT_SECRET`` have the same."""
    return tuple(part.lower() for part in _PARTS.findall(name))


@lru_cache(maxsize=4096)
def _names_secret(name: str, *, alone: bool) -> bool:
    parts = parts_of(name)
    if name.endswith("-data") and parts[-2:-1] in {("key",), ("certificate",), ("authority",)}:
        return True
    for part in parts:
        if part in _NO_SECRETS:
            continue
        short = _GLUED_SHORT.search(part) and (name.isupper() or part in _HINTS)
        if part in _HINTS and (alone or part not in _ONLY_ALONE):
            return True
        if short or _GLUED.search(part):
            return True
    return not _IN_TWO.isdisjoint(pairwise(parts))


def _counts(name: str, value: str) -> bool:
    """The number of ``--max-num-batched-tokens`` is no secret."""
    return parts_of(name)[-1:] == ("tokens",) and _NUMBER.match(value) is not None


def is_secret_field(name: str, value: str = "") -> bool:
    """True if the value of a field, or the text after ``name:``, is a secret."""
    if not _names_secret(name, alone=False) or _counts(name, value) or harmless_names.is_reference(value):
        return False
    joined = "-".join(parts_of(name))
    return _HARMLESS_END.search(joined) is None and _KEY_OF.search(joined) is None


def is_strict_field(name: str) -> bool:
    """True if everything below a field is hidden, whatever the names there."""
    return STRICT.search("-".join(parts_of(name))) is not None


def is_secret_variable(name: str, value: str = "") -> bool:
    """True if the value of an environment variable is hidden: unless it is known to be harmless."""
    if not value or harmless_names.is_reference(value) or _counts(name, value):
        return False
    if name in {"PWD", "OLDPWD"} and harmless_names.is_path(value):
        return False
    if _names_secret(name, alone=True) and not _modes(name):
        return not (_FILE.search("-".join(parts_of(name))) and harmless_names.is_path(value))
    return not harmless_names.is_harmless(value) and not harmless_names.is_known_variable(name)


def _modes(name: str) -> bool:
    """``NCCL_P2P_PASS_MODE`` would be about a way of doing something; a tokenizer is no token."""
    return parts_of(name)[-1:] in {("mode",), ("enabled",), ("version",), ("timeout",), ("ttl",)}


def is_secret_flag(flag: str, value: str = "") -> bool:
    """True if the value of a command line flag is hidden: unless it is known to be harmless."""
    name = flag.lstrip("-")
    if harmless_names.is_reference(value) or _counts(flag, value) or harmless_names.is_listed_flag(name):
        return False
    if flag in {"-u", "-U", "--user", "--proxy-user"}:
        # curl: a name and a password. For psql and kubectl it is a name, for docker two numbers.
        return ":" in value and not value.replace(":", "").isdigit()
    if _names_secret(name, alone=True):
        joined = "-".join(parts_of(name))
        return not (_FILE.search(joined) and harmless_names.is_path(value)) and not _modes(name)
    if harmless_names.is_switch(name):
        return False
    field, equals, given = value.partition("=")
    if equals and not is_secret_field(field):  # --set replicas=3
        value = given
    return not value or not harmless_names.is_harmless(value)


def is_secret_parameter(name: str, value: str = "") -> bool:
    """True if the value of a URL parameter is hidden: unless it is known to be harmless."""
    if harmless_names.is_known_parameter(name) or harmless_names.is_reference(value):
        return False
    if _names_secret(name, alone=True) or name.lower() in {"key", "code"} or name.lower().startswith("x-amz-"):
        return not _counts(name, value)
    return not value or not harmless_names.is_harmless(value)

"""Secrets recognisable by themselves: by a prefix, by their form, by being random.

The prefixes are those that vendors publish for secret scanners (GitHub's list of supported patterns, gitleaks). A
scanner's own library is not used: it finds lines of files, while redaction needs the position in a text.
"""

from __future__ import annotations

import re
from typing import Final

from actions.audit.redaction_marks import MARK

_SHAPES: Final = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"eyJ[\w-]{6,}\.[\w-]{4,}(?:\.[\w-]*){0,3}"  # JWT, JWE
    r"|(?:hf|api_org)_[A-Za-z0-9]{10,}"  # Hugging Face
    # OpenAI, Anthropic, NVIDIA; names of objects may begin so, too, but have neither capitals nor such long words.
    r"|(?:sk|rk|pk|nvapi|pplx|xai|gsk|csk|fw|r8|sk-or|sk-ant)[-_](?:[A-Za-z0-9]{16,}|(?=[\w-]*[A-Z_])[\w-]{10,})[\w-]*"
    r"|(?:whsec|rk_live|sk_live|sk_test|pk_live|shpat|shpss|shpca|shppa|npm|pul|figd|ntn|secret|lsv2_[ps]t|pcsk|tfp|sgp"
    r"|glsa|glc|dop_v1|doo_v1|dor_v1|lin_api|lin_oauth|rubygems|sntrys|sntryu|dckr_[po]at|ghp|gho|ghu|ghs|ghr"
    r"|github_pat|sbp|jina|tvly|phc|phx|nfp|cio)_[A-Za-z0-9_=-]{16,}"
    r"|pypi-[\w-]{16,}|gl(?:pat|dt|rt|soat|cbt|ptt|ft|imt|agent|rtr|oas)-[\w.-]{16,}"
    r"|xox[a-z](?:\.xox[a-z])?-[\w-]{10,}|xapp-[\w-]{10,}"  # Slack
    r"|SG\.[\w-]{6,}(?:\.[\w-]{6,})?|key-[0-9a-f]{32}"  # SendGrid, Mailgun
    r"|AIza[\w-]{20,}|ya29\.[\w-]{6,}[\w.-]*|1//0[\w-]{20,}|GOCSPX-[\w-]{10,}"  # Google
    r"|sha256~[\w-]{16,}|[a-z0-9]{6}\.[a-z0-9]{16}(?![\w.-])"  # OpenShift; kubeadm's bootstrap token
    r"|(?:AKIA|ASIA|ABIA|ACCA|AROA|AIDA)[0-9A-Z]{12,}"  # AWS
    r"|hv[sbr]\.[\w-]{16,}|[sbr]\.[A-Za-z0-9]{24}(?![A-Za-z0-9])|\w{10,40}\.atlasv1\.[\w-]{20,}"  # HashiCorp
    r"|dp\.(?:st|pt|ct|sa|scim|audit)\.[\w.-]{16,}|dapi[0-9a-f]{32}(?:-\d)?|(?:ATATT|ATCTT|ATBB)[\w=+/-]{16,}"
    r"|NRA[KAL]-[A-Z0-9]{16,}|PMAK-[\w-]{16,}|AGE-SECRET-KEY-1[0-9A-Z]{20,}|SK[0-9a-f]{32}|EAA[A-Za-z0-9]{30,}"
    r"|\d{8,10}:AA[\w-]{33}|\$(?:2[abxy]|[1567y]|apr1|argon2\w*|scrypt)\$[\w./$=,+-]{8,}"  # Telegram; crypt(5)
    r"|qd-[\w-]{43}"  # the key that this program makes for a server
    r"|(?<![+/])[A-Za-z0-9+/]{16,}={1,2}(?![\w=])"  # Base64 with its padding
    r")"
)
_HOOK: Final = re.compile(
    r"(?P<lead>\bhooks\.slack\.com/(?:services|workflows|triggers)/|\bdiscord(?:app)?\.com/api/webhooks/|"
    r"\bwebhook\.office\.com/webhookb2/|\bapi\.telegram\.org/bot|\bevents\.pagerduty\.com/integration/)"
    r"(?P<value>[^\s\"'<>?#]+)",
    re.IGNORECASE,
)
"""Addresses whose path is the secret."""

_RUN: Final = re.compile(r"(?<![A-Za-z0-9+/=_-])[A-Za-z0-9+/_-]{16,}(?![A-Za-z0-9])")
_PART: Final = re.compile(r"[A-Za-z0-9]+")
_WORD: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_AWS: Final = re.compile(r"(?=[A-Za-z0-9+/]*\d)(?=[A-Za-z0-9+/]*[a-z])[A-Za-z0-9+/]{40}")
_PATH: Final = re.compile(r"/|(?:[a-z]+|[A-Z][a-z]+)/")
_LEAST: Final = 16
_SYLLABLE: Final = 2.5
"""Letters per word below which there are no words: of 62 letters and digits drawn by chance a "word" has 1.8 on the
average, of names such as DeepSeekR1Distill 3."""


def without_shapes(text: str) -> str:
    """``text`` without the secrets in it that need no name."""
    text = _SHAPES.sub(MARK, text)
    text = _HOOK.sub(lambda match: match["lead"] + MARK, text)
    return _RUN.sub(_judged, text)


def _judged(match: re.Match[str]) -> str:
    return MARK if is_random(match[0]) else match[0]


def is_random(run: str) -> bool:
    """True if letters and digits look random: small and capital letters and digits, without words.

    Strings of small letters or hexadecimal digits only (names of pods, digests, uids) cannot be distinguished from
    random ones, and are kept.
    """
    if _AWS.fullmatch(run) and not _PATH.match(run):
        return True
    return any(len(part) >= _LEAST and _is_mixed(part) and _wordless(part) for part in _PART.findall(run))


def _is_mixed(part: str) -> bool:
    kinds = (str.islower, str.isupper, str.isdigit)
    return all(any(kind(letter) for letter in part) for kind in kinds)


def _wordless(part: str) -> bool:
    return len(part) < _SYLLABLE * len(_WORD.findall(part))

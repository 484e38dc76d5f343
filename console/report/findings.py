"""docs/findings.md, written from the causes: ``python -m console.report.findings > docs/findings.md``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fleet.diagnosis.cause import AnyCause
from fleet.diagnosis.registry import CAUSES
from fleet.diagnosis.sign import Sign
from fleet.diagnosis.signs.metrics_sign import Either, Level
from fleet.diagnosis.signs.quantity_words import quantity_name, quantity_text
from fleet.diagnosis.subjects.subject_kind import SubjectKind
from fleet.diagnosis.threshold import Threshold
from widgets.values import age_text

INTRODUCTION = """\
# Every finding

Every finding of the console, in the words that it uses on the screen: the signs that must hold, those that rule it out,
what it looks like and what would tell them apart, what helps, and what to avoid. `f` lists the findings of the moment,
`enter` shows the evidence, and `quarterdeck check` prints both.

A sign whose input is missing is unknown: it neither supports a finding nor rules it out. The limits shown are those of
the profile `chat`; other [profiles](configuration.md#thresholds-of-profiles) have others, and you can define your own.
"""
_TITLES = {
    SubjectKind.WORKLOAD: "Models and workloads",
    SubjectKind.POD: "Pods",
    SubjectKind.ENGINE: "Engines",
    SubjectKind.REPLICA: "Replicas beside their peers",
    SubjectKind.GPU: "GPUs",
    SubjectKind.NODE: "Nodes",
    SubjectKind.TRAFFIC: "Traffic beside the usual",
    SubjectKind.OBJECTIVE: "Objectives",
    SubjectKind.AUTOSCALER: "Autoscalers",
    SubjectKind.SERVICE: "Services and routes",
    SubjectKind.PLACEMENT: "Lost places",
    SubjectKind.SETUP: "Setup",
    SubjectKind.SOURCE: "Monitoring itself",
}
"""Sections, in the order of the page."""


def lines() -> Iterator[str]:
    """The page, line by line."""
    yield from INTRODUCTION.splitlines()
    for of in (*_TITLES, *(one for one in SubjectKind if one not in _TITLES)):
        found = [cause for cause in CAUSES if cause.of is of]
        if not found:
            continue
        yield from ("", f"## {_TITLES.get(of, of.value.capitalize())}")
        for cause in found:
            yield from _cause(cause)


def _cause(cause: AnyCause) -> Iterator[str]:
    yield from ("", f"### {cause.id}", "", f"**{_sentence(cause.sentence)}** {_severity(cause)}", "")
    yield from _signs("Must hold", cause.must)
    yield from _signs("Rules it out", cause.must_not)
    yield from _signs("Critical if", cause.serious)
    yield from _signs("Supported by", cause.may)
    if cause.explains:
        yield f"- Explains: {', '.join(map(_linked, cause.explains))}"
    if cause.lookalikes:
        yield f"- Looks like: {', '.join(map(_linked, cause.lookalikes))}"
    yield from (f"- To decide: check {text}" for text in cause.decides)
    yield from (f"- Helps: {one.text}{f' (`:{one.command}`)' if one.command else ''}" for one in cause.helps)
    yield from (f"- Avoid: {text}" for text in cause.avoid)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


def _severity(cause: AnyCause) -> str:
    when = f"fires after {age_text(cause.after)}" if cause.after else "fires at once"
    return f"`{cause.severity.value}`, {when}, clears after {age_text(cause.clears)}."


def _signs(title: str, signs: tuple[Sign[Any], ...]) -> Iterator[str]:
    if signs:
        yield f"- {title}: {'; '.join(map(_sign, signs))}"


def _sign(sign: Sign[Any]) -> str:
    if isinstance(sign, Level):
        limit = sign.limit.chat if isinstance(sign.limit, Threshold) else sign.limit
        name = f" (`{sign.limit.name}`)" if isinstance(sign.limit, Threshold) else ""
        return f"{quantity_name(sign.quantity)} {sign.how.value} {quantity_text(sign.quantity, limit)}{name}"
    if isinstance(sign, Either):
        ways = " or ".join(" and ".join(map(_sign, way)) for way in sign.alternatives)
        return f"{sign.name} ({ways})"
    return sign.name


def _linked(cause: str) -> str:
    return f"[{cause}](#{cause})"


if __name__ == "__main__":
    print("\n".join(lines()))

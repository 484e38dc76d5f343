"""Truth files as the generator writes them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Found:
    """A finding that is right and required, or right and optional."""

    cause: Sequence[str]
    says: str
    objects: Sequence[str]


@dataclass(frozen=True)
class Fault(Found):
    """A fault."""

    onset: float
    evidence: Sequence[str]
    actions: Sequence[str]


def written(kind: str, about: str, faults: Sequence[Fault], beside: Sequence[Found], *, held_out: bool) -> str:
    """The file as TOML: texts as JSON has them, which TOML reads alike."""
    lines = ['schema = "quarterdeck/truth/v1"', f"kind = {_text(kind)}", f"about = {_text(about)}"]
    lines += ["held_out = true"] if held_out else []
    for fault in faults:
        lines += ["", "[[faults]]", *_found(fault), f"onset = {fault.onset!r}"]
        lines += [
            f"{name} = {_texts(texts)}"
            for name, texts in (("evidence", fault.evidence), ("actions", fault.actions))
            if texts
        ]
    for found in beside:
        lines += ["", "[[beside]]", *_found(found)]
    return "\n".join([*lines, ""])


def _found(found: Found) -> Iterator[str]:
    if found.cause:
        yield f"cause = {_texts(found.cause)}"
    if found.says:
        yield f"says = {_text(found.says)}"
    if found.objects:
        yield f"object = {_texts(found.objects)}"


def _texts(texts: Sequence[str]) -> str:
    return f"[{', '.join(map(_text, texts))}]"


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)

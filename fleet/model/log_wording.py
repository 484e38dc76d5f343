"""Reasons that the end of a log gives, and how a product words them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import NamedTuple

from fleet.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Reason:
    """The reason why a server died, in words."""

    id: str
    """``cuda-oom``, ``port-taken`` …; ``unknown`` if the log gives no reason."""
    text: str
    """The event and its meaning, one sentence."""
    remedy: str = ""
    line: str = ""
    """The line of the log that shows it."""


class LogReason(NamedTuple):
    """A row of the table of reasons. ``pattern`` finds its line, in any case; empty: only products have one."""

    id: str
    pattern: str
    text: str
    remedy: str


@dataclass(frozen=True, slots=True)
class LogWording:
    """The words of one product in the log of its servers: regular expressions, each empty where it has none."""

    reasons: Mapping[str, str] = field(default_factory=dict)
    """Id of a reason → the wording of its servers, in addition to the common ones."""
    texts: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Id of a reason → text and remedy where a server is known to be this product."""
    speaker: str = ""
    """The process that a line begins with."""
    stamp: str = ""
    """Level, time and place in front of a line."""
    calm: str = ""
    """Lines that say how it is, not what went wrong."""
    asked: str = ""
    """The log line about being told to end."""
    consequence: str = ""
    """Lines that only say that something went wrong elsewhere."""

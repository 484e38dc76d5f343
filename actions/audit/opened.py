"""A log that was opened for reading: whether it is what was written, and the actions that it tells of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from actions.audit.chain import Verdict, verify
from actions.audit.history import RecordedAction, history
from actions.audit.query import Wanted
from actions.audit.reading import Look, look_at, look_at_file, records


@dataclass(frozen=True, slots=True)
class OpenedLog:
    """``actions`` are all of them, oldest first, those of an edited log as well."""

    verdict: Verdict
    actions: Sequence[RecordedAction]

    def wanted(self, wanted: Wanted) -> list[RecordedAction]:
        """Those that a person wants to see."""
        return [action for action in self.actions if wanted.matches(action)]


def open_folder(folder: Path) -> OpenedLog:
    """The log in a folder as it is now; an empty one where there is none. Raises OSError."""
    return _open(look_at(folder))


def open_file(file: Path) -> OpenedLog:
    """One file of a log. Raises OSError."""
    return _open(look_at_file(file))


def _open(look: Look) -> OpenedLog:
    return OpenedLog(verify(look), history(records(look)))

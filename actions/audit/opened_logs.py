"""Logs opened for reading: the verification of each, and the actions in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from actions.audit.anchor import Anchor, Anchored, find_anchors
from actions.audit.chain import Break, Verification, Wrong, verify
from actions.audit.folder import logs_in
from actions.audit.history import RecordedAction, history
from actions.audit.owner import LogOwner, is_shared, owner_of
from actions.audit.query import AuditQuery
from actions.audit.reading import LogSnapshot, read_log, read_log_file, records
from fleet.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Chain:
    """One log: its folder, or the one file of it that was opened, and its verification."""

    place: Path
    verdict: Verification


@dataclass(frozen=True, slots=True)
class Opened:
    """Opened logs. ``actions`` are all of them, oldest first, including those of an edited log. ``closed``: unreadable
    ones.
    """

    chains: Sequence[Chain]
    actions: Sequence[RecordedAction]
    closed: Sequence[Path] = ()
    anchored: Sequence[Anchored] = ()
    """The requested anchors."""

    @property
    def intact(self) -> bool:
        """True if every readable log is unchanged, and each anchor is in one of them."""
        whole = all(chain.verdict.intact for chain in self.chains)
        return whole and all(one.place is not None for one in self.anchored)

    def select(self, wanted: AuditQuery) -> list[RecordedAction]:
        """The actions that a person wants to see."""
        return [action for action in self.actions if wanted.matches(action)]


def open_folder(folder: Path, anchors: Sequence[Anchor] = ()) -> Opened:
    """The log in a folder, or the logs of several persons in its folders; an empty one where there is none.

    ``anchors`` are looked for in all of them. Raises OSError.
    """
    logs, closed = logs_in(folder)
    opened: dict[Path, LogSnapshot] = {}
    owners: dict[Path, LogOwner] = {}
    for log in logs:
        try:
            shared = log != folder and is_shared(folder)
            # A link in a shared folder could lead anywhere: it is not followed.
            opened[log] = LogSnapshot({}, None, log) if shared and log.is_symlink() else read_log(log)
            if shared:
                owners[log] = owner_of(log, opened[log], records(opened[log]))
        except PermissionError:
            if log == folder:
                raise
            closed.append(log)
    return replace(_opened(opened, closed, owners), anchored=find_anchors(anchors, opened.items()))


def open_file(file: Path, anchors: Sequence[Anchor] = ()) -> Opened:
    """One file of a log. Raises OSError."""
    looks = {file: read_log_file(file)}
    return replace(_opened(looks, (), {}), anchored=find_anchors(anchors, looks.items()))


def _opened(looks: dict[Path, LogSnapshot], closed: Sequence[Path], owners: Mapping[Path, LogOwner]) -> Opened:
    # Each log separately: a record lost from one must not be found in another.
    none = LogOwner()
    actions = [
        _claimed(action, owners.get(place, none)) for place, look in looks.items() for action in history(records(look))
    ]
    chains = tuple(Chain(place, _owned(place, verify(look), owners.get(place, none))) for place, look in looks.items())
    return Opened(chains, sorted(actions, key=lambda action: action.began), tuple(closed))


def _owned(place: Path, verdict: Verification, owner: LogOwner) -> Verification:
    """Return the verdict, or a break for a wrong owner: in a log that another user made, the chain may well be
    intact.
    """
    return replace(verdict, broken=Break(place, 0, Wrong.OWNER, owner.problem)) if owner.problem else verdict


def _claimed(action: RecordedAction, owner: LogOwner) -> RecordedAction:
    return replace(action, claimed_by=owner.name) if owner.problem else action

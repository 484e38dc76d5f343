"""The filter of recorded actions."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from fnmatch import fnmatch
from typing import Any

from actions.audit.history import RecordedAction
from fleet.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class AuditQuery:
    """Times are Unix times, both ends included. Texts match anywhere and in either case; ``*`` makes them patterns."""

    since: float = -math.inf
    until: float = math.inf
    person: str = ""
    """Part of the cluster identity, the login, who used sudo, or the SSH origin."""
    target: str = ""
    """Part of ``namespace/Kind/name``, or of the uid; of several objects any."""
    action: str = ""
    """The kind (``scale``), or the beginning of the id."""

    @property
    def everything(self) -> bool:
        """True if nothing is filtered out."""
        return self == AuditQuery()

    def matches(self, action: RecordedAction) -> bool:
        who = (str(action.who.get(name) or "") for name in ("identity", "local_user", "sudo_user", "ssh_origin"))
        return (
            action.last_heard >= self.since
            and action.began <= self.until
            and _occurs_in(self.person, (*who, action.claimed_by) if action.claimed_by else who)
            and _occurs_in(
                self.target,
                (
                    action.intent.target_name,
                    *map(_recorded, action.intent.targets),
                    *(str(target.get("uid") or "") for target in action.intent.targets),
                ),
            )
            and (not self.action or self.action == action.intent.kind or action.id.startswith(self.action))
        )


def _recorded(target: Mapping[str, Any]) -> str:
    """Return ``namespace/Kind/name`` as in the log: the display may use another word for the kind."""
    return "/".join(str(target[part]) for part in ("namespace", "kind", "name") if target.get(part))


def _occurs_in(wanted: str, texts: Iterable[str]) -> bool:
    wanted = wanted.casefold()
    if "*" in wanted:
        return any(fnmatch(text.casefold(), wanted) for text in texts)
    return not wanted or any(wanted in text.casefold() for text in texts)

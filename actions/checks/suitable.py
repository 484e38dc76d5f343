"""Can the action be done to this kind of object at all?"""

from __future__ import annotations

from actions.request import Target
from fleet.sources.kube.errors import KubeError


def require_kind(target: Target, *kinds: str, what: str) -> None:
    """Raises KubeError for a target of another kind; ``what`` as in ``paused``."""
    if target.kind not in kinds:
        named = f"{', '.join(kinds[:-1])} or {kinds[-1]}" if len(kinds) > 1 else kinds[0]
        raise KubeError(f"a {target.kind} cannot be {what}", remedy=f"Choose a {named}.")

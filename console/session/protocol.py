"""What the screens need of the world outside: Snapshots that arrive, and the few reads that a person asks for.

The screens know this protocol only. The real one (console/session/observing.py) runs the sources on a thread with an
event loop of its own, so that nothing a source does can hold up a key press; tests give the screens a scripted one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    # For the annotations alone: the first frame waits for whoever imports this.
    from console.local.protocol import LocalServers, Looked
    from console.session.actions import ActionService, Changed
    from fleet.model.objects import ObjectRef
    from fleet.model.snapshot import Snapshot
    from widgets.log_buffer import LogLine


class Session(Protocol):
    """One cluster in view. All awaitables run on the caller's event loop and raise SessionError only."""

    def start(self, deliver: Callable[[Snapshot], None]) -> None:
        """Begin to observe. ``deliver`` is called with every new Snapshot, from any thread, and must not block."""
        ...

    async def close(self) -> None:
        """Stop observing and let go of every connection. Takes a second at most."""
        ...

    def focus(self, pods: frozenset[str]) -> None:
        """These pods (keys) are on the screen: their own percentiles are wanted from the next tick on."""
        ...

    def refresh(self) -> None:
        """Measure now instead of at the next tick."""
        ...

    @property
    def context(self) -> str:
        """The kubeconfig context in view, empty for in-cluster."""
        ...

    @property
    def namespace(self) -> str:
        """The namespace in view, empty for all."""
        ...

    def contexts(self) -> tuple[str, ...]:
        """Every context of the kubeconfig, in its order."""
        ...

    async def namespaces(self) -> tuple[str, ...]:
        """The namespaces that this identity may name, sorted; those seen in pods where listing is forbidden."""
        ...

    async def switch(self, *, context: str | None = None, namespace: str | None = None) -> None:
        """Look at another context and/or namespace (empty: all) without a restart. On error the old view stays."""
        ...

    async def describe(self, ref: ObjectRef) -> str:
        """The object and its events as text, as ``kubectl describe`` would tell it."""
        ...

    async def yaml(self, ref: ObjectRef) -> str:
        """The object as YAML, without managedFields."""
        ...

    def logs(
        self, namespace: str, pod: str, container: str, *, follow: bool, previous: bool, tail: int, since: int
    ) -> AsyncIterator[LogLine]:
        """Log lines, oldest first, without their newline; with ``follow`` until it is closed. Raises SessionError.

        It begins with the last ``tail`` lines, of the last ``since`` seconds where that is not 0.
        """
        ...

    def acting(self, changed: Changed) -> ActionService:
        """What changes the cluster in view. Asked for once, after ``start``, and never in read-only mode."""
        ...

    def locally(self, looked: Looked) -> LocalServers:
        """The vLLM nodes of this machine, whatever cluster is in view. Asked for once, after ``start``."""
        ...

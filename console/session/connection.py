"""Parts of a session. ``console/wiring`` implements them from the settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pathlib import Path

    from actions.running.action_run import ActionRun
    from actions.running.runner import Runner
    from console.session.bridge import Bridge
    from console.session.context_facts import ContextFacts
    from console.session.local.protocol import OnServersChange
    from console.session.local.servers import LocalServerSession
    from console.session.reader import ObjectReader
    from fleet.model.objects import ClusterId
    from fleet.model.snapshot import Cluster, Snapshot
    from fleet.observer import Observer
    from fleet.sources.kube.reads import KubeReads

Newest = Callable[[], "Snapshot | None"]
"""The newest Snapshot of the whole cluster, whatever the view."""
OnActionChange = Callable[["ActionRun"], None]


class Connection(Protocol):
    """The target of a context: a cluster, this machine, or nothing reachable. Belongs to the observing loop.

    Without a cluster, ``reads``, ``identify`` and ``runner`` raise KubeconfigError with the reason.
    """

    context: str
    cluster: ClusterId
    observer: Observer
    reader: ObjectReader
    is_local: bool
    """True if it is this machine."""
    is_absent: bool
    """True if the kubeconfig leads nowhere yet: a login may be writing it."""

    def reads(self) -> KubeReads:
        """Return the reads for plans and permissions."""
        ...

    async def identify(self) -> Cluster:
        """The cluster with who we are to it."""
        ...

    def runner(self, newest: Callable[[], Snapshot], changed: OnActionChange) -> Runner:
        """Return the runner of actions there. Imports acting code."""
        ...


class PastConnection(Connection, Protocol):
    """A moment of the past of a cluster."""

    async def play_up(self) -> None:
        """Observe the time before it, so that it is judged as it was judged then."""
        ...


class Wiring(Protocol):
    """The parts of a session, made on demand. Imports heavy modules: it is never called before the first frame."""

    async def ready(self) -> None:
        """Wait until it is known whether there is something to connect to."""
        ...

    def connect(self, context: str, namespace: str) -> Connection:
        """Return the end of ``context``, not yet observed. A context that leads nowhere is a Connection, too."""
        ...

    def past(self, cluster: ClusterId, namespace: str, at: float) -> PastConnection:
        """Return a moment (Unix time) of a cluster, not yet observed. Raises SessionError if it is not recorded."""
        ...

    def contexts(self) -> tuple[str, ...]:
        """Every context of the kubeconfig, and this machine last."""
        ...

    def about_contexts(self) -> Mapping[str, ContextFacts]:
        """Return the cluster and the user of each context of the kubeconfig; empty for a recording."""
        ...

    def leads_somewhere(self, context: str) -> bool:
        """True if the kubeconfig says how to reach it."""
        ...

    def check(self, context: str) -> None:
        """Raise KubeconfigError for an unusable context, with the list of contexts."""
        ...

    def audit(self, *, local: bool) -> Path:
        """Return the folder of the audit log for actions on clusters, or on this machine."""
        ...

    def local_servers(self, bridge: Bridge, looked: OnServersChange, in_view: Callable[[], bool]) -> LocalServerSession:
        """Return the servers on this machine, not polled yet."""
        ...

    def local_runner(self, newest: Newest, note_reading: Callable[[int, int], None], changed: OnActionChange) -> Runner:
        """Return the runner of actions on the servers on this machine. Imports acting code."""
        ...

    async def local_identity(self) -> Cluster:
        """Return this machine as the cluster of its servers, with the user's identity on it."""
        ...

    def keep(self, error: Exception) -> str:
        """Keep the details of a defect of ours; where they are, or empty where they cannot be kept."""
        ...

    async def close(self) -> None:
        """Close what several parts share."""
        ...

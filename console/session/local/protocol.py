"""The vLLM servers on this machine as the screens need them: their states, their logs, and prompts to them.

Starting and ending them goes through ActionService, as every action does: its target has the kind LOCAL_SERVER.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from typing import TYPE_CHECKING, Protocol

from fleet.local.engine_answer import Piece as Piece
from fleet.local.server import ServerState
from fleet.local.spec import LaunchSpec

if TYPE_CHECKING:
    from fleet.local.benches import Bench
    from fleet.local.same_as_pod import Same
    from fleet.model.objects import Pod
    from fleet.model.snapshot import Snapshot


class LocalServers(Protocol):
    """The servers on this machine. All awaitables run on the caller's event loop and raise SessionError only."""

    @property
    def servers(self) -> tuple[ServerState, ...]:
        """Servers at the last poll, by name; polled about once a second."""
        ...

    @property
    def snapshot(self) -> Snapshot | None:
        """Measurements of ready servers; None if there is none, or if this machine is selected."""
        ...

    @property
    def problems(self) -> tuple[str, ...]:
        """Failures to read them, in words."""
        ...

    @property
    def reading(self) -> tuple[int, int]:
        """Bytes of weights that were read for their checksums, and of how many; zeros while none are read."""
        ...

    @property
    def lacking(self) -> str:
        """Software that must be installed before a server can be started, in words; empty if nothing is missing."""
        ...

    @property
    def presets(self) -> Mapping[str, LaunchSpec]:
        """Presets of the settings, by name."""
        ...

    def unset(self, preset: str) -> Mapping[str, str]:
        """Variable of a preset that refers to an unset one → the name of the unset one."""
        ...

    def defaults(self) -> LaunchSpec:
        """Return the base of a form: a free port, the settings' defaults, no model."""
        ...

    async def same(self, pod: Pod) -> Same:
        """Return a pod's server as it would be started here. Raises SessionError if that is impossible."""
        ...

    def log(self, name: str) -> AsyncIterator[str]:
        """Yield the lines of a server's log from its beginning (the last 5,000), then new ones, until closed."""
        ...

    def ask(self, name: str, prompt: str, tokens: int = 256) -> AsyncIterator[Piece]:
        """Send a prompt to a server and stream its answer. Raises SessionError, also in read-only mode."""
        ...

    async def benches(self, name: str) -> tuple[Bench, ...]:
        """The benchmarks that were run here on this server's model, newest first."""
        ...

    def entries(self, name: str) -> str:
        """The server as an entry for gateways, to be copied. Raises SessionError where there is no such server."""
        ...


OnServersChange = Callable[[], None]
"""Called on any thread after each look that found something new."""

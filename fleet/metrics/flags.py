"""The flags of a server's command line, by meaning: data of its product."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from fleet.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Flags:
    """Flags as typed, with ``-`` for ``_``. Among synonyms, the preferred one comes first.

    The defaults are the names that most model servers share.
    """

    port: tuple[str, ...] = ("--port",)
    """Port of its metrics."""
    host: tuple[str, ...] = ("--host",)
    """Address that it listens at."""
    model: tuple[str, ...] = ("--model", "--model-path", "--model-id")
    name: tuple[str, ...] = ("--served-model-name",)
    """Name under which the model is served."""
    revision: tuple[str, ...] = ("--revision",)
    tls: tuple[str, ...] = ("--ssl-certfile", "--ssl-keyfile")
    """Flags that turn on TLS."""
    secret: tuple[str, ...] = ("--api-key",)
    """Flags whose values are never shown or copied."""
    keys: tuple[str, ...] = ()
    """Flags that set the key that it asks for; empty if they are not known, and nothing is reported then."""
    key_variables: tuple[str, ...] = ()
    """Environment variables that do the same."""
    configuration: tuple[str, ...] = ("--config",)
    """Flags that name a file that may contain any of these."""
    several: tuple[str, ...] = ()
    """Flags with several values behind them."""
    switches: tuple[str, ...] = ("--trust-remote-code",)
    """Flags without a value."""
    switch_prefixes: tuple[str, ...] = ("--enable-", "--disable-", "--no-", "--use-", "--return-", "--skip-")
    """Beginnings of flags without a value."""
    headless: tuple[str, ...] = ()
    """Switches of a process that lends its GPUs to the engine of another pod, and serves nothing itself."""
    rank: tuple[str, ...] = ("--node-rank",)
    """Rank of the node among those of one engine: only the first serves."""
    join: tuple[str, ...] = ()
    """Address of the process that an agent joins: the engine runs there."""
    harmless: tuple[str, ...] = ()
    """Further flags whose values are not secret, without dashes."""

    @property
    def metrics_beside_api(self) -> bool:
        """True if its metrics are at the port of its API, set by the usual flag."""
        return "--port" in self.port

    @property
    def named(self) -> frozenset[str]:
        """All that are named here with their dashes."""
        return frozenset((*self._public, *self.secret, *self.several, *self.switches, *self.headless, *self.join))

    @property
    def shown(self) -> frozenset[str]:
        """Names, without dashes, of flags whose values may be shown and recorded.

        Short flags are excluded: ``-a`` and ``-p`` are passwords in other programs.
        """
        long = (flag.removeprefix("--") for flag in self._public if flag.startswith("--"))
        return frozenset((*long, *self.harmless))

    @property
    def _public(self) -> tuple[str, ...]:
        return (*self.port, *self.host, *self.model, *self.name, *self.revision, *self.tls, *self.rank)


COMMON = Flags()
"""Flags of an unknown server."""


class KnownFlags(NamedTuple):
    """The flags of several products together."""

    named: frozenset[str]
    shown: frozenset[str]
    switches: frozenset[str]
    """Names of flags without a value, without dashes."""

    @classmethod
    def of(cls, each: Sequence[Flags]) -> KnownFlags:
        """The flags of these products."""
        switches = (name.lstrip("-") for flags in each for name in (*flags.switches, *flags.headless))
        none: frozenset[str] = frozenset()
        named, shown = (flags.named for flags in each), (flags.shown for flags in each)
        return cls(none.union(*named), none.union(*shown), frozenset(switches))

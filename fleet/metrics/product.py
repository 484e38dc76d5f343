"""A product (engine, gateway, GPU exporter): its name, and how its pods are recognised."""

from __future__ import annotations

import re
from collections.abc import Collection

from fleet.dataclass import dataclass
from fleet.metrics.flags import Flags


@dataclass(frozen=True, slots=True)
class Ranks:
    """The flags of a server that starts an API server for each of its data-parallel ranks."""

    switches: tuple[str, ...]
    """Flags that make it do so: one port each, from its own on."""
    sizes: tuple[str, ...]
    """Flags of the number of processes, the most reliable first."""
    own: tuple[str, ...]
    """Flags of this process' rank: if set, a script starts the others, at ports only it knows."""


@dataclass(frozen=True, slots=True)
class MetricsSwitch:
    """The flags that turn the metrics of a server on or off."""

    needs: str = ""
    """Flag without which it has none; empty where they are on by default."""
    lost_by: str = ""
    """Flag with which it has none; empty for no such flag."""
    otherwise: str = ""
    """The setting that turns them on where that is no flag, in words."""

    def words(self, command: Collection[str]) -> str:
        """Return what keeps a server with this command line from having metrics; empty where nothing is known to."""
        if self.needs and not any(_has(command, flag) for flag in (self.needs, "--config")):
            return f"without {self.needs}"
        return f"with {self.lost_by}" if self.lost_by and _has(command, self.lost_by) else ""


def _has(command: Collection[str], flag: str) -> bool:
    """True if a flag is on a command line, which may be the text of a script."""
    return any(re.search(rf"(?<![\w-]){re.escape(flag)}(?![\w-])", word) for word in command)


@dataclass(frozen=True, slots=True)
class Product:
    """One product.

    Ports, paths and names are from its own documentation and from recordings of the real program.
    """

    name: str
    programs: tuple[tuple[str, ...], ...] = ()
    """Words that appear together on the command line of its server; a program without its folder."""
    images: tuple[str, ...] = ()
    """Parts of the names of its images, without the tag."""
    apps: tuple[str, ...] = ()
    """Substrings of the labels by which charts name an application."""
    prefixes: tuple[str, ...] = ()
    """Prefixes of its metrics' names."""
    port: int | None = 8000
    """Default port of its metrics; None: set in the configuration (``scrape.ports``)."""
    path: str = ""
    """Path of its metrics; empty: set in the configuration (``scrape.path``)."""
    elsewhere: tuple[str, ...] = ()
    """Paths at which other releases have them."""
    switch: MetricsSwitch = MetricsSwitch()
    flags: Flags = Flags()
    port_variables: tuple[str, ...] = ()
    """Environment variables that give that port where no flag does."""
    positional: bool = False
    """The model is the first word behind ``programs`` that is neither a flag nor a flag's value."""
    model_variables: tuple[str, ...] = ()
    """Environment variables of the product that name the model."""
    variables: tuple[str, ...] = ()
    """Beginnings of the names of environment variables of its own, which hold no secrets."""
    entrypoints: tuple[str, ...] = ()
    """Substrings of images whose entrypoint takes the model as its first argument."""
    ranks: Ranks | None = None
    agents: tuple[tuple[str, ...], ...] = ()
    """Commands of a worker that may run it, and expose its metrics; with a flag of ``Flags.join`` it joins another."""
    followers: tuple[tuple[str, ...], ...] = ()
    """Commands that join another pod's engine, whatever their flags."""
    speaks: tuple[str, ...] = ()
    """Names of the products whose metrics it also exposes: it runs their engines."""
    metrics: bool = True
    """False if it answers no metrics at all."""
    vendor: str = ""
    """The maker of the GPUs that an exporter measures (``fleet.model.gpu_vendors``)."""
    install: str = ""
    """Commands that install an exporter, for a cluster with GPUs and no exporter."""
    naming_pods: str = ""
    """Setting that makes an exporter report which pod holds a GPU."""

    @property
    def unread(self) -> str:
        """Text of a row in place of numbers that are not read."""
        return f"{self.name}: not read yet" if self.metrics else f"{self.name}: has no metrics"

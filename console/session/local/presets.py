"""Settings of servers on this machine: presets, and the base of a new server."""

from __future__ import annotations

import errno
import socket
from collections.abc import Collection, Mapping
from contextlib import closing

from console.config.fields import FromEnvironment
from console.config.local_settings import Preset
from console.config.settings import Settings
from fleet.local.errors import LocalError
from fleet.local.spec import LOOPBACK, LaunchSpec, with_values
from fleet.local.vllm_arguments import ARGUMENTS

_TRIED = 1000
"""Ports that are tried one after the other."""


def presets(settings: Settings, environ: Mapping[str, str]) -> dict[str, LaunchSpec]:
    """The presets as servers, by name. Port 0 is any free one.

    A variable that a preset takes from one that is not set is left out: ``unset`` has it, and ``require`` refuses.
    """
    return {name: _spec(name, preset, settings, environ) for name, preset in settings.local.presets.items()}


def unset(preset: Preset, environ: Mapping[str, str]) -> dict[str, str]:
    """Variable of a preset that refers to an unset one → the name of the unset one."""
    taken = {name: value.env for name, value in preset.env.items() if isinstance(value, FromEnvironment)}
    return {name: source for name, source in taken.items() if not environ.get(source)}


def require(settings: Settings, environ: Mapping[str, str], name: str) -> LaunchSpec:
    """One preset, with all that it takes from the environment. Raises LocalError."""
    preset = settings.local.presets.get(name)
    if preset is None:
        known = ", ".join(settings.local.presets) or "none"
        raise LocalError(f"there is no preset {name}", f"Presets in the settings: {known}.")
    for variable, source in unset(preset, environ).items():
        what = f"the preset {name} takes {variable} from {source}, which is not set"
        raise LocalError(what, f"export {source}=…")
    return _spec(name, preset, settings, environ)


def defaults(settings: Settings, taken: Collection[int] = ()) -> LaunchSpec:
    """Return the base of a new server: a free port, no name and no model. ``taken`` are ports not to be used."""
    local = settings.local
    port = free_port(local.port, taken)
    return LaunchSpec("", "", host=LOOPBACK, port=port, hub=local.hub, usage_stats=local.usage_stats)


def free_port(first: int, taken: Collection[int] = ()) -> int:
    """Return the first free port from ``first`` on; ``first`` itself if there is none."""
    tried = range(first, min(first + _TRIED, 65536))
    return next((port for port in tried if port not in taken and _is_free(port)), first)


def _is_free(port: int) -> bool:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as probe:
        # As servers do: recently closed connections do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            # A privileged port below 1024 is not free, either.
            return error.errno not in {errno.EADDRINUSE, errno.EACCES}
    return True


def _spec(name: str, preset: Preset, settings: Settings, environ: Mapping[str, str]) -> LaunchSpec:
    env = {
        variable: environ[value.env] if isinstance(value, FromEnvironment) else value
        for variable, value in preset.env.items()
        if not isinstance(value, FromEnvironment) or environ.get(value.env)
    }
    spec = LaunchSpec(
        name,
        preset.model,
        env=env,
        extra=preset.extra,
        hub=settings.local.hub if preset.hub is None else preset.hub,
        usage_stats=settings.local.usage_stats,
    )
    values = {argument.name: getattr(preset, argument.name) for argument in ARGUMENTS}
    return with_values(spec, {**values, "host": values["host"] or LOOPBACK})

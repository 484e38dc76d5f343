"""The server requested by a command line: a model, preset or pod, overridden by arguments."""

from __future__ import annotations

import argparse
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from console.config.settings import Settings
from console.session.local.presets import free_port, require
from fleet.files import is_there
from fleet.local.arguments import arguments_of, parse_arguments
from fleet.local.errors import LocalError
from fleet.local.names import is_name, name_for
from fleet.local.same_as_pod import CannotCopyError, Same, same_as
from fleet.local.spec import LaunchSpec, with_values
from fleet.local.vllm_arguments import ARGUMENTS, SWITCH, WORDS, VllmArgument
from fleet.model.objects import Pod
from fleet.model.snapshot import Snapshot

_SECRETS = {
    "--api-key": "A key is generated; to choose it yourself, set VLLM_API_KEY in the env of a preset.",
    "--hf-token": 'Let a preset take it from your environment: env = { HF_TOKEN = { env = "HF_TOKEN" } }',
}


def base_spec(options: argparse.Namespace, settings: Settings, environ: Mapping[str, str]) -> LaunchSpec:
    """Return the base of a new server: a preset, or the model alone. Port 0 if none was given. Raises LocalError."""
    model = options.model or ""
    preset = options.preset or (model if model in settings.local.presets and not is_there(Path(model)) else "")
    if preset:
        spec = require(settings, environ, preset)
        return replace(spec, model=model) if model and model != preset else spec
    local = settings.local
    return LaunchSpec("", model, port=0, hub=local.hub, usage_stats=local.usage_stats)


def like_pod(typed: str, snapshot: Snapshot, namespace: str, defaults: LaunchSpec, gpus: int, version: str) -> Same:
    """The same as the pod ``NS/POD`` (or ``POD``, in ``namespace`` first). Raises LocalError."""
    wanted, _, name = typed.rpartition("/")
    found = [pod for pod in snapshot.pods.values() if pod.name == name and wanted in {"", pod.namespace}]
    found = [pod for pod in found if pod.namespace == namespace] or found
    if not found:
        raise LocalError(f"there is no pod {typed} in {snapshot.cluster.context or 'the cluster'}")
    if len(found) > 1:
        raise LocalError(f"{typed} is more than one pod: in {', '.join(pod.namespace for pod in found)}")
    pod: Pod = found[0]
    try:
        return same_as(pod, defaults, gpus=gpus, version=version)
    except CannotCopyError as error:
        raise LocalError(str(error)) from error


def with_flags(spec: LaunchSpec, options: argparse.Namespace, extra: Sequence[str] | None) -> LaunchSpec:
    """Return ``spec`` with the given arguments; ``extra``: those after ``--``, if any. Raises LocalError."""
    given = vars(options)
    values = {each.name: _read(each, given[each.name]) for each in ARGUMENTS if each.name in given}
    if "hub" in given:
        values["hub"] = given["hub"]
    if "env" in given:
        values["env"] = {**spec.env, **dict(_variable(pair) for pair in given["env"])}
    if extra is not None:
        values |= _extra(spec, extra)
    return with_values(spec, values)


def _extra(spec: LaunchSpec, words: Sequence[str]) -> dict[str, Any]:
    """Move arguments into their fields, so that vLLM gets exactly what is checked and recorded; return the rest."""
    for argument in arguments_of(words):
        if argument.flag in _SECRETS:
            what = f"{argument.flag} would be visible in the process list: it is not accepted"
            raise LocalError(what, _SECRETS[argument.flag])
    # The model is placed first, so that no extra argument is mistaken for it.
    fields, rest = parse_arguments([spec.model, *words])
    stray = fields["model"] if fields["model"] != spec.model else rest[0] if rest and rest[0][:1] != "-" else ""
    if stray:
        raise LocalError(f"{stray} follows --: the model goes before it, and only flags after it")
    return {**fields, "extra": rest}


def addressed(spec: LaunchSpec, name: str, taken: Collection[str], first: int, ports: Collection[int]) -> LaunchSpec:
    """Give the spec a unique name and a free port, unless they were given. Raises LocalError."""
    if not spec.model:
        raise LocalError("no model given: quarterdeck local up MODEL", "Or --preset NAME, or --like NS/POD.")
    if name and not is_name(name):
        raise LocalError(f"{name} cannot be the name of a server", "Letters, digits, dots and dashes, 63 at most.")
    own = name or name_for(spec.name or spec.model, taken)
    return replace(spec, name=own, port=spec.port or free_port(first, ports))


def _read(argument: VllmArgument, given: Any) -> Any:
    """The value of a flag, as argparse gave it. Raises LocalError."""
    if argument.kind is SWITCH:
        return given
    if argument.kind is WORDS:
        return tuple(given)
    try:
        return argument.kind.read(str(given))
    except ValueError as error:
        raise LocalError(f"{argument.flag} {error}") from error


def _variable(pair: str) -> tuple[str, str]:
    name, equals, value = pair.partition("=")
    if not equals or not name.isidentifier():
        # The typed text may be a secret: it is not repeated.
        raise LocalError("--env takes NAME=VALUE")
    return name, value

"""Names for completion: contexts of the kubeconfig, servers on this machine, and objects of the cluster.

Quick or not at all: the user is waiting at a prompt. Only the metadata of objects is requested, with limits on number
and time; late or unreadable answers are silently left out.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from fleet.kinds.registry import kind_of, listed

WORKLOADS: Final = tuple(kind.kind for kind in listed())
WITHIN: Final = 1.5
"""Seconds for all questions together."""
MOST: Final = 500
"""Names of a kind."""
_HARMLESS: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@-]*")
"""Names without shell quoting: others cannot come from a real Kubernetes."""

Completer = Callable[..., Iterable[str]]


def contexts(parsed_args: argparse.Namespace, **_: object) -> Iterable[str]:
    """The contexts of the kubeconfig."""
    from fleet.sources.kube.errors import KubeconfigError
    from fleet.sources.kube.kubeconfig import load_kubeconfig

    try:
        return _safe(load_kubeconfig(getattr(parsed_args, "kubeconfig", None), os.environ).contexts)
    except KubeconfigError:
        return ()


def namespaces(parsed_args: argparse.Namespace, **_: object) -> Iterable[str]:
    """The namespaces of the cluster."""
    return asyncio.run(_named(parsed_args, ("Namespace",)))


def completer(kinds: Sequence[str]) -> Completer:
    """Objects of these kinds: NAME of the first one, KIND/NAME once a kind is typed."""

    def complete(prefix: str, parsed_args: argparse.Namespace, **_: object) -> Iterable[str]:
        return asyncio.run(_named(parsed_args, kinds, prefix))

    return complete


def themes(parsed_args: argparse.Namespace, **_: object) -> Iterable[str]:
    """The themes, with those of the configuration."""
    from typing import get_args

    from themes.look import ThemeName

    return ("auto", *get_args(ThemeName), *_of_configuration(parsed_args, "themes"))


def views(parsed_args: argparse.Namespace, **_: object) -> Iterable[str]:
    """The saved views."""
    return _of_configuration(parsed_args, "views")


def _of_configuration(options: argparse.Namespace, table: str) -> list[str]:
    """Return the names in a table of ``[ui]``; none if the file cannot be read, which any command reports."""
    import tomllib
    from pathlib import Path

    from console.config import paths

    named = getattr(options, "config_file", None)
    try:
        text = (Path(named) if named else paths.config_file(os.environ)).read_text(encoding="utf-8")
        ui = tomllib.loads(text).get("ui", {})
    except (OSError, ValueError):
        return []
    found = ui.get(table, {}) if isinstance(ui, dict) else {}
    return _safe(found) if isinstance(found, dict) else []


def servers(**_: object) -> Iterable[str]:
    """The servers on this machine."""
    from console.config import paths
    from fleet.local.record import read_records, servers_folder

    records, _problems = read_records(servers_folder(paths.state_folder(os.environ)))
    return _safe(record.name for record in records)


async def _named(options: argparse.Namespace, kinds: Sequence[str], prefix: str = "") -> list[str]:
    from console.cli.find_object import parse
    from fleet.net.early_requests import EarlyRequests
    from fleet.sources.kube.client import KubeClient
    from fleet.sources.kube.errors import KubeconfigError
    from fleet.sources.kube.kubeconfig import load_access

    typed, slash, _ = prefix.rpartition("/")
    kind = parse(f"{typed}/x")[0] if slash else ""
    # Owners create several of these each: they are offered only after their kind has been typed.
    wanted = [each for each in kinds if (each == kind if kind else not kind_of(each).link)]
    try:
        access = load_access(getattr(options, "kubeconfig", None), getattr(options, "context", None), os.environ)
    except KubeconfigError:
        return []
    namespace = getattr(options, "namespace", None) or ""
    client = KubeClient(access, environ=os.environ, early=EarlyRequests())
    asking = [asyncio.create_task(_of_kind(client, each, namespace)) for each in wanted]
    try:
        await asyncio.wait(asking, timeout=WITHIN)
        done = [task for task in asking if task.done() and task.exception() is None]
        names = dict.fromkeys(name for task in done for name in task.result())
    finally:
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)
        await client.close()
    return [f"{typed}/{name}" if slash else name for name in _safe(names)]


async def _of_kind(client: Any, kind: str, namespace: str) -> list[str]:
    """Raises ClusterError."""
    from fleet.net.bodies import limits
    from fleet.sources.kube.client import METADATA
    from fleet.sources.kube.resources import all_resources

    if kind == "Namespace":
        path = "/api/v1/namespaces"
    else:
        found = next((one for one in all_resources() if one.kind == kind), None)
        if found is None:
            return []
        path = found.path(namespace)
    query = {"limit": str(MOST), "resourceVersion": "0"}
    answer = await client.get(path, query, accept=METADATA, timeout=WITHIN, limit=limits().kubernetes_list)
    items = (item.get("metadata", {}) for item in answer.json().get("items") or ())
    # What another workload made is scaled or restarted there.
    return [str(one.get("name", "")) for one in items if kind == "Pod" or not _is_made_by_workload(one)]


def _is_made_by_workload(metadata: Mapping[str, Any]) -> bool:
    owners = metadata.get("ownerReferences") or ()
    return any(owner.get("controller") and owner.get("kind") in ("Pod", *WORKLOADS) for owner in owners)


def _safe(names: Iterable[str]) -> list[str]:
    return [name for name in names if _HARMLESS.fullmatch(name)]

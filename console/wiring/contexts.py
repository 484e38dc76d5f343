"""Contexts of the kubeconfig, and this machine's name among them. Heavy imports."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from console.config.settings import Settings
from fleet.sources.kube.errors import KubeconfigError
from fleet.sources.kube.kubeconfig import load_access, load_kubeconfig

if TYPE_CHECKING:
    from console.session.context_facts import ContextFacts

LOCAL: Final = "local"
OTHERWISE: Final = "this-machine"
"""Name of this machine if the kubeconfig has a context ``local``, which then keeps its name."""


def contexts_of(settings: Settings, environ: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """Every context of the kubeconfig, in its order; none where it cannot be read."""
    try:
        return tuple(load_kubeconfig(settings.cluster.kubeconfig or None, environ).contexts)
    except KubeconfigError:
        return ()


def about_contexts(settings: Settings, environ: Mapping[str, str] = os.environ) -> dict[str, ContextFacts]:
    """Return the cluster, user and namespace of each context of the kubeconfig; empty if it cannot be read."""
    from console.session.context_facts import ContextFacts

    try:
        found = load_kubeconfig(settings.cluster.kubeconfig or None, environ)
    except KubeconfigError:
        return {}
    servers = {name: str(entry.settings.get("server") or "") for name, entry in found.clusters.items()}
    return {
        name: ContextFacts(servers.get(one.cluster, ""), one.user, one.namespace)
        for name, one in found.contexts.items()
    }


def machine_context(contexts: tuple[str, ...]) -> str:
    """Return the context name of this machine, beside those of the kubeconfig."""
    return OTHERWISE if LOCAL in contexts else LOCAL


def every_context(settings: Settings) -> tuple[str, ...]:
    """Return the contexts of the kubeconfig, and this machine last."""
    contexts = contexts_of(settings)
    return (*contexts, machine_context(contexts))


def leads_somewhere(settings: Settings, context: str) -> bool:
    """True if the kubeconfig says how to reach this context (empty: the current one)."""
    try:
        load_access(settings.cluster.kubeconfig or None, context or None)
    except KubeconfigError:
        return False
    return True


def is_machine(settings: Settings, context: str, environ: Mapping[str, str] = os.environ) -> bool:
    """True if this context is the machine that this program runs on."""
    return context in (LOCAL, OTHERWISE) and context == machine_context(contexts_of(settings, environ))


def not_a_cluster(context: str) -> KubeconfigError:
    """Return the error for an action on a cluster where this machine is in view."""
    return KubeconfigError(
        f"{context} is this machine and not a cluster: its vLLM servers are not Kubernetes objects",
        "use quarterdeck local up, down, restart and undo for them; in the console :local lists them",
    )

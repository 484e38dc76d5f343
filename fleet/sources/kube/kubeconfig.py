"""The kubeconfig: the clusters, and how each is reached.

Reads and merges the files as kubectl does: ``--kubeconfig`` names one file; else KUBECONFIG a list of which the first
to define a name wins (and missing ones are skipped); else ``~/.kube/config``; failing all, the service account of the
pod that the console runs in. Nothing here needs the network, and no plugin is started.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import Any

from fleet.dataclass import dataclass
from fleet.files import SECRET_LIMIT, check_file, read_text
from fleet.sources.kube.errors import KubeconfigError
from fleet.sources.kube.kubeconfig_file import read_document
from fleet.sources.kube.kubeconfig_rules import check_cluster, check_user, server_url

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
IN_CLUSTER = "in-cluster"

_CLUSTER_FILES = ("certificate-authority",)
_USER_FILES = ("client-certificate", "client-key", "tokenFile")


@dataclass(frozen=True, slots=True)
class KubeconfigContext:
    """One entry of ``contexts``."""

    name: str
    cluster: str
    user: str
    namespace: str
    file: Path


@dataclass(frozen=True, slots=True)
class KubeconfigEntry:
    """The settings of a cluster or of a user, and the file that defined them (relative paths start there)."""

    name: str
    settings: Mapping[str, Any] = field(repr=False)
    file: Path


@dataclass(frozen=True, slots=True)
class Access:
    """One way to one cluster: all that a client needs, with absolute paths. Never printed with its credentials."""

    context: str
    cluster: str
    user: str
    namespace: str
    """The context's namespace; empty where it names none."""
    server: str
    cluster_settings: Mapping[str, Any] = field(repr=False)
    user_settings: Mapping[str, Any] = field(repr=False)
    file: Path | None = None
    """The file that defines the user; None in a cluster."""


@dataclass(frozen=True, slots=True)
class Kubeconfig:
    """The files merged."""

    files: tuple[Path, ...]
    current: str
    contexts: Mapping[str, KubeconfigContext]
    clusters: Mapping[str, KubeconfigEntry]
    users: Mapping[str, KubeconfigEntry]

    def access(self, context: str | None = None) -> Access:
        """The access that ``context`` (default: the current one) names.

        Raises :class:`KubeconfigError` for an unknown context, a cluster or user that is not there, and data that
        cannot be decoded.
        """
        where = ", ".join(map(str, self.files))
        name = context or self.current
        known = f"Contexts: {', '.join(sorted(self.contexts)) or 'none'}."
        if not name:
            raise KubeconfigError(f"no current-context in {where}", f"Name one with --context. {known}")
        chosen = self.contexts.get(name)
        if chosen is None:
            raise KubeconfigError(f"no context {name!r} in {where}", known)
        cluster = self.clusters.get(chosen.cluster)
        if cluster is None:
            raise KubeconfigError(
                f"context {name!r} in {chosen.file} names the cluster {chosen.cluster!r}, which is not defined",
                f"Clusters: {', '.join(sorted(self.clusters)) or 'none'}.",
            )
        user = self.users.get(chosen.user)
        if user is None and chosen.user:
            raise KubeconfigError(
                f"context {name!r} in {chosen.file} names the user {chosen.user!r}, which is not defined",
                f"Users: {', '.join(sorted(self.users)) or 'none'}.",
            )
        if user is None:
            user = KubeconfigEntry("", {}, chosen.file)
        return Access(
            context=name,
            cluster=cluster.name,
            user=user.name,
            namespace=chosen.namespace,
            server=server_url(cluster.settings.get("server", ""), f"cluster {cluster.name!r} in {cluster.file}"),
            cluster_settings=cluster_settings(cluster),
            user_settings=user_settings(user),
            file=user.file,
        )


def cluster_settings(cluster: KubeconfigEntry) -> dict[str, Any]:
    """The settings of a cluster, ready for use. Raises :class:`KubeconfigError` for files and data that are not."""
    check_cluster(cluster.settings, f"cluster {cluster.name!r} in {cluster.file}")
    return _resolved(cluster, "cluster", _CLUSTER_FILES)


def user_settings(user: KubeconfigEntry) -> dict[str, Any]:
    """The settings of a user, ready for use. Raises :class:`KubeconfigError` for files and data that are not."""
    check_user(user.settings, f"user {user.name!r} in {user.file}")
    return _resolved(user, "user", _USER_FILES)


def kubeconfig_files(explicit: str | Path | None, environ: Mapping[str, str]) -> tuple[Path, ...]:
    """The files to read, in order of precedence, whether they exist or not."""
    if explicit:
        return (_expanded(explicit),)
    listed = [part for part in environ.get("KUBECONFIG", "").split(os.pathsep) if part]
    if listed:
        return tuple(dict.fromkeys(_expanded(part) for part in listed))
    home = environ.get("HOME")
    return ((Path(home) if home else Path.home()) / ".kube" / "config",)


def load_kubeconfig(explicit: str | Path | None = None, environ: Mapping[str, str] = os.environ) -> Kubeconfig:
    """Read and merge the files.

    Raises :class:`KubeconfigError` if no file exists, or one of them cannot be read.
    """
    files = kubeconfig_files(explicit, environ)
    present = [file for file in files if _exists(file)]
    if not present:
        origin = "--kubeconfig" if explicit else "KUBECONFIG" if environ.get("KUBECONFIG") else "the default"
        raise KubeconfigError(
            f"no kubeconfig: {', '.join(map(str, files))} ({origin}) does not exist",
            "Name one with --kubeconfig or KUBECONFIG, or try a simulated fleet with `quarterdeck demo`.",
        )
    current = ""
    contexts: dict[str, KubeconfigContext] = {}
    clusters: dict[str, KubeconfigEntry] = {}
    users: dict[str, KubeconfigEntry] = {}
    for file in present:
        document = read_document(file)
        current = current or document.current
        for name, settings in document.clusters.items():
            clusters.setdefault(name, KubeconfigEntry(name, settings, file))
        for name, settings in document.users.items():
            users.setdefault(name, KubeconfigEntry(name, settings, file))
        for name, settings in document.contexts.items():
            cluster, user, namespace = (settings.get(key, "") for key in ("cluster", "user", "namespace"))
            contexts.setdefault(name, KubeconfigContext(name, cluster, user, namespace, file))
    return Kubeconfig(tuple(present), current, contexts, clusters, users)


def load_access(
    explicit: str | Path | None = None,
    context: str | None = None,
    environ: Mapping[str, str] = os.environ,
    service_account: Path = SERVICE_ACCOUNT,
) -> Access:
    """Return the access to use: from the kubeconfig, else the pod's service account.

    Raises :class:`KubeconfigError` if there is neither, or it cannot be used.
    """
    files = kubeconfig_files(explicit, environ)
    if not explicit and not context and not any(_exists(file) for file in files):
        inside = in_cluster(environ, service_account)
        if inside is not None:
            return inside
    return load_kubeconfig(explicit, environ).access(context)


def in_cluster(environ: Mapping[str, str], service_account: Path = SERVICE_ACCOUNT) -> Access | None:
    """The access of the service account that a pod is given; None outside a cluster.

    Raises :class:`KubeconfigError` where the pod has no token mounted.
    """
    host, port = environ.get("KUBERNETES_SERVICE_HOST", ""), environ.get("KUBERNETES_SERVICE_PORT", "")
    if not host or not port:
        return None
    token, authority = service_account / "token", service_account / "ca.crt"
    for file in (token, authority):
        if not file.is_file():
            raise KubeconfigError(
                f"in a cluster, but {file} does not exist",
                "Set automountServiceAccountToken on the pod, or give it a kubeconfig.",
            )
    namespace = service_account / "namespace"
    server = f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
    return Access(
        context=IN_CLUSTER,
        cluster=IN_CLUSTER,
        user="service account",
        namespace=read_text(namespace, SECRET_LIMIT).strip() if namespace.is_file() else "",
        server=server,
        cluster_settings={"server": server, "certificate-authority": str(authority)},
        user_settings={"tokenFile": str(token)},
    )


def _exists(file: Path) -> bool:
    """True if the file exists. Also True in a folder without search permission, so that reading the file reports
    why.
    """
    try:
        return file.exists()
    except OSError:
        return True


def _expanded(path: str | Path) -> Path:
    """Expand ``~`` to the home folder; ``~name`` of an unknown user is left as it is."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


def _resolved(entry: KubeconfigEntry, kind: str, files: tuple[str, ...]) -> dict[str, Any]:
    """The settings with paths made absolute. Raises :class:`KubeconfigError` for files that cannot be used."""
    settings = dict(entry.settings)
    for key in files:
        if settings.get(key) and not settings.get(f"{key}-data"):
            try:
                path = entry.file.absolute().parent / Path(settings[key]).expanduser()
                check_file(path, SECRET_LIMIT)
            except (OSError, ValueError, RuntimeError) as error:
                missing = isinstance(error, FileNotFoundError)
                why = "does not exist" if missing else f"cannot be used: {getattr(error, 'strerror', error)}"
                raise KubeconfigError(
                    f"{key} of {kind} {entry.name!r} in {entry.file}: {settings[key]} {why}",
                    "Fix the path, or log in again.",
                ) from error
            settings[key] = str(path)
    return settings

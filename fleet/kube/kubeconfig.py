"""The kubeconfig: which clusters there are and how each is reached.

Reads and merges the files as kubectl does: ``--kubeconfig`` names one file; else KUBECONFIG a list of which the first
to define a name wins (and missing ones are passed over); else ``~/.kube/config``; and where there is none, the service
account of the pod that the console runs in. Nothing here needs the network, and no plugin is started.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from fleet.kube.errors import KubeconfigError

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
IN_CLUSTER = "in-cluster"

_CLUSTER_FILES = ("certificate-authority",)
_USER_FILES = ("client-certificate", "client-key", "tokenFile")


@dataclass(frozen=True, slots=True)
class Context:
    """One entry of ``contexts``."""

    name: str
    cluster: str
    user: str
    namespace: str
    file: Path


@dataclass(frozen=True, slots=True)
class Entry:
    """The settings of a cluster or of a user, and the file that defined them (relative paths start there)."""

    name: str
    settings: Mapping[str, Any] = field(repr=False)
    file: Path


@dataclass(frozen=True, slots=True)
class Access:
    """One way to one cluster: all that a client needs, paths absolute. Never printed with its credentials."""

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
    contexts: Mapping[str, Context]
    clusters: Mapping[str, Entry]
    users: Mapping[str, Entry]

    def access(self, context: str | None = None) -> Access:
        """The access that ``context`` (default: the current one) names.

        Raises :class:`KubeconfigError` for an unknown context, a cluster or user that is not there, and data that
        cannot be decoded.
        """
        where = ", ".join(map(str, self.files))
        name = context or self.current
        known = f"Contexts there are: {', '.join(sorted(self.contexts)) or 'none'}."
        if not name:
            raise KubeconfigError(f"no current-context in {where}", f"Name one with --context. {known}")
        chosen = self.contexts.get(name)
        if chosen is None:
            raise KubeconfigError(f"no context {name!r} in {where}", known)
        cluster = self.clusters.get(chosen.cluster)
        if cluster is None:
            raise KubeconfigError(
                f"context {name!r} in {chosen.file} names the cluster {chosen.cluster!r}, which is not defined",
                f"Clusters there are: {', '.join(sorted(self.clusters)) or 'none'}.",
            )
        user = self.users.get(chosen.user)
        if user is None and chosen.user:
            raise KubeconfigError(
                f"context {name!r} in {chosen.file} names the user {chosen.user!r}, which is not defined",
                f"Users there are: {', '.join(sorted(self.users)) or 'none'}.",
            )
        if user is None:
            user = Entry("", {}, chosen.file)
        return Access(
            context=name,
            cluster=cluster.name,
            user=user.name,
            namespace=chosen.namespace,
            server=_server(cluster),
            cluster_settings=cluster_settings(cluster),
            user_settings=user_settings(user),
            file=user.file,
        )


def cluster_settings(cluster: Entry) -> dict[str, Any]:
    """The settings of a cluster, ready for use. Raises :class:`KubeconfigError` for files and data that are not."""
    return _resolved(cluster, "cluster", _CLUSTER_FILES)


def user_settings(user: Entry) -> dict[str, Any]:
    """The settings of a user, ready for use. Raises :class:`KubeconfigError` for files and data that are not."""
    return _resolved(user, "user", _USER_FILES)


def kubeconfig_files(explicit: str | Path | None, environ: Mapping[str, str]) -> tuple[Path, ...]:
    """The files to read, in order of precedence, whether they exist or not."""
    if explicit:
        return (Path(explicit).expanduser(),)
    listed = [part for part in environ.get("KUBECONFIG", "").split(os.pathsep) if part]
    if listed:
        return tuple(dict.fromkeys(Path(part).expanduser() for part in listed))
    home = environ.get("HOME")
    return ((Path(home) if home else Path.home()) / ".kube" / "config",)


def load_kubeconfig(explicit: str | Path | None = None, environ: Mapping[str, str] = os.environ) -> Kubeconfig:
    """Read and merge the files.

    Raises :class:`KubeconfigError` where no file is there, or one of them cannot be read.
    """
    files = kubeconfig_files(explicit, environ)
    present = [file for file in files if _exists(file)]
    if not present:
        origin = "--kubeconfig" if explicit else "KUBECONFIG" if environ.get("KUBECONFIG") else "the default"
        raise KubeconfigError(
            f"no kubeconfig: {', '.join(map(str, files))} ({origin}) does not exist",
            "Name one with --kubeconfig or KUBECONFIG, or look at a simulated fleet with `quarterdeck demo`.",
        )
    current = ""
    contexts: dict[str, Context] = {}
    clusters: dict[str, Entry] = {}
    users: dict[str, Entry] = {}
    for file in present:
        document = _read(file)
        current = current or _text(document, "current-context", file)
        for entry in _entries(document, "clusters", "cluster", file):
            clusters.setdefault(entry.name, entry)
        for entry in _entries(document, "users", "user", file):
            users.setdefault(entry.name, entry)
        for entry in _entries(document, "contexts", "context", file):
            settings = entry.settings
            context = Context(
                entry.name,
                _text(settings, "cluster", file),
                _text(settings, "user", file),
                _text(settings, "namespace", file),
                file,
            )
            contexts.setdefault(entry.name, context)
    return Kubeconfig(tuple(present), current, contexts, clusters, users)


def load_access(
    explicit: str | Path | None = None,
    context: str | None = None,
    environ: Mapping[str, str] = os.environ,
    service_account: Path = SERVICE_ACCOUNT,
) -> Access:
    """The access to use: of the kubeconfig, else of the pod's service account.

    Raises :class:`KubeconfigError` where there is neither, or the one there is cannot be used.
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
        namespace=namespace.read_text(encoding="utf-8").strip() if namespace.is_file() else "",
        server=server,
        cluster_settings={"server": server, "certificate-authority": str(authority)},
        user_settings={"tokenFile": str(token)},
    )


def _exists(file: Path) -> bool:
    """Whether there is such a file; one in a folder that may not be searched counts, so that reading it says why."""
    try:
        return file.exists()
    except PermissionError:
        return True


def _read(file: Path) -> Mapping[str, Any]:
    try:
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise KubeconfigError(f"cannot read {file}: {error.strerror}", "Check the file's owner and mode.") from error
    except UnicodeDecodeError as error:
        raise KubeconfigError(f"{file} is not text: {error.reason}", "Write the file again, as YAML.") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark is not None else ""
        what = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise KubeconfigError(
            f"{file}{line}: not valid YAML: {what}", "Fix the file: it may be half-written."
        ) from error
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise KubeconfigError(f"{file}: not a mapping but a {type(document).__name__}", "Fix the file.")
    return document


def _entries(document: Mapping[str, Any], plural: str, singular: str, file: Path) -> list[Entry]:
    """The named entries of one list. Raises :class:`KubeconfigError` for a shape that kubectl would refuse too."""
    listed = document.get(plural)
    if listed is None:
        return []
    if not isinstance(listed, list):
        raise KubeconfigError(f"{file}: {plural} is not a list", "Fix the file.")
    entries = []
    for number, item in enumerate(listed):
        name = item.get("name") if isinstance(item, dict) else None
        if not isinstance(name, str) or not name:
            raise KubeconfigError(f"{file}: {plural}[{number}] has no name", "Fix the file.")
        settings = item.get(singular)
        if settings is None:
            settings = {}
        if not isinstance(settings, dict):
            raise KubeconfigError(f"{file}: {singular} of {plural} {name!r} is not a mapping", "Fix the file.")
        entries.append(Entry(name, settings, file))
    return entries


def _text(settings: Mapping[str, Any], key: str, file: Path) -> str:
    value = settings.get(key)
    if value is None:
        return ""
    if not isinstance(value, str | int | float):
        raise KubeconfigError(f"{file}: {key} is not text", "Fix the file.")
    return str(value)


def _server(cluster: Entry) -> str:
    """The URL of the API server. Raises :class:`KubeconfigError` for one that cannot be."""
    server = _text(cluster.settings, "server", cluster.file).rstrip("/")
    parts = urlsplit(server)
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        raise KubeconfigError(
            f"cluster {cluster.name!r} in {cluster.file} has no usable server: {server!r}",
            "Set server to the URL of the API server, as https://host:6443.",
        )
    return server


def _resolved(entry: Entry, kind: str, files: tuple[str, ...]) -> dict[str, Any]:
    """The settings with paths made absolute. Raises :class:`KubeconfigError` for missing files and bad base64."""
    settings = dict(entry.settings)
    for key in files:
        data = settings.get(f"{key}-data")
        if data:
            try:
                base64.b64decode("".join(str(data).split()).encode("ascii"), validate=True)
            except (binascii.Error, UnicodeEncodeError) as error:
                raise KubeconfigError(
                    f"{key}-data of {kind} {entry.name!r} in {entry.file} is not base64: {error}",
                    "Copy the entry again: it is cut off or edited.",
                ) from error
        elif settings.get(key):
            path = entry.file.absolute().parent / Path(_text(settings, key, entry.file)).expanduser()
            if not path.is_file():
                raise KubeconfigError(
                    f"{key} of {kind} {entry.name!r} in {entry.file}: {path} does not exist",
                    "Fix the path, or log in again.",
                )
            settings[key] = str(path)
    return settings

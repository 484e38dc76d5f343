"""Checks by which kubectl rejects well-typed fields (client-go ``validation.go``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from fleet.sources.kube.errors import KubeconfigError

EXEC_VERSIONS: Final = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")
PROXY_SCHEMES: Final = ("http", "https", "socks5")
_MODES: Final = ("Never", "IfAvailable", "Always")


def server_url(server: str, where: str) -> str:
    """The URL of an API server, without a slash at its end. Raises :class:`KubeconfigError` for one that cannot be.

    ``where``: the cluster and its file, in words. Credentials in a URL would be shown wherever the server is.
    """
    server = server.rstrip("/")
    parts = _address(server)
    if parts is None or parts[0] not in {"http", "https"}:
        shown = server if "@" not in server else "(not shown: it contains credentials)"
        raise KubeconfigError(
            f"{where} has no usable server: {shown!r}",
            "Set server to the URL of the API server, as https://host:6443.",
        )
    if "@" in urlsplit(server).netloc:
        raise KubeconfigError(
            f"{where} has credentials in its server's URL",
            "Write them as username and password, or better a token, of the user.",
        )
    return server


def check_cluster(settings: Mapping[str, Any], where: str) -> None:
    """Raises :class:`KubeconfigError`."""
    authority = [key for key in ("certificate-authority-data", "certificate-authority") if settings.get(key)]
    if len(authority) > 1:
        raise KubeconfigError(f"{where} has both {' and '.join(authority)}", "Keep one of them, as for kubectl.")
    if authority and settings.get("insecure-skip-tls-verify"):
        raise KubeconfigError(
            f"{where} has {authority[0]} and insecure-skip-tls-verify: true, which contradict each other",
            "Remove insecure-skip-tls-verify, so that the server is verified.",
        )
    proxy = settings.get("proxy-url", "")
    if proxy:
        parts = _address(proxy)
        scheme = parts[0] if parts else ""
        if parts is None or scheme not in PROXY_SCHEMES:
            raise KubeconfigError(
                f"{where} has a proxy-url that cannot be used{f' (scheme {scheme})' if scheme else ''}",
                f"Write it as a URL of {', '.join(PROXY_SCHEMES)}, such as socks5://host:1080.",
            )


def check_user(settings: Mapping[str, Any], where: str) -> None:
    """Raises :class:`KubeconfigError`."""
    methods = {
        "a token": settings.get("token") or settings.get("tokenFile"),
        "username and password": settings.get("username") or settings.get("password"),
    }
    given = [name for name, value in methods.items() if value]
    if len(given) > 1:
        raise KubeconfigError(f"{where} has {' as well as '.join(given)}", "Keep one of them, as for kubectl.")
    for what in ("client-certificate", "client-key"):
        if settings.get(what) and settings.get(f"{what}-data"):
            raise KubeconfigError(f"{where} has both {what} and {what}-data", "Keep one of them, as for kubectl.")
    certificate = settings.get("client-certificate") or settings.get("client-certificate-data")
    if certificate and not (settings.get("client-key") or settings.get("client-key-data")):
        raise KubeconfigError(f"{where} has a client certificate without its key", "Add client-key(-data).")
    if not settings.get("as") and any(settings.get(key) for key in ("as-uid", "as-groups", "as-user-extra")):
        raise KubeconfigError(f"{where} has as-uid, as-groups or as-user-extra without as", "Name the user to act as.")
    if "exec" in settings:
        _check_exec(settings, where)


def _check_exec(settings: Mapping[str, Any], where: str) -> None:
    plugin = settings["exec"]
    if "auth-provider" in settings:
        raise KubeconfigError(f"{where} has an auth-provider beside its exec plugin", "Keep one, as for kubectl.")
    if not plugin.get("command") or not plugin.get("apiVersion"):
        raise KubeconfigError(f"the exec plugin of {where} lacks command or apiVersion", "Fix the entry.")
    if plugin["apiVersion"] not in EXEC_VERSIONS:
        raise KubeconfigError(
            f"the exec plugin of {where} has the apiVersion {plugin['apiVersion']!r}",
            f"Set it to {EXEC_VERSIONS[0]}, or {EXEC_VERSIONS[1]} for an old plugin.",
        )
    if plugin.get("interactiveMode", _MODES[0]) not in _MODES:
        raise KubeconfigError(
            f"the exec plugin of {where} has the interactiveMode {plugin['interactiveMode']!r}",
            f"Set it to one of {', '.join(_MODES)}.",
        )
    for variable in plugin.get("env", ()):
        name = variable.get("name", "")
        if not name or "=" in name or "\0" in name or "\0" in variable.get("value", ""):
            raise KubeconfigError(
                f"the exec plugin of {where} has an invalid env entry",
                "Give each a name without =, and a value without NUL.",
            )
    if any("\0" in text for text in (plugin["command"], *plugin.get("args", ()))):
        raise KubeconfigError(f"the command of the exec plugin of {where} contains a NUL", "Fix the entry.")


def _address(url: str) -> tuple[str, str] | None:
    """(scheme, host) of a URL that can be connected to; None for any other."""
    if any(character <= " " or character == "\x7f" for character in url) or "\\" in url:
        return None
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if not host or port == 0 or parts.query or parts.fragment or any(c in host for c in '[]<>"^`{|}'):
        return None
    try:
        # The resolver raises for a name that DNS cannot hold: a label that is empty or over 63 bytes.
        host.encode("idna")
    except UnicodeError:
        return None
    return parts.scheme, host

"""Credential plugins of a kubeconfig (``users[].user.exec``), the client.authentication.k8s.io protocol.

The plugin runs without a terminal: the console owns it, so ``interactive`` is always false and stdin is empty. That is
why the library's own runner is not used, which passes the terminal on and drops the text of a failure.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from fleet.dataclass import dataclass
from fleet.sources.kube.errors import KubeconfigError
from fleet.sources.kube.kubeconfig import Access
from fleet.sources.kube.plugin_process import run_to_end

TIMEOUT = 60.0
"""Seconds that a plugin may take: single sign-on helpers talk to their provider, none needs a minute."""


@dataclass(frozen=True, slots=True)
class ExecCredential:
    """The answer of a plugin: a token, or a client certificate with its key (PEM)."""

    token: str = field(default="", repr=False)
    certificate: str = field(default="", repr=False)
    key: str = field(default="", repr=False)
    expires: float | None = None
    """Unix seconds; None if the plugin does not say."""


async def run_exec_plugin(access: Access, environ: Mapping[str, str] = os.environ) -> ExecCredential:
    """Run the plugin of the access's user.

    Raises :class:`KubeconfigError` where it is missing, takes longer than :data:`TIMEOUT`, fails (with the last line of
    its stderr) or does not answer an ExecCredential.
    """
    settings = access.user_settings["exec"]
    where = f"the exec plugin of user {access.user!r} in {access.file}"
    if not isinstance(settings, dict) or not settings.get("command") or not settings.get("apiVersion"):
        raise KubeconfigError(f"{where} lacks command or apiVersion", "Fix the entry.")
    name = str(settings["command"])
    command = _located(name, access.file)
    env = {**environ, **_variables(settings.get("env"))}
    version = str(settings["apiVersion"])
    info: dict[str, Any] = {"apiVersion": version, "kind": "ExecCredential", "spec": {"interactive": False}}
    if settings.get("provideClusterInfo"):
        info["spec"]["cluster"] = _cluster_info(access)
    try:
        env["KUBERNETES_EXEC_INFO"] = orjson.dumps(info).decode()
    except TypeError as error:
        raise KubeconfigError(
            f"{where} wants the cluster's information, which cannot be written as JSON: {error}",
            "Correct the extension of the cluster, or remove provideClusterInfo.",
        ) from error
    hint = " ".join(str(settings.get("installHint") or "").split())
    if shutil.which(command, path=env.get("PATH")) is None:
        raise KubeconfigError(f"{where} is not installed: {name}", hint or f"Install {name}, or put it on PATH.")
    arguments = [str(argument) for argument in settings.get("args") or ()]
    try:
        ended = await run_to_end(command, arguments, env, TIMEOUT)
    except TimeoutError as error:
        raise KubeconfigError(
            f"{where} did not answer within {TIMEOUT:.0f} s and was stopped, with all its processes: {name}",
            f"Run `{name}` in a shell: it may need input.",
        ) from error
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", "") or str(error)
        raise KubeconfigError(f"{where} cannot be started: {why}", f"Check {name}.") from error
    if ended.code != 0:
        lines = [line.strip() for line in ended.stderr.decode("utf-8", "replace").splitlines() if line.strip()]
        raise KubeconfigError(
            f"{where} failed ({name}, exit {ended.code}): {lines[-1] if lines else 'no output'}",
            f"Run `{' '.join([name, *arguments])}` in a shell; log in again if it asks for that.",
        )
    return _credential(ended.stdout, version, where)


def _located(command: str, file: Path | None) -> str:
    """Locate a command as kubectl does: a bare name on PATH, a relative path from the kubeconfig's folder."""
    if os.sep in command and not Path(command).is_absolute() and file is not None:
        return str(file.absolute().parent / command)
    return command


def _variables(listed: object) -> dict[str, str]:
    if not isinstance(listed, list):
        return {}
    return {
        str(item["name"]): str(item.get("value") or "") for item in listed if isinstance(item, dict) and "name" in item
    }


def _cluster_info(access: Access) -> dict[str, Any]:
    """Return ExecCredential.spec.cluster: the cluster's settings for the plugin, without credentials."""
    settings = access.cluster_settings
    shared = ("tls-server-name", "insecure-skip-tls-verify", "certificate-authority-data", "proxy-url")
    info = {"server": access.server} | {key: settings[key] for key in shared if key in settings}
    if "certificate-authority" in settings and "certificate-authority-data" not in settings:
        info["certificate-authority"] = settings["certificate-authority"]
    for extension in settings.get("extensions") or ():
        if isinstance(extension, dict) and extension.get("name") == "client.authentication.k8s.io/exec":
            info["config"] = extension.get("extension")
    return info


def _credential(output: bytes, version: str, where: str) -> ExecCredential:
    try:
        document = orjson.loads(output)
    except orjson.JSONDecodeError as error:
        raise KubeconfigError(f"{where} did not return JSON: {error}", "Check the plugin's version.") from error
    status = document.get("status") if isinstance(document, dict) else None
    if not isinstance(status, dict) or document.get("kind") != "ExecCredential":
        raise KubeconfigError(f"{where} did not return an ExecCredential with a status", "Check the plugin's version.")
    if document.get("apiVersion") != version:
        raise KubeconfigError(
            f"{where} answered {document.get('apiVersion')}, but the kubeconfig requires {version}",
            "Set apiVersion of the exec entry to the version that the plugin uses.",
        )
    names = ("token", "clientCertificateData", "clientKeyData")
    wrong = [name for name in names if not isinstance(status.get(name) or "", str)]
    if wrong:
        raise KubeconfigError(f"{where} returned a {wrong[0]} that is not text", "Check the plugin's version.")
    token, certificate, key = (status.get(name) or "" for name in names)
    token = token.strip()
    if not token and not (certificate and key):
        raise KubeconfigError(f"{where} returned neither a token nor a client certificate", "Log in again.")
    expires = status.get("expirationTimestamp")
    try:
        moment = datetime.fromisoformat(expires).timestamp() if isinstance(expires, str) else None
    except (ValueError, OverflowError, OSError) as error:
        raise KubeconfigError(
            f"{where} returned an invalid expirationTimestamp: {expires}", "Check the plugin."
        ) from error
    return ExecCredential(token, certificate, key, moment)

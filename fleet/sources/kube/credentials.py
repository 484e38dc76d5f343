"""Credentials from an :class:`~fleet.sources.kube.kubeconfig.Access`: certificates, token, proxy.

Exec plugins (exec_plugin.py) and token files are renewed, and the kubeconfig itself is read again, so that a login in
another terminal takes effect. An OIDC token is used while it is valid and never renewed here: kubectl does that and
stores it.
"""

from __future__ import annotations

import asyncio
import base64
import os
import time
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson

from fleet.dataclass import dataclass
from fleet.files import SECRET_LIMIT, read_text
from fleet.sources.kube.errors import KubeconfigError
from fleet.sources.kube.exec_plugin import run_exec_plugin
from fleet.sources.kube.kubeconfig import Access, cluster_settings, load_kubeconfig, user_settings
from fleet.sources.kube.tls import Tls, tls_of

EXPIRY_MARGIN = 60.0
"""Seconds before its expiry that a credential is renewed."""
TOKEN_FILE_AGE = 60.0
"""Seconds after which a token file is read again: the kubelet rotates service-account tokens in place."""


@dataclass(frozen=True, slots=True)
class Login:
    """The credentials of one user for one server."""

    authorization: str = field(repr=False)
    """The header of every request; empty for none."""
    tls: Tls


class Credentials:
    """The credentials of one access, renewed when they are due.

    ``load`` may be called again at any time; each call gives a fresh :class:`Login`.
    """

    def __init__(self, access: Access, environ: Mapping[str, str] = os.environ) -> None:
        self.access = access
        self._environ = environ
        self._user: Mapping[str, Any] = access.user_settings
        self._cluster: Mapping[str, Any] = access.cluster_settings
        self._loaded = False
        self._due: float | None = None

    @property
    def cluster(self) -> Mapping[str, Any]:
        """The settings of the cluster as they were read last."""
        return self._cluster

    @property
    def due(self) -> bool:
        """True if the credentials are about to expire, or may have changed on disk."""
        return self._due is not None and time.time() >= self._due

    @property
    def from_plugin(self) -> bool:
        """True if a process provides them."""
        return "exec" in self._user

    @property
    def renewable(self) -> bool:
        """True if loading again may give another result."""
        changing = ("exec", "tokenFile", "client-certificate")
        return self.access.file is not None or any(key in self._user for key in changing)

    async def load(self) -> Login:
        """Return the current credentials.

        Raises :class:`KubeconfigError`. Runs the exec plugin if the user has one.
        """
        if self._loaded:
            await asyncio.to_thread(self._read_again)
        self._loaded = True
        user = dict(self._user)
        self._due = None
        if "exec" in user:
            credential = await run_exec_plugin(self.access, self._environ)
            user = {"token": credential.token} if credential.token else {}
            if credential.certificate:
                user["client-certificate-data"] = base64.b64encode(credential.certificate.encode()).decode()
                user["client-key-data"] = base64.b64encode(credential.key.encode()).decode()
            self._due = None if credential.expires is None else credential.expires - EXPIRY_MARGIN
        elif "auth-provider" in user:
            token, expires = self._provider_token(user["auth-provider"])
            user = {"token": token}
            self._due = None if expires is None else expires - EXPIRY_MARGIN
        elif user.get("tokenFile"):
            user = {**user, "token": await asyncio.to_thread(self._read_token, Path(user["tokenFile"]))}
            self._due = time.time() + TOKEN_FILE_AGE
        elif isinstance(user.get("token"), str):
            user = {**user, "token": user["token"].strip()}
        try:
            secure = self.access.server.startswith("https:")
            login = Login(_authorization(user), tls_of(self._cluster, user) if secure else Tls())
        except (ValueError, TypeError, OSError) as error:
            raise KubeconfigError(
                f"the credentials of user {self.access.user!r} in {self.access.file} cannot be used: {error}",
                "Log in again.",
            ) from error
        for what, value in (
            ("token", login.authorization),
            *(("impersonation", value) for _, value in self.impersonation()),
        ):
            if any((character < " " and character != "\t") or character == "\x7f" for character in value):
                raise KubeconfigError(
                    f"the {what} of user {self.access.user!r} in {self.access.file} contains a line break or "
                    "another control character, which cannot be sent",
                    "Copy it again, or log in again.",
                )
        return login

    def impersonation(self) -> list[tuple[str, str]]:
        """Return the request headers of the kubeconfig's ``as``, ``as-uid``, ``as-groups`` and ``as-user-extra``."""
        user = self._user
        headers = [
            (header, str(user[key]))
            for key, header in (("as", "Impersonate-User"), ("as-uid", "Impersonate-Uid"))
            if user.get(key)
        ]
        headers += [("Impersonate-Group", str(group)) for group in user.get("as-groups") or ()]
        for name, values in (user.get("as-user-extra") or {}).items():
            headers += [(f"Impersonate-Extra-{quote(name)}", str(value)) for value in values]
        return headers

    def _read_again(self) -> None:
        """The entries as the kubeconfig has them now; the old ones where it cannot be read at this moment."""
        if self.access.file is None:
            return
        try:
            config = load_kubeconfig(self.access.file, self._environ)
            user, cluster = config.users.get(self.access.user), config.clusters.get(self.access.cluster)
            if user is not None:
                self._user = user_settings(user)
            if cluster is not None:
                self._cluster = cluster_settings(cluster)
        except KubeconfigError:
            # Half-written by a login in progress: the next renewal finds it complete.
            return

    def _provider_token(self, provider: Any) -> tuple[str, float | None]:
        """The id-token of an OIDC auth-provider and its expiry (Unix seconds; RFC 7519 ``exp``)."""
        where = f"user {self.access.user!r} in {self.access.file}"
        settings = provider.get("config") if isinstance(provider, dict) else None
        if not isinstance(settings, dict) or provider.get("name") != "oidc":
            name = provider.get("name") if isinstance(provider, dict) else provider
            raise KubeconfigError(
                f"{where} has the auth-provider {name!r}", "Use an exec plugin, which kubectl needs as well."
            )
        renew = "Run kubectl once with this context: it renews the token and writes it there."
        token = str(settings.get("id-token") or "")
        try:
            payload = token.split(".")[1]
            claims = orjson.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
            expires = claims.get("exp")
        except (IndexError, ValueError, AttributeError) as error:
            raise KubeconfigError(f"{where} has no usable id-token", renew) from error
        if isinstance(expires, int | float) and expires <= time.time():
            raise KubeconfigError(f"the id-token of {where} has expired", renew)
        return token, float(expires) if isinstance(expires, int | float) else None

    def _read_token(self, file: Path) -> str:
        try:
            token = read_text(file, SECRET_LIMIT, "ascii").strip()
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not text"
            raise KubeconfigError(f"cannot read the token file {file}: {why}", "Check the file.") from error
        if not token:
            raise KubeconfigError(f"the token file {file} is empty", "Log in again.")
        return token


def _authorization(user: Mapping[str, Any]) -> str:
    """Return the Authorization header; a token takes precedence over a name and password."""
    if user.get("token"):
        return f"Bearer {user['token']}"
    if "username" in user and "password" in user:
        return "Basic " + base64.b64encode(f"{user['username']}:{user['password']}".encode()).decode()
    return ""

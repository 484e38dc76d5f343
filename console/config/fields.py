"""Fields of the configuration: each with its description and its range, in a table that is a dataclass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any, ClassVar

from fleet.dataclass import dataclass

STRICT: dict[str, Any] = {"extra": "forbid", "strict": True}
"""Pydantic's configuration of every section: unknown keys and values of another type are errors."""


def setting(
    default: Any,
    about: str,
    *,
    minimum: float | None = None,
    maximum: float | None = None,
    path: bool = False,
    program: bool = False,
    secret: bool = False,
) -> Any:
    """A field with its description, its range (both ends included), and whether it is a path or may hold a secret.

    ``program``: the path is of a program, which is run and not read.
    """
    metadata = {
        "about": about,
        "minimum": minimum,
        "maximum": maximum,
        "path": path or program,
        "program": program,
        "secret": secret,
    }
    if isinstance(default, dict):
        return field(default_factory=default.copy, metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass(frozen=True, slots=True)
class FromEnvironment:
    """A value that is read from an environment variable when it is needed: ``{ env = "NAME" }``."""

    __pydantic_config__: ClassVar[Any] = STRICT
    env: str


@dataclass(frozen=True, slots=True)
class EndpointSettings:
    """An HTTP API that is asked, and the credentials for it."""

    __pydantic_config__: ClassVar[Any] = STRICT
    url: str = setting("", "Base URL, without /api/….")
    bearer_token_file: str = setting("", "File with a bearer token; read again when it changes.", path=True)
    bearer_token_env: str = setting("", "Name of the environment variable that holds a bearer token.")
    username: str = setting("", "User name of basic authentication.")
    password_file: str = setting("", "File with the password of basic authentication.", path=True)
    password_env: str = setting("", "Name of the environment variable that holds that password.")
    ca_file: str = setting("", "PEM file of the authorities to trust. Empty: those of the system.", path=True)
    cert_file: str = setting("", "PEM file of the client certificate (mTLS).", path=True)
    key_file: str = setting("", "PEM file of its private key. Empty: it is in cert_file.", path=True)
    headers: Mapping[str, str | FromEnvironment] = setting(
        {}, 'More request headers, for example `X-Scope-OrgID = "ops"`; a value may be `{ env = "NAME" }`.', secret=True
    )
    insecure_skip_verify: bool = setting(False, "Do not verify the server's certificate.")
    timeout: float = setting(10.0, "Seconds to wait for an answer.", minimum=0.1, maximum=120)

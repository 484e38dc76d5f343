"""The models that a server on this machine reports that it serves."""

from __future__ import annotations

import asyncio
from typing import Final, NamedTuple

import httpx

from fleet.local.api_keys import key_for
from fleet.local.errors import LocalError
from fleet.local.record import ServerRecord
from fleet.net.http import client

_TIMEOUT: Final = 5.0
"""Seconds: a list of names, from this machine."""


class ServedModel(NamedTuple):
    """One entry of /v1/models."""

    name: str
    max_model_len: int
    """Tokens of prompt and output together; 0 if not reported (vLLM and SGLang report it)."""


async def served_models(record: ServerRecord) -> tuple[ServedModel, ...]:
    """Return the models of /v1/models. Raises LocalError."""
    try:
        key = await asyncio.to_thread(key_for, record)
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        async with client(_TIMEOUT) as http:
            response = await http.get(f"{record.spec.url}/v1/models", headers=headers)
        response.raise_for_status()
        entries = response.json()["data"]
        return tuple(ServedModel(str(entry["id"]), _length(entry.get("max_model_len"))) for entry in entries)
    except httpx.HTTPStatusError as error:
        raise LocalError(f"{record.name} answers {error.response.status_code} to /v1/models") from error
    except httpx.HTTPError as error:
        raise LocalError(f"{record.name} does not answer: {str(error) or type(error).__name__}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise LocalError(f"{record.name} does not answer /v1/models with a list of models") from error


def _length(value: object) -> int:
    return value if isinstance(value, int) and value > 0 else 0

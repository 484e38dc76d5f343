"""Recipients of the API key of a server."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from actions.local.prompt import ask
from fleet.local.api_keys import key_for
from fleet.local.errors import LocalError
from fleet.local.process import Identity
from fleet.local.served_models import served_models
from tests.actions.local.engine import KEY, engine, record


async def test_who_has_taken_the_port_gets_neither_key_nor_prompt(tmp_path: Path, other: Identity) -> None:
    async with engine() as at:
        server = replace(record(tmp_path, at.port), identity=other)
        with pytest.raises(LocalError, match="n1 does not answer"):
            _ = [piece async for piece in ask(server, "tiny", "a secret prompt", tokens=1)]
        with pytest.raises(LocalError, match="n1 does not answer"):
            await served_models(server)
        assert at.asked == []


async def test_the_server_itself_gets_it(tmp_path: Path) -> None:
    async with engine() as at:
        server = record(tmp_path, at.port)
        assert key_for(server) == KEY
        assert key_for(replace(server, keyed=False)) == ""

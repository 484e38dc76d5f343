"""Model names that a server reports."""

from __future__ import annotations

from pathlib import Path

import pytest

from fleet.local.errors import LocalError
from fleet.local.served_models import ServedModel, served_models
from tests.actions.local.engine import KEY, engine, models, page, record, refuse


async def test_names_and_lengths_are_read_with_the_key(tmp_path: Path) -> None:
    async with engine() as at:
        at.answers["/v1/models"] = models("chat", 4096)
        assert await served_models(record(tmp_path, at.port)) == (ServedModel("chat", 4096),)
        assert at.asked[0].headers["authorization"] == f"Bearer {KEY}"
        at.answers["/v1/models"] = page('{"data": [{"id": "llama.cpp"}, {"id": "b", "max_model_len": null}]}')
        assert await served_models(record(tmp_path, at.port, keyed=False)) == (
            ServedModel("llama.cpp", 0),
            ServedModel("b", 0),
        )
        assert "authorization" not in at.asked[1].headers


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (401, '{"error":"Unauthorized"}', "answers 401"),
        (200, "<html>", "with a list of models"),
        (200, '{"data": ["tiny"]}', "with a list of models"),
        (200, "[]", "with a list of models"),
    ],
)
async def test_what_it_does_not_say_is_said(tmp_path: Path, status: int, body: str, words: str) -> None:
    async with engine() as at:
        at.answers["/v1/models"] = refuse(status, body)
        with pytest.raises(LocalError, match=words) as caught:
            await served_models(record(tmp_path, at.port))
        assert KEY not in caught.value.message


async def test_nobody_there_and_no_key_are_said(tmp_path: Path) -> None:
    async with engine() as at:
        server = record(tmp_path, at.port)
    with pytest.raises(LocalError, match="does not answer"):
        await served_models(server)
    (tmp_path / "key").unlink()
    with pytest.raises(LocalError, match="API key of n1 cannot be read"):
        await served_models(server)

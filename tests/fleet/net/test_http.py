"""The client for the few calls per engine costs no more than it must."""

from __future__ import annotations

import sys

import pytest

from fleet.net.http import client
from tests.fleet.raw import wire


class Searched:
    """Notes the modules that are searched for, and finds none."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def find_spec(self, name: str, *_: object) -> None:
        self.names.append(name)


async def test_a_request_after_the_first_searches_for_no_module(monkeypatch: pytest.MonkeyPatch) -> None:
    searched = Searched()
    async with wire() as server, client(5.0) as one:
        assert (await one.get(server.url)).json() == {}
        monkeypatch.setattr(sys, "meta_path", [searched, *sys.meta_path])
        assert (await one.get(server.url)).json() == {}
    assert searched.names == []

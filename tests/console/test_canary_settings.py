"""The canary and its settings: only named workloads are queried, and none in read-only mode."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from console.config.load import load
from console.config.problem import ConfigError
from console.wiring.canary import canary
from console.wiring.facts import InView
from fleet import guard
from fleet.model.objects import ModelVersion
from fleet.sources.kube.errors import KubeconfigError
from fleet.sources.kube.no_cluster import AbsentKubernetes
from fleet.sources.scrape.targets import endpoints
from tests.fleet.rows import pod

NAMED = '[canary]\nworkloads = ["serving/chat-*"]\n'


def in_view(folder: Path, text: str, **environ: str) -> InView:
    file = folder / "config.toml"
    file.write_text(text, encoding="utf-8")
    environ = {"HOME": str(folder), **environ}
    settings = load(environ, file=file, policy=folder / "none").settings
    return InView(settings, environ, AbsentKubernetes(KubeconfigError("no cluster", remedy="none")), object(), 0.0)  # type: ignore[arg-type]


def test_nobody_is_asked_unless_a_workload_is_named(tmp_path: Path) -> None:
    assert list(canary(in_view(tmp_path, ""))) == []
    assert len(list(canary(in_view(tmp_path, NAMED)))) == 1


def test_in_read_only_mode_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = in_view(tmp_path, NAMED)
    monkeypatch.setattr(guard, "_allowed", frozenset())
    assert list(canary(seen)) == []


def test_the_key_is_sent_where_it_is_said_in_so_many_words(tmp_path: Path) -> None:
    chat = pod("chat-0", ip="10.0.0.1", version=ModelVersion(model="llama"))
    (endpoint,) = endpoints((chat,), (8000,), "/metrics")
    key = 'bearer_token_env = "KEY"\nbearer_namespaces = ["serving"]\n'

    def sent(text: str) -> str:
        (source,) = canary(in_view(tmp_path, NAMED + text, KEY="s3cret"))
        return source._key_of(endpoint)

    assert sent(key) == ""
    assert sent(key + "bearer_cleartext = true\n") == "s3cret"
    assert sent(key.replace("serving", "batch") + "bearer_cleartext = true\n") == ""


def test_the_gateway_of_a_workload_has_a_key_of_its_own_read_each_time(tmp_path: Path) -> None:
    token = tmp_path / "token"
    table = f'[canary.gateways."serving/chat-8b"]\nurl = "http://gw:8080/"\nbearer_token_file = "{token}"\n'
    (source,) = canary(in_view(tmp_path, NAMED + table))
    place = source._plan.gateways["serving/chat-8b"]
    assert (place().base, place().key) == ("http://gw:8080", "")
    token.write_text("k1\n")
    assert place().key == "k1"


def test_what_is_no_key_is_not_sent_and_not_waited_for(tmp_path: Path) -> None:
    token = tmp_path / "token"
    table = f'[canary.gateways."serving/chat-8b"]\nurl = "http://gw:8080/"\nbearer_token_file = "{token}"\n'
    (source,) = canary(in_view(tmp_path, NAMED + table))
    place = source._plan.gateways["serving/chat-8b"]
    # A request with a line break in a header fails, which would look like an engine that does not answer.
    token.write_text("k1\nk2\n")
    assert place().key == ""
    token.unlink()
    os.mkfifo(token)
    assert place().key == ""


@pytest.mark.parametrize("wrong", ["every = 1", 'workloads = "chat"', "prompts = 1"])
def test_what_is_wrong_in_it_is_said(tmp_path: Path, wrong: str) -> None:
    with pytest.raises(ConfigError):
        in_view(tmp_path, f"[canary]\n{wrong}\n")

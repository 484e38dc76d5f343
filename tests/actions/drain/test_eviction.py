"""Answers of a real server to evictions, and their interpretation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from actions.drain.eviction import budget_words, eviction, has_two_budgets
from actions.drain.unit import Member
from fleet.sources.kube.errors import ConflictError, KubeError, NotFoundError, ThrottledError, error_of_response
from tests.conftest import RECORDINGS

POD = Member("serving", "chat-0", "uid-0", 120.0)


def recorded(name: str) -> dict[str, Any]:
    """The answer of one recording."""
    exchange: dict[str, Any] = json.loads((Path(RECORDINGS) / "kube-1.36" / f"{name}.json").read_text())
    return exchange


def failure(name: str) -> KubeError:
    """Return a recorded failure as the console's client raises it."""
    answer = recorded(name)["response"]
    headers = {key.title(): value for key, value in answer["headers"].items()}
    return error_of_response(answer["status"], headers, json.dumps(answer["body"]).encode())


def test_the_request_has_the_uid_and_the_grace_period() -> None:
    mutation = eviction(POD)
    assert (mutation.method, mutation.path) == ("POST", "/api/v1/namespaces/serving/pods/chat-0/eviction")
    assert mutation.body["deleteOptions"] == {"preconditions": {"uid": "uid-0"}, "gracePeriodSeconds": 120}
    assert eviction(POD, 600.0).body["deleteOptions"]["gracePeriodSeconds"] == 600
    dry = eviction(POD, dry=True).dry()
    assert dry.body["deleteOptions"]["dryRun"] == ["All"]
    assert dry.query["dryRun"] == "All"
    assert "dryRun" not in mutation.query


@pytest.mark.contract
def test_it_is_shaped_as_the_one_that_a_server_took() -> None:
    sent = recorded("eviction_success")["request"]
    ours = eviction(Member("ref-rec", sent["body"]["metadata"]["name"], "u", 30.0))
    assert ours.path == sent["path"]
    assert {key: value for key, value in ours.body.items() if key != "deleteOptions"} == {
        key: value for key, value in sent["body"].items() if key != "deleteOptions"
    }
    assert ours.body["deleteOptions"].keys() >= sent["body"]["deleteOptions"].keys()


@pytest.mark.contract
def test_a_budget_that_refuses_is_told_from_a_server_that_is_busy() -> None:
    error = failure("eviction_blocked_pdb_429")
    assert isinstance(error, ThrottledError)
    assert budget_words(error) == "The disruption budget chat needs 3 healthy pods and has 3 currently"
    assert error.retry_after is None
    error = failure("eviction_pdb_not_synced_429")
    assert budget_words(error) == "The disruption budget race0 is still being processed by the server."
    assert error.retry_after == 10.0
    busy = error_of_response(429, {"Retry-After": "3"}, b"Too many requests, please try again later.")
    assert not budget_words(busy)
    assert busy.retry_after == 3.0


@pytest.mark.contract
def test_what_waiting_does_not_mend_is_told_apart() -> None:
    assert has_two_budgets(failure("eviction_two_pdbs_500"))
    assert not has_two_budgets(error_of_response(500, {}, b"etcdserver: request timed out"))
    assert isinstance(failure("eviction_precondition_409"), ConflictError)
    assert isinstance(failure("eviction_404"), NotFoundError)

"""Gateways that their controller cannot set up, and certificates that were never issued."""

from __future__ import annotations

import pytest

from fleet.model.objects import Condition
from fleet.model.routes import Certificate, Gateway, Route, Routing
from fleet.model.severity import Severity
from tests.fleet.diagnosis.test_routes import GOOD, fleet, ingress, told
from tests.fleet.rows import NOW


@pytest.mark.parametrize(
    ("reason", "found"), [("AddressNotAssigned", {"route-refused": Severity.WARNING}), ("Pending", {})]
)
def test_a_gateway_that_is_not_programmed_is_told_of_its_routes(reason: str, found: dict[str, Severity]) -> None:
    route = Route("HTTPRoute", "serving", "chat", (GOOD,), (), ("serving/public",))
    failing = Condition("Programmed", "False", reason, "no address", NOW - 300)
    routing = Routing((route,), (Gateway("serving", "public", (), (failing,)),))
    assert told(routing) == found
    if found:
        (incident,) = fleet(routing).incidents(0, 70)
        assert incident.root.words == "HTTPRoute chat refused: AddressNotAssigned"
        assert incident.since == NOW - 300


@pytest.mark.parametrize(("since", "cause"), [(NOW - 1_000, ["certificate-not-issued"]), (NOW - 60, [])])
def test_a_certificate_that_was_never_issued_is_told_once_that_takes_long(since: float, cause: list[str]) -> None:
    why = 'Referenced "ClusterIssuer" not found: clusterissuer "letsencrypt" not found'
    waiting = Certificate("serving", "chat", "chat-tls", message=why, unready_since=since)
    made = fleet(Routing((ingress(GOOD, secrets=("serving/chat-tls",)),), certificates=(waiting,)))
    found = made.incidents(0, 70)
    assert [one.root.cause for one in found] == cause
    for one in found:
        assert one.root.words.startswith('Certificate chat not issued: Referenced "ClusterIssuer" not found')
        assert one.since == since

"""The doctor's report of the permissions that actions need, and its cost for the API server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from actions.planning.plan_context import Reads
from console.doctor.acting import Acting, ask, judge, needed_permissions, read_only
from console.doctor.check import DoctorStatus
from fleet.sources.kube.errors import UnreachableError
from fleet.sources.kube.reads import AccessReview

Question = tuple[str, str, str, str, str]
"""Verb, resource, group, subresource, namespace."""


class Server:
    """An API server that grants what ``rule`` says, and counts."""

    def __init__(self, rule: Callable[[Question], bool]) -> None:
        self.asked: list[Question] = []
        self._rule = rule

    async def can_i(self, *question: Any) -> AccessReview:
        self.asked.append(question)
        return AccessReview(self._rule(question), "")

    @property
    def reads(self) -> Reads:
        return cast("Reads", self)


async def test_an_administrator_is_known_from_one_question() -> None:
    server = Server(lambda _: True)
    check = judge(await ask(server.reads, ""), "admin", "")
    assert (check.verdict, check.finding) == (DoctorStatus.OK, "admin may do all of them, in all namespaces")
    assert server.asked == [("*", "*", "*", "", "")]


async def test_what_is_alike_is_one_line_and_asked_once() -> None:
    def rule(question: Question) -> bool:
        verb, resource, _, part, _ = question
        return (verb, resource, part) in {("patch", "deployments", "scale"), ("patch", "statefulsets", "scale")}

    server = Server(rule)
    acting = await ask(server.reads, "serving")
    assert len(server.asked) == len(set(server.asked)), "a question twice"
    assert len(server.asked) < len(needed_permissions()), "fewer than actions and their targets"
    check = judge(acting, "ann", "serving")
    assert check.verdict is DoctorStatus.WARN
    assert check.finding == "ann may not do all of them in namespace serving"
    assert any(line.startswith("refused: scale of LeaderWorkerSet, ReplicaSet (patch ") for line in check.details)
    assert "refused: pause, resume, unblock (patch deployments.apps)" in check.details
    assert "refused: cordon, uncordon (patch nodes)" in check.details
    assert check.fix == "quarterdeck rbac oncall --in serving --user ann | kubectl apply -f -"
    wide = {question for question in server.asked if not question[4]}
    assert ("patch", "nodes", "", "", "") in wide
    assert ("patch", "deployments", "apps", "scale", "serving") in server.asked


async def test_in_all_namespaces_pods_are_asked_for_once() -> None:
    server = Server(lambda question: question[0] != "*")
    check = judge(await ask(server.reads, ""), "ops", "")
    assert check.verdict is DoctorStatus.OK
    assert server.asked.count(("patch", "pods", "", "", "")) == 1


async def test_who_may_do_nothing_is_told_so_and_what_a_plan_will_ask() -> None:
    acting = await ask(Server(lambda _: False).reads, "")
    check = judge(acting, "", "")
    assert check.finding == (
        "this identity may do none of them in all namespaces; a plan asks for the namespace of its target"
    )
    assert not any(line.startswith("permitted") for line in check.details)
    assert set(acting.missing) == set(needed_permissions())


async def test_a_server_that_cannot_be_asked_is_no_refusal() -> None:
    def rule(_: Question) -> bool:
        raise UnreachableError("connection refused")

    check = judge(await ask(Server(rule).reads, ""), "ann", "")
    assert check.verdict is DoctorStatus.WARN
    assert check.finding == "whether they are permitted could not be checked: connection refused"


def test_read_only_mode_is_all_right_as_it_is() -> None:
    assert read_only().verdict is DoctorStatus.OK
    assert "read-only mode" in read_only().finding
    assert judge(Acting(), "ann", "").verdict is DoctorStatus.OK

"""Causes that only the canary detects, and their lookalikes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fleet.diagnosis.incidents.evidence import explain
from fleet.model.canary import CanaryAnswer, CanaryAnswers, CanaryOutcome
from fleet.model.facts import Dated, Facts
from fleet.model.severity import Severity
from tests.fleet.diagnosis.fleets import CHAT, DEEP, STUCK, WELL, Fleet, Q, causes, unready
from tests.fleet.rows import NOW

SILENT = CanaryAnswer("serving/chat-1", NOW + 60, CanaryOutcome.SILENT, problem="no answer within 20 s", failures=2)
WELL_AT_0 = CanaryAnswer("serving/chat-0", NOW + 60, CanaryOutcome.ANSWERED, 0.2, " 7")


def heard(*direct: CanaryAnswer, through: tuple[CanaryAnswer, ...] = ()) -> Facts:
    return Facts({"canary": Dated(NOW + 60, CanaryAnswers(direct, through))})


def test_an_engine_that_is_ready_and_does_not_answer_is_told_though_no_number_shows_it() -> None:
    fleet = Fleet()
    fleet.engines["chat-1"] = WELL | {Q.RUNNING: 0.0, Q.GENERATION_TOKENS: 0.0, Q.PROMPT_TOKENS: 0.0}
    assert fleet.incidents(0, 58) == ()
    fleet.facts = heard(WELL_AT_0, SILENT)
    snapshot = fleet.at(63)
    (incident,) = snapshot.incidents
    assert (incident.root.cause, incident.about) == ("canary-unanswered", "serving/chat-1")
    assert snapshot.assessments["serving/chat-1"] == (Severity.CRITICAL, "canary: no answer")
    assert incident.severity is snapshot.assessments[CHAT].severity is Severity.WARNING, "the others serve"
    explanation = explain(snapshot, incident.root)
    assert explanation.evidence[0].text == "one-token requests fail: 2 in a row, no answer within 20 s"
    assert (explanation.evidence[0].source, explanation.evidence[0].age) == ("canary", 3.0)
    assert {"engine-stuck", "queue-deep"} <= {one.cause for one in explanation.ruled_out}


def test_where_no_engine_answers_nobody_is_served() -> None:
    fleet = Fleet()
    fleet.facts = heard(*(replace(SILENT, key=f"serving/chat-{i}") for i in range(3)))
    snapshot = fleet.at(63)
    (incident,) = snapshot.incidents
    assert (incident.root.cause, incident.about) == ("canary-unanswered", CHAT)
    assert incident.severity is snapshot.assessments[CHAT].severity is Severity.CRITICAL
    fleet.facts = heard(*(replace(WELL_AT_0, key=f"serving/chat-{i}") for i in range(3)))
    assert fleet.at(65).assessments[CHAT].severity is Severity.OK


@pytest.mark.parametrize("failures", [0, 1])
def test_one_question_that_comes_to_nothing_says_nothing(failures: int) -> None:
    fleet = Fleet()
    fleet.facts = heard(CanaryAnswer("serving/chat-1", NOW, CanaryOutcome.FAILED, failures=failures))
    assert fleet.incidents(0, 2) == ()


def test_of_a_pod_that_is_not_ready_the_canary_has_nothing_to_tell() -> None:
    fleet = Fleet()
    fleet.of("chat-1", **unready(NOW - 300))
    fleet.facts = heard(SILENT)
    assert "canary-unanswered" not in causes(fleet.incidents(0, 63))


def test_what_its_numbers_show_is_the_root_and_the_canary_confirms_it() -> None:
    fleet = Fleet()
    fleet.engines["chat-1"] = STUCK
    fleet.facts = heard(SILENT)
    (incident,) = fleet.incidents(0, 70)
    assert incident.root.cause == "engine-stuck"
    assert "canary-unanswered" in {one.cause for one in incident.findings}
    full = Fleet()
    full.engines = dict.fromkeys(full.engines, DEEP)
    full.facts = heard(SILENT)
    (incident,) = full.incidents(0, 70)
    assert incident.root.cause == "queue-deep", "the question waits with all others"


def test_other_text_than_the_peers_is_told_once_it_comes_again_and_again() -> None:
    fleet = Fleet()
    odd = CanaryAnswer("serving/chat-1", NOW, CanaryOutcome.ANSWERED, 0.2, " zq", usual=" 7", odd=2)
    fleet.facts = heard(odd)
    assert fleet.incidents(0, 2) == ()
    fleet.facts = heard(CanaryAnswer("serving/chat-1", NOW, CanaryOutcome.ANSWERED, 0.2, " zq", usual=" 7", odd=3))
    snapshot = fleet.at(4)
    (incident,) = snapshot.incidents
    assert (incident.root.cause, incident.severity) == ("canary-says-otherwise", Severity.WARNING)
    assert "' zq', theirs ' 7', 3 times in a row" in explain(snapshot, incident.root).evidence[0].text


def test_the_route_is_at_fault_where_engines_answer_and_nothing_comes_through_the_gateway() -> None:
    fleet = Fleet()
    through = CanaryAnswer(CHAT, NOW, CanaryOutcome.FAILED, problem="answers HTTP 502", failures=2)
    fleet.facts = heard(WELL_AT_0, through=(through,))
    snapshot = fleet.at(0)
    (incident,) = snapshot.incidents
    assert (incident.root.cause, incident.about) == ("canary-route-fails", CHAT)
    assert "2 in a row, answers HTTP 502" in explain(snapshot, incident.root).evidence[0].text
    silent = Fleet()
    silent.facts = heard(SILENT, through=(through,))
    assert causes(silent.incidents(0, 63)) == ["canary-unanswered"], "where no engine answers, it is not the route"


def test_it_is_over_a_minute_after_it_is_answered_again() -> None:
    fleet = Fleet()
    fleet.facts = heard(SILENT)
    assert causes(fleet.incidents(0, 63)) == ["canary-unanswered"]
    fleet.facts = heard(CanaryAnswer("serving/chat-1", NOW + 120, CanaryOutcome.ANSWERED, 0.2, " 7"))
    assert fleet.incidents(121, 190) == ()

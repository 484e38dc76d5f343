"""A recording keeps who acknowledged what and what the canary heard; scrubbed, both are still about their objects."""

from __future__ import annotations

from fleet.model.acknowledgement import Acknowledgement, Acknowledgements
from fleet.model.canary import CanaryAnswer, CanaryAnswers, CanaryOutcome
from fleet.model.facts import Dated, Facts
from fleet.model.severity import Severity
from fleet.recorder.facts import FactsWriter, apply
from fleet.recorder.moment import Moment
from fleet.recorder.scrub import Scrubber
from tests.fleet.recorder.seen import BEGAN
from tests.fleet.rows import deployment, kube, node, pod

CHAT = "serving/Deployment/chat"
KNOWN = Acknowledgement(
    "mia@titan",
    BEGAN,
    "titan is slow",
    "engine-stuck",
    ("serving/chat-0", CHAT),
    Severity.CRITICAL,
    1,
    None,
    "https://t",
)
SILENT = CanaryAnswer("serving/chat-0", BEGAN, CanaryOutcome.SILENT, problem="no answer within 5 s", failures=2)
THROUGH = CanaryAnswer(CHAT, BEGAN, CanaryOutcome.ANSWERED, 0.2, " titan")
FACTS = Facts(
    {
        "acknowledgements": Dated(BEGAN, Acknowledgements((KNOWN,))),
        "canary": Dated(BEGAN, CanaryAnswers((SILENT,), (THROUGH,))),
    }
)


def test_they_are_read_as_they_were_written() -> None:
    assert apply(None, FactsWriter().whole(FACTS)) == FACTS


def test_scrubbed_they_are_about_the_same_objects_and_name_nobody() -> None:
    scrubber = Scrubber()
    moment = scrubber.moment(Moment(kube([pod("chat-0")], deployment(), [node("n0")]), (), None, FACTS))
    (chat,), (one,) = moment.state.pods or {}, moment.state.workloads or {}
    known = moment.facts.of(Acknowledgements)["acknowledgements"].value.told[0]
    heard = moment.facts.of(CanaryAnswers)["canary"].value
    assert known.objects == (chat, one)
    assert (known.cause, known.severity) == ("engine-stuck", Severity.CRITICAL)
    assert [heard.direct[0].key, heard.through[0].key] == [chat, one]
    assert heard.direct[0].failures == 2
    assert "titan" not in f"{known} {heard}"

"""Old numbers, and sleeping engines: the culprit is found by the number of affected objects."""

from __future__ import annotations

from dataclasses import replace

from fleet.diagnosis.causes.missing_metrics import SOURCE_BEHIND
from fleet.diagnosis.families.source_causes import SilentSources, SourceCause
from fleet.diagnosis.incidents.evidence import explain
from fleet.diagnosis.registry import causes_of
from fleet.diagnosis.subjects.subject import MeasuringSource
from fleet.model.finding import FindingState
from fleet.model.objects import Container, Serving
from fleet.model.severity import Severity
from fleet.model.snapshot import Health, SourceStatus
from tests.fleet.diagnosis.fleets import WELL, Fleet, Q, causes
from tests.fleet.rows import NOW
from tests.fleets import make_snapshot

ASLEEP = WELL | {Q.SLEEP_LEVEL: 1.0, Q.RUNNING: 0.0, Q.GENERATION_TOKENS: 0.0, Q.PROMPT_TOKENS: 0.0, Q.KV_USAGE: 0.0}


def measuring(engines: int, old: int, health: Health = Health.LIVE) -> MeasuringSource:
    return MeasuringSource(SourceStatus("prometheus", health, NOW), engines, old, 75.0)


def behind(source: MeasuringSource) -> bool:
    return all(sign.holds(source) for sign in SOURCE_BEHIND.must)


def test_who_measures_is_behind_where_nearly_all_numbers_are_old() -> None:
    assert behind(measuring(20, 20))
    assert behind(measuring(20, 18))
    assert SOURCE_BEHIND.words(measuring(20, 18)) == "numbers of 18 of 20 engines are old, 75 s"


def test_a_few_engines_with_old_numbers_are_silent_themselves() -> None:
    assert not behind(measuring(20, 17))
    assert not behind(measuring(20, 0))
    assert not behind(measuring(2, 2)), "of two it cannot be told"


def test_one_that_does_not_answer_is_down_and_not_behind() -> None:
    assert not behind(measuring(20, 20, Health.DOWN))


def test_an_engine_that_is_started_without_metrics_is_named_with_the_flag() -> None:
    fleet = Fleet()
    fleet.engines.pop("chat-1")
    command = ("python3", "-m", "sglang.launch_server")
    container = Container("sglang", "lmsysorg/sglang:v0.5.5", ready=True, started=True, command=command)
    fleet.of("chat-1", serving=Serving("SGLang", "sglang", (30000,)), containers=(container,))
    (found,) = (snapshot := fleet.at(0)).incidents
    assert (found.root.cause, found.root.words) == ("no-metrics", "no metrics: SGLang runs without --enable-metrics")
    assert any("--enable-metrics" in one.text for one in explain(snapshot, found.root).evidence)
    fleet.of("chat-1", serving=Serving("SGLang", "sglang", (30000,)))
    (unknown,) = fleet.incidents(10)
    assert unknown.root.words == "no metrics", "nothing is known of its command line"


def test_one_store_that_does_not_answer_is_one_fault_at_the_source_of_the_numbers() -> None:
    lost = "http://mimir requires a tenant (401)"
    problems = {"rules": lost, "prometheus": lost, "alertmanager": "no answer", "diagnosis": lost}
    sources = tuple(SourceStatus(name, Health.DOWN, NOW, problem=problem) for name, problem in problems.items())
    search = SilentSources(causes_of(SourceCause))
    snapshot = replace(make_snapshot(), sources=sources)
    found = {one.key: one.cause.id for one in search.at(snapshot)}
    assert found == {"prometheus": "metrics-source-down", "alertmanager": "source-down"}
    others = tuple(replace(one, problem=f"{one.name}: {one.problem}") for one in sources)
    assert len(search.at(replace(snapshot, sources=others))) == len(sources), "each has a fault of its own"
    apart = tuple(replace(one, endpoint=f"http://{one.name}", problem="no answer within 5 s") for one in sources)
    assert len(search.at(replace(snapshot, sources=apart))) == len(sources), "the same words about different servers"


def test_an_engine_that_sleeps_while_requests_for_it_wait_is_told() -> None:
    fleet = Fleet()
    fleet.engines["chat-1"] = ASLEEP | {Q.WAITING: 7.0}
    (pending,) = fleet.incidents(0)
    assert (pending.root.cause, pending.state) == ("engine-asleep-with-queue", FindingState.PENDING)
    (fires,) = (snapshot := fleet.at(60)).incidents
    assert (fires.state, fires.severity) == (FindingState.FIRING, Severity.WARNING)
    assert fires.root.words == "asleep, with a queue of 7"
    assert len(explain(snapshot, fires.root).evidence) == 2


def test_engines_that_sleep_and_are_not_asked_are_well() -> None:
    fleet = Fleet()
    for name in fleet.pods:
        fleet.engines[name] = ASLEEP
    assert causes(fleet.incidents(0, 60, 600)) == []


def test_an_engine_that_is_asked_and_answers_badly_is_named_with_its_answer() -> None:
    fleet = Fleet()
    fleet.engines.pop("chat-1")
    fleet.unanswered = {"serving/chat-1": "answers HTTP 401 Unauthorized: it requires credentials"}
    (found,) = (snapshot := fleet.at(0)).incidents
    assert (found.root.cause, found.root.words) == ("no-metrics", "no metrics: answers HTTP 401 Unauthorized")
    assert any("it requires credentials" in one.text for one in explain(snapshot, found.root).evidence)
    fleet.unanswered = {"serving/chat-1:8001": "refuses the connection"}
    (other,) = fleet.incidents(10)
    assert other.root.words == "no metrics: refuses the connection"
    assert other.since == NOW
    fleet.unanswered = {"serving/chat-10": "refuses the connection"}
    assert fleet.incidents(20)[0].root.words == "no metrics", "of another pod"

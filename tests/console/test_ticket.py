"""The ticket: what is in it, what is hidden in it, and its Markdown, whatever the cluster's texts hold."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from console.report.ticket.build import LOOKS_BACK, OpenLog, TicketPast, since_when, ticket
from console.report.ticket.markdown import block, code, plain, to_markdown
from console.report.ticket.scope import MOST_OBJECTS, of_everything, of_incident, of_objects
from fleet.model.objects import ModelVersion, ObjectRef
from fleet.model.snapshot import Snapshot
from fleet.timeline.entry import Entry, EntryKind, Evidence, Weight
from fleet.timeline.kinship import Kinship
from fleet.timeline.source import Gap
from fleet.timeline.timeline import Timeline
from tests.console.screens.test_incidents import two
from tests.fleet.diagnosis.fleets import CHAT, STUCK, Fleet
from tests.fleets import make_snapshot

SECRET = "hunter2hunter2"
DEPLOYMENT = ObjectRef("Deployment", "serving", "chat")


def entry(
    at: float, what: str, kind: EntryKind = EntryKind.CHANGE, *, about: ObjectRef = DEPLOYMENT, **more: object
) -> Entry:
    proof = (Evidence("its spec", "x"),)
    return Entry(at, 1.0, kind, what, about, **({"evidence": proof} | more))  # type: ignore[arg-type]


def past(snapshot: Snapshot, *entries: Entry, gaps: tuple[Gap, ...] = ()) -> TicketPast:
    return TicketPast(Timeline(snapshot.at - 3600, snapshot.at, entries, Kinship(), gaps))


def everything(snapshot: Snapshot, *entries: Entry) -> str:
    return to_markdown(ticket(snapshot, of_everything(snapshot), past(snapshot, *entries), whole=True))


def test_it_reports_each_incident_with_its_evidence_its_reach_and_what_helps() -> None:
    text = everything(two())
    assert text.startswith("# ")
    assert "### 1. critical: " in text
    assert "### 2. critical: " in text
    assert "last XID code: 79" in text
    assert "- affects " in text
    for title in ("**Evidence**", "**Ruled out**", "**What helps**", "**What not to do**", "## Numbers", "## Sources"):
        assert title in text, title


def test_times_are_utc_and_numbers_have_their_age_and_their_query() -> None:
    snapshot = two()
    document = ticket(snapshot, of_everything(snapshot), past(snapshot), whole=True)
    text = to_markdown(document)
    assert f"since 20{text.partition('- since 20')[2][:17]} UTC" in text
    numbers = [number for one in document.objects for number in one.numbers]
    assert numbers
    assert all(number.shown and number.reading.value == number.reading.value for number in numbers)
    assert all(one.commands[0].startswith("kubectl ") for one in document.objects if one.kind != "GPU")


def test_what_changed_and_who_acted_are_apart_and_an_open_log_gives_its_errors() -> None:
    snapshot = two()
    rollout = entry(snapshot.at - 900, "revision 4: image vllm:1 → vllm:2", who="Argo CD")
    event = entry(snapshot.at - 800, "Pulled: image is there", EntryKind.EVENT)
    died = entry(snapshot.at - 700, "vllm ended: OOMKilled (137)", EntryKind.END, weight=Weight.BAD)
    proof = (Evidence("audit log", "a1"),)
    scaled = entry(snapshot.at - 600, "Scale chat from 3 to 4: converged (OPS-7)", who="mia", evidence=proof)
    log = OpenLog("serving/chat-0", "vllm", ["ERROR one", "ERROR two"])
    timelines = past(snapshot, rollout, event, died, scaled)
    made = ticket(snapshot, of_everything(snapshot), timelines, whole=True, open_log=log)
    assert [one.what for one in made.changes] == [rollout.what, died.what]
    assert [(one.what, one.who) for one in made.acted] == [(scaled.what, "mia")]
    text = to_markdown(made)
    assert "image vllm:1 → vllm:2, by Argo CD" in text
    assert "```text\nERROR one\nERROR two\n```" in text


def test_a_ticket_about_one_object_has_its_own_changes_alone() -> None:
    snapshot = two()
    other = entry(snapshot.at - 900, "another workload", about=ObjectRef("Deployment", "serving", "other"))
    own = entry(snapshot.at - 800, "its own")
    made = ticket(snapshot, of_objects(snapshot, (CHAT,)), past(snapshot, other, own), whole=False)
    assert [one.what for one in made.changes] == ["its own"]
    assert made.alerts == ()


def test_an_incident_an_object_and_everything_have_their_own_incidents() -> None:
    snapshot = two()
    first, second = snapshot.incidents
    assert of_everything(snapshot).incidents == (first, second)
    scope = of_incident(snapshot, second.key)
    assert scope is not None
    assert scope.incidents == (second,)
    assert scope.objects[0] == second.about
    assert of_incident(snapshot, "over@long-ago") is None
    assert set(of_objects(snapshot, (CHAT,)).incidents) == {first, second}
    # What is wrong with a sibling of a pod, or with its workload because of that, is not about the pod.
    assert of_objects(snapshot, ("serving/chat-1",)).incidents == ()
    (own,) = of_objects(snapshot, ("serving/chat-3",)).incidents
    assert own.root.key == "serving/chat-3"


def test_it_says_what_there_was_no_room_for_and_what_could_not_be_read() -> None:
    fleet = Fleet(3 * MOST_OBJECTS)
    snapshot = make_snapshot(workloads=3 * MOST_OBJECTS, pods_per=1)
    scope = of_objects(snapshot, tuple(snapshot.workloads))
    assert len(scope.objects) == MOST_OBJECTS
    assert scope.unlisted[1] >= 2 * MOST_OBJECTS
    lost = TicketPast(problem="the store does not answer")
    made = ticket(snapshot, scope, lost, whole=True)
    assert any("more objects" in lack for lack in made.lacks)
    assert "what changed before: the store does not answer" in made.lacks
    assert made.since is None
    assert "## What changed before" not in to_markdown(made)
    quiet = fleet.at(0)
    gap = Gap("what Helm did", "Secrets may not be listed")
    document = ticket(quiet, of_everything(quiet), past(quiet, gaps=(gap,)), whole=True)
    assert document.lacks == ("what Helm did: Secrets may not be listed",)


def test_a_calm_fleet_says_so() -> None:
    quiet = Fleet(2).at(0)
    text = everything(quiet)
    assert "nothing is found to be wrong" in text.splitlines()[0]
    assert "No incident." in text


def test_changes_are_of_the_hours_before_the_first_sign_and_of_a_day_at_most() -> None:
    snapshot = two()
    began = min(one.since for one in snapshot.incidents)
    assert since_when(snapshot, of_everything(snapshot)) == began - LOOKS_BACK
    late = replace(snapshot, at=began + 30 * 86_400)
    assert since_when(late, of_everything(late)) == late.at - 86_400


@pytest.mark.parametrize("whole", [True, False])
def test_secrets_are_masked_wherever_they_come_from(whole: bool) -> None:
    snapshot = two()
    pods = dict(snapshot.pods)
    version = ModelVersion(image=f"https://me:{SECRET}@registry/vllm:1", model="m")
    pods["serving/chat-3"] = replace(pods["serving/chat-3"], version=version)
    sources = tuple(replace(one, problem=f"401: Authorization: Bearer {SECRET}") for one in snapshot.sources)
    snapshot = replace(snapshot, pods=pods, sources=sources)
    change = entry(snapshot.at - 60, f"env OPENAI_API_KEY={SECRET}", changes=(f"--api-key {SECRET}", "b"), who="mia")
    log = OpenLog("serving/chat-3", "vllm", [f"ERROR password={SECRET}", f"ERROR https://u:{SECRET}@host/"])
    made = ticket(snapshot, of_everything(snapshot), past(snapshot, change), whole=whole, open_log=log)
    assert SECRET not in to_markdown(made)
    assert SECRET not in made.model_dump_json()
    assert "[redacted]" in made.model_dump_json()


def test_commands_and_queries_are_whole() -> None:
    snapshot = two()
    made = ticket(snapshot, of_everything(snapshot), past(snapshot), whole=True)
    lines = [command for one in made.objects for command in one.commands]
    lines += [number.query or number.read or "" for one in made.objects for number in one.numbers]
    assert lines
    assert not any("redacted" in text for text in lines)


def test_the_document_is_versioned_and_leaves_out_what_has_no_value() -> None:
    snapshot = two()
    made = ticket(snapshot, of_everything(snapshot), TicketPast(), whole=True)
    document = json.loads(made.model_dump_json(exclude_none=True))
    assert document["schema"] == "quarterdeck/ticket/v1"
    assert "since" not in document
    assert document["incidents"][0]["evidence"]


@pytest.mark.parametrize(
    ("expected", "shown"),
    [
        ("a [link](http://x) *now*", r"a \[link\](http://x) \*now\*"),
        ("<script>`x`", r"\<script\>\`x\`"),
        ("tokens_per_second of _x_", r"tokens_per_second of \_x\_"),
        ("two\n# lines | here", r"two \# lines \| here"),
    ],
)
def test_text_of_others_is_no_markup(expected: str, shown: str) -> None:
    assert plain(expected) == shown


def test_no_line_of_a_log_ends_its_block_and_no_name_its_code() -> None:
    lines = list(block(["```", "````sh", "rm"], "text"))
    assert lines[0] == "`````text"
    assert lines[4] == "`````"
    assert code("a`b``c") == "```a`b``c```"
    assert code("`x`") == "`` `x` ``"


def test_alike_objects_are_counted() -> None:
    fleet = Fleet(24)
    for number in range(20):
        fleet.engines[f"chat-{number}"] = STUCK
    fleet.at(0)
    text = everything(fleet.at(70))
    assert " and 14 more\n" in text
    assert len(text.splitlines()) < 300

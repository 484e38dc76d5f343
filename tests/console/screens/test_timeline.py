"""The timeline on the screen: of everything, of one object, and the evidence."""

from __future__ import annotations

from console.session.failure import SessionError
from fleet.model.objects import ObjectRef
from fleet.timeline.entry import Entry, EntryKind, Evidence, Weight
from fleet.timeline.kinship import Kinship
from fleet.timeline.source import Gap
from fleet.timeline.timeline import Timeline
from tests.console.screens.desk import desk
from tests.console.screens.scripted import ScriptedSession
from tests.fleets import make_snapshot

CHAT = ObjectRef("Deployment", "serving", "chat-70b")
AT = 1_795_942_800.0  # 2026-11-29 09:00:00 UTC


def happened(*entries: Entry, gaps: tuple[Gap, ...] = ()) -> Timeline:
    return Timeline(AT - 86_400, AT + 60, entries, Kinship(), gaps)


ROLLOUT = Entry(
    AT,
    1.0,
    EntryKind.CHANGE,
    "revision 4: image vllm:1 → vllm:2 and 1 more",
    CHAT,
    (Evidence("serving/ReplicaSet/chat-70b-4 metadata.creationTimestamp", "2026-11-29T09:00:00Z"),),
    who="Argo CD",
    changes=("image vllm:1 → vllm:2", "--enforce-eager is new"),
)
KILLED = Entry(
    AT + 30,
    1.0,
    EntryKind.END,
    "vllm ended: OOMKilled (137)",
    ObjectRef("Pod", "serving", "chat-70b-4-x\x1b[31m"),
    (Evidence("its status", "exitCode 137"),),
    weight=Weight.BAD,
)


async def test_the_latest_is_first_with_when_what_where_and_by_whom() -> None:
    session = ScriptedSession(happened=happened(ROLLOUT, KILLED))
    async with desk(make_snapshot(), session=session, size=(140, 24)) as d:
        await d.press("colon")
        await d.type("timeline")
        await d.press("enter")
        await d.until(lambda: "OOMKilled" in d.text)
        rows = [line for line in d.lines if " 09:00:" in line]
        assert [row.split()[1] for row in rows] == ["09:00:30", "09:00:00"]
        assert "deployment/chat-70b" in rows[1]
        assert "Argo CD" in rows[1]
        # An object's name cannot control the terminal.
        assert "\x1b" not in d.text
    (asked,) = [asked for asked in session.asked if asked[0] == "timeline"]
    assert asked[1] == make_snapshot().cluster.id
    assert isinstance(asked[2], float)
    assert asked[2] == make_snapshot().at - 86_400


async def test_the_key_asks_for_the_object_under_the_cursor_and_enter_shows_what_says_so() -> None:
    session = ScriptedSession(happened=happened(ROLLOUT))
    snapshot = make_snapshot()
    async with desk(snapshot, session=session, size=(120, 30)) as d:
        await d.press("down", "h")
        await d.until(lambda: "revision 4" in d.text)
        ref = next(asked[1] for asked in session.asked if asked[0] == "timeline")
        assert isinstance(ref, ObjectRef)
        assert f"what happened to {ref.namespace}/{ref.kind.lower()}/{ref.name}" in d.text
        await d.press("enter")
        await d.until(lambda: "metadata.creationTimestamp" in d.text)
        assert "--enforce-eager is new" in d.text
        await d.press("escape")
        await d.until(lambda: "latest first" in d.text)


async def test_it_can_be_filtered() -> None:
    session = ScriptedSession(happened=happened(ROLLOUT, KILLED))
    async with desk(make_snapshot(), session=session, size=(120, 24)) as d:
        await d.press("h")
        await d.until(lambda: "OOMKilled" in d.text)
        await d.press("slash")
        await d.type("argo")
        await d.press("enter")
        await d.until(lambda: "OOMKilled" not in d.text)
        assert "revision 4" in d.text


async def test_what_could_not_be_read_is_said_above_the_rows() -> None:
    session = ScriptedSession(happened=happened(ROLLOUT, gaps=(Gap("starts and ends of pods", "pods: 403"),)))
    async with desk(make_snapshot(), session=session, size=(100, 24)) as d:
        await d.press("h")
        await d.until(lambda: "revision 4" in d.text)
        assert "not available" in d.text
        assert "starts and ends of pods" in d.text


async def test_no_answer_is_said() -> None:
    session = ScriptedSession(fails=SessionError("the API server is gone", "wait"))
    async with desk(make_snapshot(), session=session, size=(100, 24)) as d:
        await d.press("h")
        await d.until(lambda: "the API server is gone" in d.text)
        # And in the place of the rows, where it stays.
        assert "reading what happened" not in d.text


async def test_nothing_that_happened_is_said() -> None:
    async with desk(make_snapshot(), session=ScriptedSession(happened=happened()), size=(100, 24)) as d:
        await d.press("h")
        await d.until(lambda: "nothing is known to have happened" in d.text)


async def test_a_word_behind_a_command_that_takes_none_is_refused_and_not_ignored() -> None:
    session = ScriptedSession(happened=happened(ROLLOUT))
    async with desk(make_snapshot(), session=session, size=(100, 24)) as d:
        await d.press("colon")
        await d.type("timeline 1h")
        await d.press("enter")
        await d.until(lambda: ":timeline takes no argument" in d.text)
    assert not [asked for asked in session.asked if asked[0] == "timeline"]


async def test_one_key_shows_what_happened_to_everything_and_who_did_it() -> None:
    session = ScriptedSession(happened=happened(ROLLOUT, KILLED))
    async with desk(make_snapshot(), session=session, size=(140, 24)) as d:
        await d.press("L")
        await d.until(lambda: "OOMKilled" in d.text)
        assert "Argo CD" in d.text
        (asked,) = [asked for asked in session.asked if asked[0] == "timeline"]
        assert asked[1] == make_snapshot().cluster.id

"""Any resource of the cluster, by the habit of k9s: to look at."""

from __future__ import annotations

from functools import partial

from console.commands.command import ScreenId
from console.session.failure import SessionError
from fleet.model.listing import ListedColumn, ListedObject, Listing
from tests.console.screens.desk import desk
from tests.console.screens.scripted import ScriptedSession
from tests.fleets import make_snapshot

SERVICES = Listing(
    "Service",
    "services",
    True,
    (
        ListedColumn("Name"),
        ListedColumn("Type"),
        ListedColumn("Ports", is_number=True),
        ListedColumn("Selector", is_wide=True),
    ),
    (
        ListedObject("serving", "chat", ("chat", "ClusterIP", "8000", "app=chat")),
        ListedObject("batch", "b", ("b", "None", "1", "x")),
    ),
    more=7,
)


async def test_a_resource_is_listed_by_its_name_with_describe_and_yaml_and_no_action() -> None:
    session = ScriptedSession(listings={"svc": SERVICES}, texts={"describe": "Name: chat"})
    snapshot = make_snapshot()
    async with desk(snapshot, session=session) as d:
        await d.command("svc all")
        await d.until(lambda: d.screen.where is ScreenId.LISTING)
        assert "services   in all namespaces, the first 2 of 9, read-only" in d.lines[1]
        assert d.line_with(" chat ").split()[:4] == ["chat", "serving", "ClusterIP", "8000"]
        assert "s scale" not in d.lines[-1]
        assert "drain" not in d.lines[-1]
        await d.press("slash", *"ClusterIP", "enter")
        assert " batch " not in d.text
        await d.press("enter")
        await d.until(lambda: "Name: chat" in d.text)
        assert session.asked[-1] == ("describe", snapshot.ref("Service", "serving", "chat"))
        await d.press("escape", "y")
        await d.until(lambda: session.asked[-1][0] == "yaml")


EVENTS = Listing(
    "Event",
    "events",
    True,
    (
        ListedColumn("Last Seen"),
        ListedColumn("Type"),
        ListedColumn("Reason"),
        ListedColumn("Object"),
        ListedColumn("Subobject", is_wide=True),
        ListedColumn("Source", is_wide=True),
        ListedColumn("Message"),
        ListedColumn("Count", is_wide=True),
    ),
    (
        ListedObject(
            "serving",
            "chat-7c9f.1",
            (
                "43s",
                "Warning",
                "FailedScheduling",
                f"pod/{'chat-70b' * 5}",
                "spec.containers{vllm}",
                "default-scheduler",
                "0/6 nodes are available: 2 Insufficient nvidia.com/gpu, 4 node(s) didn't match",
                "17",
            ),
        ),
    ),
)


async def test_what_an_event_says_is_on_the_first_page_before_what_only_the_wide_table_has() -> None:
    async with desk(make_snapshot(), session=ScriptedSession(listings={"events": EVENTS})) as d:
        await d.command("events all")
        await d.until(lambda: d.screen.where is ScreenId.LISTING)
        assert "MESSAGE" in d.lines[2]
        assert "0/6 nodes are" in d.line_with("FailedScheduling")
        assert "SUBOBJECT" not in d.lines[2]


async def test_on_a_narrow_screen_no_wide_column_fills_the_room_of_what_is_always_shown() -> None:
    (one,) = EVENTS.objects
    short = one._replace(cells=(*one.cells[:4], "", "", *one.cells[6:]))
    listings = {"events": EVENTS._replace(objects=(short,))}
    async with desk(make_snapshot(), size=(80, 24), session=ScriptedSession(listings=listings)) as d:
        await d.command("events all")
        await d.until(lambda: d.screen.where is ScreenId.LISTING)
        # When, what, and at which object: all else is a key away.
        assert d.lines[2].split()[-1] == "MESSAGE"
        assert "0/6 nodes are" in d.line_with("FailedScheduling")
        assert "chat-70b" in d.line_with("FailedScheduling")
        await d.press("right")
        assert "SUBOBJECT" in d.lines[2]


async def test_events_are_the_newest_first_and_begin_with_their_time() -> None:
    (one,) = EVENTS.objects
    ages = ("2m27s", "43s", "<unknown>", "3h12m", "119s")
    objects = tuple(one._replace(name=f"e{age}", cells=(age, *one.cells[1:])) for age in ages)
    async with desk(
        make_snapshot(), session=ScriptedSession(listings={"events": EVENTS._replace(objects=objects)})
    ) as d:
        await d.command("events all")
        await d.until(lambda: d.screen.where is ScreenId.LISTING)
        assert d.lines[2].split()[:2] == ["LAST", "SEEN"]
        rows = [line.split()[0] for line in d.lines if "FailedScheduling" in line]
        assert rows == ["43s", "119s", "2m27s", "3h12m", "<unknown>"]


async def test_describe_and_yaml_lead_to_each_other() -> None:
    session = ScriptedSession(listings={"svc": SERVICES}, texts={"describe": "Name: chat", "yaml": "kind: Service"})
    async with desk(make_snapshot(), session=session) as d:
        await d.command("svc all")
        await d.until(lambda: d.screen.where is ScreenId.LISTING)
        for key, text in (("d", "Name: chat"), ("y", "kind: Service"), ("d", "Name: chat")):
            await d.press(key)
            await d.until(partial(lambda wanted: wanted in d.text, text))
        await d.press("escape")
        assert d.screen.where is ScreenId.LISTING, "one is in the place of the other"


async def test_what_is_neither_a_command_nor_a_resource_is_told_so() -> None:
    session = ScriptedSession()
    async with desk(make_snapshot(), session=session) as d:
        await d.command("fleeet")
        await d.until(lambda: "no command 'fleeet'; did you mean :fleet?" in d.screen.message_text)
        assert "this server has no resource 'fleeet'" in d.screen.message_text
        await d.command("joins nothing")
        assert d.screen.message_text == ":joins takes no argument"
        session.fails = SessionError("services is forbidden", "ask for it")
        await d.command("get svc")
        await d.until(lambda: "services is forbidden" in d.screen.message_text)
        assert d.screen.where is ScreenId.FLEET

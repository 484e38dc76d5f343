"""The command table: its contents, its entry points, and that no forbidden command runs."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
from textual.command import CommandPalette
from textual.widgets import OptionList

from actions.kinds.drain_node import DrainNode
from console.commands.command import ScreenId
from console.commands.command_line import UnknownCommandError, complete, parse_line
from console.commands.dispatch import refusal
from console.commands.help import FILTERS, MOVING, help_lines, signs
from console.commands.keys import check_keymap, key_text, keys_of, parse_key
from console.commands.reference import keys_markdown, with_actions
from console.commands.table import BY_ID, TABLE, bound_on, by_name
from console.config.options import Options
from console.session.failure import SessionError
from tests.console.screens.desk import Desk, desk
from tests.console.screens.scripted import ScriptedSession
from tests.fleets import make_snapshot
from themes.glyphs import ASCII, UNICODE, Glyphs
from themes.palette import Role
from widgets.line import width_of

DOCS = Path(__file__).parents[3] / "docs"
REF = make_snapshot().ref("Deployment", "serving", "mixtral-8x22b")


def test_ids_and_names_are_unique() -> None:
    ids = Counter(command.id for command in TABLE)
    names = Counter((name, where) for command in TABLE for name in command.names for where in command.where)
    assert max(ids.values()) == 1
    assert max(names.values()) == 1, "on one screen a name is of one command"


@pytest.mark.parametrize("where", list(ScreenId))
def test_no_key_has_two_meanings_on_one_screen(where: ScreenId) -> None:
    keys = Counter(key for command in bound_on(where) for key in command.keys)
    assert [key for key, count in keys.items() if count > 1] == []


def test_what_changes_something_is_marked_as_dangerous() -> None:
    prefixes = ("act.", "plan.", "action.", "local.", "form.")
    assert {c.id for c in TABLE if c.id.startswith(prefixes)} | {"open.actions"} == {c.id for c in TABLE if c.dangerous}


@pytest.mark.parametrize("command", TABLE, ids=lambda command: command.id)
def test_every_command_can_be_reached(command: object) -> None:
    from console.commands.command import Command

    assert isinstance(command, Command)
    assert command.keys or command.names


@pytest.mark.parametrize(
    ("key", "text"),
    [("slash", "/"), ("ctrl+p", "ctrl-p"), ("S", "shift-s"), ("escape", "esc"), ("l", "l"), ("f5", "f5")],
)
def test_keys_are_written_as_people_write_them(key: str, text: str) -> None:
    assert key_text(key) == text
    assert parse_key(text) == key


@pytest.mark.parametrize(
    ("keymap", "problem"),
    [
        ({"open.logz": "x"}, "unknown command 'open.logz'"),
        ({"open.logs": "d"}, "d is bound to both open.logs and open.describe"),
        ({"open.logs": "j"}, "j is bound to both moving the cursor and open.logs"),
        ({"open.logs": " "}, "open.logs: no key given"),
        ({"open.logs": "d", "open.describe": "l"}, None),
        ({"open.logs": "Z, f7"}, None),
        ({}, None),
    ],
)
def test_a_keymap_is_checked(keymap: dict[str, str], problem: str | None) -> None:
    problems = check_keymap(keymap)
    assert problems == [] if problem is None else any(problem in found for found in problems)


def test_the_command_line_completes_names_and_arguments() -> None:
    assert complete("no", (), ()) == ["now", "nodes"]
    assert complete("ns s", ("batch", "serving"), ()) == ["ns serving"]
    assert complete("ctx ", (), ("b", "a")) == ["ctx a", "ctx b"]
    assert complete("xyz ", (), ()) == []
    assert complete("down t", (), (), ("tiny", "big")) == ["down tiny"]
    assert complete("up ", (), (), ("tiny",), ("70b",)) == ["up 70b", "up same"]


def test_the_command_line_knows_aliases_and_names_the_nearest() -> None:
    typed = parse_line(" :ns serving ", ScreenId.FLEET)
    assert typed is not None
    assert (typed.command.id, typed.argument) == ("view.namespace", "serving")
    assert parse_line("gpus", ScreenId.FLEET) == (BY_ID["open.nodes"], "")
    assert parse_line("  ", ScreenId.FLEET) is None
    with pytest.raises(UnknownCommandError, match="did you mean :sources"):
        parse_line("sorces", ScreenId.FLEET)


async def test_a_command_is_refused_where_it_is_not_or_has_nothing_to_act_on() -> None:
    async with desk() as d:
        context = d.screen.context()
        assert refusal(BY_ID["open.logs"], context, read_only=False) == "Logs: there is no pod under the cursor"
        assert refusal(BY_ID["view.follow"], context, read_only=False) == "Follow: not on this screen"
        await d.press("d")
        assert "nothing under the cursor is known to Kubernetes" in d.screen.message_text
        assert d.session.asked == []


@pytest.mark.parametrize("where", list(ScreenId))
@pytest.mark.parametrize(("glyphs", "width"), [(UNICODE, 40), (ASCII, 80), (UNICODE, 200)])
def test_help_has_what_is_valid_on_a_screen_and_no_more_and_cuts_nothing(
    where: ScreenId, glyphs: Glyphs, width: int
) -> None:
    lines = help_lines(where, {}, width, glyphs)
    assert max(width_of("".join(span.text for span in line.spans)) for line in lines) <= width
    texts = {words for line in lines for span in line.spans for words in span.text.split()}
    messages = texts | set(" ".join(words for _, words in (*MOVING, *FILTERS, *signs(glyphs))).split())
    for command in TABLE:
        words = (command.family or command.called).removeprefix("Sort by ").split()
        if command.id == "console.filter" and where in command.hints:
            # In texts it searches, and neither marks nor filters rows.
            assert "Search" in texts
            assert not {"mark", "/!llama"} & texts
            continue
        if where in command.where and (command in bound_on(where) or command.names):
            assert set(words) <= messages or width == 40, command.id
    elsewhere = {key_text(key) for c in TABLE if c not in bound_on(where) for key in c.keys}
    here = {key_text(key) for c in bound_on(where) for key in c.keys}
    keys = {key for line in lines for span in line.spans if span.role is Role.KEY for key in span.text.split()}
    known = {key for shown, _ in (*MOVING, *FILTERS, *signs(glyphs)) for key in shown.split()}
    assert not (keys & elsewhere) - here - known


async def test_help_is_grouped_in_columns_by_what_one_wants_to_do() -> None:
    async with desk(make_snapshot(), size=(160, 60)) as d:
        await d.press("question_mark")
        assert "LOOK CLOSER" in d.lines[1]
        assert "1-9" in d.line_with("Namespaces by number")
        await d.press("escape", "enter", "question_mark")
        # In text, n is the next match, so namespaces are reached by name only.
        assert ":ns" in d.line_with(" Namespaces ")
        assert " n  " in d.line_with("Next match")


@pytest.mark.parametrize(
    ("line", "asked"),
    [
        ("pods serving", ("switch", None, "serving")),
        ("pods all", ("switch", None, "")),
        ("po @staging", ("switch", "staging", None)),
    ],
)
async def test_pods_takes_what_it_takes_in_k9s(line: str, asked: tuple[object, ...]) -> None:
    async with desk(make_snapshot()) as d:
        await d.press("enter", "colon")
        await d.type(line)
        await d.press("enter")
        await d.until(lambda: [one for one in d.session.asked if one[0] == "switch"] == [asked])
        assert d.screen.where is ScreenId.FLEET


@pytest.mark.parametrize(("line", "narrowed"), [("pods /mixtral", "mixtral"), ("pods app=x", "-l app=x")])
async def test_pods_takes_a_filter(line: str, narrowed: str) -> None:
    async with desk(make_snapshot()) as d:
        await d.command(line)
        assert d.screen.where is ScreenId.FLEET
        assert d.fleet.narrowed == narrowed


async def test_previous_logs_are_offered_where_something_has_restarted() -> None:
    snapshot = make_snapshot()
    async with desk(snapshot) as d:
        well = next(key for key, pod in snapshot.pods.items() if pod.ready and not pod.restarts)
        assert "p previous" in d.lines[-1]
        d.grid.move_to(well)
        await d.settle()
        assert "p previous" not in d.lines[-1]
        await d.press("p")
        assert "nothing has restarted" in d.screen.message_text
        assert d.session.asked == []


async def test_remapped_keys_work_and_are_shown() -> None:
    async with desk(make_snapshot(), options=Options(keymap={"open.describe": "f7"})) as d:
        assert "f7 describe" in d.lines[-1]
        await d.press("d")
        assert d.session.asked == []
        await d.press("f7")
        await d.until(lambda: bool(d.session.asked))
        assert d.session.asked == [("describe", REF)]


async def test_the_palette_offers_what_is_available_and_runs_it() -> None:
    async with desk(make_snapshot()) as d:
        await d.press("ctrl+p")
        assert isinstance(d.app.screen, CommandPalette)
        for char in "describe":
            await d.pilot.press(char)
        await d.until(lambda: _options(d.app.screen) >= 1)
        await d.pilot.press("enter")
        await d.pilot.press("enter")
        await d.until(lambda: bool(d.session.asked))
        assert d.session.asked == [("describe", REF)]


async def test_the_palette_finds_objects_by_name_and_shows_only_keys_that_are_bound_here() -> None:
    snapshot = make_snapshot()
    pod = snapshot.pods[snapshot.pods_of["serving/Deployment/llama-70b"][3]]
    async with desk(snapshot) as d:
        await d.press("ctrl+p", *"start a vllm")
        screen = d.app.screen
        await d.until(lambda: _options(screen) >= 1)
        prompts = [str(option.prompt) for option in screen.query_one(OptionList).options]
        assert any("Start a vLLM server" in text and ":up" in text for text in prompts)
        assert not any(re.search(r"^n\b", line) for text in prompts for line in text.splitlines())
        await d.press("escape")
        await d.press("ctrl+p", *pod.name[-5:])
        screen = d.app.screen
        await d.until(lambda: any(pod.name in str(o.prompt) for o in screen.query_one(OptionList).options))
        await d.pilot.press("enter")
        await d.pilot.press("enter")
        await d.until(lambda: d.screen.where is ScreenId.DETAIL)
        assert pod.name in d.lines[1]


async def test_a_name_that_is_typed_in_full_comes_before_titles_with_its_letters_here_and_there() -> None:
    snapshot = make_snapshot()
    async with desk(snapshot) as d:
        # "mixtral" has no command; its letters are in several titles.
        for typed, first in (("tral", "mixtral"), ("why", "Why slow")):
            await d.press("ctrl+p", *typed)
            screen = d.app.screen
            await d.until(lambda: _options(screen) >= 1)  # noqa: B023 - within the round
            await d.settle()
            prompts = [str(option.prompt) for option in screen.query_one(OptionList).options]
            assert first in prompts[0], prompts[:3]
            await d.press("escape")


async def test_a_name_that_kinds_share_is_of_the_one_that_is_for_this_screen() -> None:
    assert by_name("drain", ScreenId.FLEET) is BY_ID["act.drain"]
    assert by_name("drain", ScreenId.NODES) is by_name("drain-node", ScreenId.NODES) is BY_ID["act.drain-node"]
    async with desk(make_snapshot()) as d:
        await d.command("nodes")
        await d.press("ctrl+p", *"drain")
        screen = d.app.screen
        await d.until(lambda: _options(screen) >= 1)
        shown = [str(option.prompt) for option in screen.query_one(OptionList).options]
        assert [text for text in shown if "Drain" in text] == [text for text in shown if "Drain the node" in text]
        assert all("drain" in text.lower() for text in shown), "no guesses beside what was typed"
        await d.press("escape")
        await d.command("drain")
        ((_, request),) = d.session.acts.asked
        assert isinstance(request, DrainNode)


async def test_the_palette_names_what_needs_another_object_with_the_reason() -> None:
    snapshot = make_snapshot()
    workload = next(iter(snapshot.workloads))
    async with desk(snapshot) as d:
        d.grid.move_to(workload)
        await d.press("ctrl+p", *"drain")
        screen = d.app.screen
        await d.until(lambda: _options(screen) >= 1)
        shown = [str(option.prompt) for option in screen.query_one(OptionList).options]
        assert shown[0].startswith("Drain")
        assert "pod" in shown[0]


def _where(d: Desk) -> ScreenId:
    return d.screen.where


def _options(screen: object) -> int:
    from textual.command import CommandList

    assert isinstance(screen, CommandPalette)
    return screen.query_one(CommandList).option_count


async def test_the_command_line_runs_completes_and_remembers() -> None:
    async with desk(make_snapshot()) as d:
        await d.press("colon")
        await d.type("sou")
        await d.press("tab", "enter")
        assert _where(d) is ScreenId.SOURCES
        await d.press("colon", "up", "backspace", "enter")
        assert "no command 'source'; did you mean :sources?" in d.text
        await d.command("fleet")
        assert _where(d) is ScreenId.FLEET


async def test_the_command_line_speaks_of_what_was_under_the_cursor() -> None:
    async with desk(make_snapshot()) as d:
        await d.command("yaml")
        await d.until(lambda: bool(d.session.asked))
        assert d.session.asked == [("yaml", REF)]
        assert "kind: Deployment" in d.text


@pytest.mark.parametrize("keys", [("colon", "q", "enter"), ("ctrl+c",), ("colon", "q", "u", "i", "t", "enter")])
async def test_leaving(keys: tuple[str, ...]) -> None:
    async with desk(make_snapshot()) as d:
        for key in keys:
            await d.pilot.press(key)
        await d.until(lambda: d.app._exit)


async def test_back_on_the_first_screen_does_not_leave_but_says_how() -> None:
    async with desk(make_snapshot()) as d:
        await d.press("q")
        assert ":q or ctrl-c quits" in d.text
        assert not d.app._exit


async def test_namespaces_are_chosen_typed_and_numbered() -> None:
    async with desk(make_snapshot()) as d:
        await d.press("n")
        await d.until(lambda: "batch" in d.text)
        assert "IN VIEW" in d.text
        assert d.line_with("all namespaces").rstrip().endswith("yes")
        await d.press("down", "enter")
        await d.until(lambda: d.session.namespace == "batch")
        await d.press("0")
        await d.until(lambda: d.session.namespace == "")
        await d.press("1")
        await d.until(lambda: d.session.namespace == "batch")
        await d.press("2")
        await d.until(lambda: d.session.namespace == "serving")
        await d.press("9")
        assert "no namespace 9" in d.text
        await d.command("ns all")
        await d.until(lambda: d.session.namespace == "")


async def test_namespaces_that_cannot_be_listed_say_why() -> None:
    session = ScriptedSession(fails=SessionError("namespaces may not be listed", "name one: :ns NAME"))
    async with desk(make_snapshot(), session=session) as d:
        await d.press("n")
        await d.until(lambda: "name one: :ns NAME" in d.text)
        await d.press("escape")
        assert "MODEL · WORKLOAD" in d.text


async def test_a_context_is_switched_without_a_restart_and_a_wrong_one_is_refused() -> None:
    session = ScriptedSession()
    async with desk(make_snapshot(), session=session) as d:
        await d.command("ctx")
        await d.until(lambda: "staging" in d.text)
        await d.press("down", "enter")
        await d.until(lambda: session.context == "staging")
        session.fails = SessionError("no context 'nowhere' in the kubeconfig", "there are: prod-eu1, staging")
        await d.command("ctx nowhere")
        await d.until(lambda: "no context 'nowhere'" in d.text)
        assert "there are: prod-eu1, staging" in d.text
        assert session.context == "staging"


async def test_refresh_measures_now() -> None:
    async with desk(make_snapshot()) as d:
        await d.press("ctrl+r")
        assert d.session.asked == [("refresh",)]


def test_keys_after_remapping() -> None:
    command = BY_ID["open.logs"]
    assert keys_of(command, {}) == ("l",)
    assert keys_of(command, {"open.logs": "shift-l, ctrl-l"}) == ("L", "ctrl+l")


def test_the_reference_of_keys_is_the_table() -> None:
    written = (DOCS / "keys.md").read_text()
    assert written == keys_markdown(), "python -m tests.pictures keys"


def test_the_table_of_actions_in_the_documents_is_their_declarations() -> None:
    page = (DOCS / "actions.md").read_text()
    assert page == with_actions(page), "python -m tests.pictures keys"

"""The form for a vLLM server: input becomes a request, and errors are shown next to the row at once."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from actions.kinds.local_restart import LocalRestart
from actions.kinds.local_up import LocalUp
from actions.planning.plan import Plan
from actions.request import LOCAL, LOCAL_SERVER, Request, Target
from console.commands.command import ScreenId
from console.screens.local.form import LaunchForm
from console.session.failure import SessionError
from console.views.local.form import Form, filled_in, new, preset_chosen, read, restarted
from fleet.local.same_as_pod import Difference, Same
from fleet.local.spec import LaunchSpec, serve_arguments
from tests.console.screens.desk import SIZES, Desk, desk
from tests.console.screens.scripted import ScriptedServers, ScriptedSession, make_server
from tests.console.screens.worst import WORST
from tests.fleets import make_snapshot
from tests.waiting import PATIENCE

FULL = LaunchSpec(
    "full",
    "org/full",
    port=8001,
    host="0.0.0.0",
    served_model_name=("a", "b c"),
    revision="main",
    tensor_parallel_size=2,
    pipeline_parallel_size=3,
    gpu_memory_utilization=0.85,
    max_model_len=4096,
    max_num_seqs=32,
    quantization="fp8",
    kv_cache_dtype="fp8_e4m3",
    dtype="bfloat16",
    enable_prefix_caching=False,
    env={"LOG_FORMAT": "b c", "HF_HOME": "/x"},
    extra=("--swap-space", "4", "--chat-template", "a b.jinja"),
    hub=True,
)


def machine(**values: object) -> ScriptedSession:
    """A machine with one server, ``tiny``, on port 8000."""
    return ScriptedSession(here=ScriptedServers(servers=(make_server("tiny"),), **values))  # type: ignore[arg-type]


def blank() -> Form:
    return new(machine().here, "")


def problems(values: Mapping[str, str], form: Form | None = None) -> Mapping[str, str]:
    return read(form or blank(), {"model": "org/x", **values}).problems


async def open_form(d: Desk, model: str = "") -> LaunchForm:
    await d.press("m", "n") if not model else await d.command(f"up {model}")
    assert isinstance(d.screen, LaunchForm)
    return d.screen


def row(d: Desk, label: str) -> str:
    return d.line_with(f"   {label} ")


# what is read


def test_every_field_of_a_spec_comes_back_as_it_was() -> None:
    assert read(blank(), filled_in(FULL)).spec == FULL
    assert not read(blank(), filled_in(FULL)).problems


def test_what_is_left_empty_is_left_to_vllm() -> None:
    spec = read(blank(), {"model": "org/Some-Model"}).spec
    assert spec == LaunchSpec("some-model", "org/Some-Model", port=8001)
    assert serve_arguments(spec) == ("serve", "org/Some-Model", "--host", "127.0.0.1", "--port", "8001")


@pytest.mark.parametrize(
    ("key", "typed", "words"),
    [
        ("model", "", "which model?"),
        ("port", "80a", "a number from 1 to 65535"),
        ("port", "0", "a number from 1 to 65535"),
        ("port", "65536", "a number from 1 to 65535"),
        ("port", "8000", "tiny already listens there"),
        ("name", "tiny", "a server of this name exists"),
        ("name", "../x", "letters, digits, dots and dashes"),
        ("host", "http://x", "an address or a host name"),
        ("tensor_parallel_size", "0", "a whole number of at least 1"),
        ("tensor_parallel_size", "two", "a whole number of at least 1"),
        ("max_num_seqs", "-1", "a whole number of at least 1"),
        ("gpu_memory_utilization", "90", "a share of the memory"),
        ("gpu_memory_utilization", "nan", "a share of the memory"),
        ("max_model_len", "long", "a number of tokens"),
        ("env", "A=1 B", "'B': NAME=value is wanted"),
        ("env", "1A=2", "NAME=value is wanted"),
        ("env", "A='1", "a quotation mark is not closed"),
        ("extra", "swap-space 4", "is not an argument"),
        ("extra", "--port 80", "--port has its own line: port"),
        ("extra", "--max_model_len=80", "--max-model-len has its own line: context length"),
        ("extra", "-tp 2", "-tp has its own line"),
        ("extra", "--api-key=abc", "never on a command line"),
    ],
)
def test_what_is_wrong_is_said(key: str, typed: str, words: str) -> None:
    found = problems({key: typed})
    assert set(found) == {key}
    assert words in found[key]


@pytest.mark.parametrize(("typed", "tokens"), [("8192", 8192), ("32K", 32768), ("32k", 32000), ("1.5k", 1500)])
def test_lengths_are_read_as_vllm_reads_them(typed: str, tokens: int) -> None:
    assert read(blank(), {"model": "x", "max_model_len": typed}).spec.max_model_len == tokens


def test_an_address_that_others_reach_and_the_hub_are_remarked_on() -> None:
    remarks = read(blank(), {"model": "x", "host": "0.0.0.0", "hub": "on"}).remarks
    assert "key" in remarks["host"]
    assert "hub" in remarks["hub"]


def test_a_dead_server_does_not_hold_its_port() -> None:
    from fleet.local.server import Phase

    here = ScriptedServers(servers=(make_server("gone", Phase.DEAD),))
    assert not read(new(here, "x"), {"model": "x", "port": "8000"}).problems


def test_a_preset_fills_the_form_and_keeps_the_port_that_is_free() -> None:
    here = ScriptedServers(presets={"full": FULL})
    form = preset_chosen(new(here, "org/other"), "full")
    assert read(form, form.values).spec == FULL
    assert new(here, "full").chosen == "full"


def test_a_secret_of_a_preset_is_not_shown_and_goes_to_the_server_all_the_same() -> None:
    env = {"HF_TOKEN": "hf_" + "a" * 34, "OMP_NUM_THREADS": "4"}
    here = ScriptedServers(presets={"mine": LaunchSpec("mine", "org/x", port=0, env=env)})
    form = new(here, "mine")
    assert form.values["env"] == "'HF_TOKEN=[redacted]' OMP_NUM_THREADS=4"
    assert read(form, form.values).spec.env == env
    assert read(form, {**form.values, "env": "HF_TOKEN=other"}).spec.env == {"HF_TOKEN": "other"}


def test_a_preset_that_takes_from_a_variable_that_is_not_set_is_wrong_until_it_is_given() -> None:
    here = ScriptedServers(
        presets={"mine": LaunchSpec("mine", "org/x", port=9000), "other": FULL}, absent={"mine": {"HF_TOKEN": "TOKEN"}}
    )
    form = new(here, "mine")
    assert read(form, form.values).problems == {"env": "HF_TOKEN comes from TOKEN, which is not set"}
    assert not read(form, {**form.values, "env": "HF_TOKEN=x"}).problems
    other = preset_chosen(form, "other")
    assert not read(other, other.values).problems


def test_a_preset_whose_name_is_taken_gets_another_and_its_own_port() -> None:
    here = ScriptedServers(servers=(make_server("tiny"),), presets={"tiny": LaunchSpec("tiny", "org/x", port=9000)})
    spec = read(new(here, "tiny"), new(here, "tiny").values).spec
    assert (spec.name, spec.port) == ("tiny-2", 9000)


def test_a_server_that_is_started_again_says_what_it_was() -> None:
    here = ScriptedServers(servers=(make_server("tiny", spec={"max_model_len": 2048}),))
    form = restarted(here, here.servers[0])
    assert "name" not in [row.key for row in form.rows]
    assert read(form, form.values).spec == here.servers[0].record.spec
    changed = read(form, {**form.values, "max_model_len": "4096", "dtype": "half"})
    assert changed.remarks == {"max_model_len": "was 2048", "dtype": "was not set"}
    assert not changed.problems
    assert changed.spec.name == "tiny"


# from the keyboard


@SIZES
async def test_a_model_is_typed_and_planned(size: tuple[int, int]) -> None:
    async with desk(make_snapshot(), size=size, session=machine()) as d:
        await open_form(d)
        await d.type("org/Tiny")
        assert "tiny-2" in row(d, "name")
        assert "8001" in row(d, "port")
        assert "$ vllm serve org/Tiny --host 127.0.0.1 --port 8001" in d.text
        for _ in range(6):
            await d.press("tab")
        await d.type("two")
        assert "a whole number of at least 1" in row(d, "tensor parallel")
        await d.press("ctrl+s")
        assert d.screen.where is ScreenId.FORM
        assert d.screen.message_text == "a whole number of at least 1"
        await d.press("backspace", "backspace", "backspace", "2", "ctrl+s")
        await d.until(lambda: d.screen.where is ScreenId.PLAN)
        spec = LaunchSpec("tiny-2", "org/Tiny", port=8001, tensor_parallel_size=2)
        assert d.session.acts.asked == [("plan", LocalUp(Target(LOCAL_SERVER, LOCAL, "tiny-2"), spec))]


async def test_keys_that_a_line_takes_for_text_are_not_offered_while_it_is_typed_into() -> None:
    async with desk(make_snapshot(), session=machine()) as d:
        await d.press("m")
        assert "? help" in d.line_with("esc back")
        await open_form(d, "org/x")
        assert d.line_with("esc back").split() == ["ctrl-s", "plan", "it", "esc", "back"]
        await d.press("colon", "question_mark")
        assert "org/x:?" in row(d, "model")
        await d.press("backspace", "backspace", "ctrl+s")
        await d.until(lambda: d.screen.where is ScreenId.PLAN)
        assert "? help" in d.line_with("esc back")
        await d.press("shift+tab")
        assert "? help" not in d.line_with("esc back")
        await d.press("escape")
        assert "? help" in d.line_with("esc back")


@SIZES
async def test_rows_are_gone_through_with_the_arrows_and_choices_with_left_right_and_letters(
    size: tuple[int, int],
) -> None:
    async with desk(make_snapshot(), size=size, session=machine()) as d:
        form = await open_form(d, "org/x")
        await d.press("up")
        assert form.rows["model"].typing
        for _ in range(12):
            await d.press("down")
        assert form.rows["kv_cache_dtype"].typing
        await d.press("right", "right")
        assert form.values["kv_cache_dtype"] == "fp8"
        await d.press("left", "left", "left")
        assert form.values["kv_cache_dtype"] == "fp8_e5m2"
        await d.press("a")
        assert "auto" in row(d, "KV cache type")
        await d.press("q")
        assert d.screen is form
        for _ in range(10):
            await d.press("down")
        assert form.rows["verify"].typing
        assert "checksums" in d.text
        await d.press("o", "enter")
        await d.until(lambda: d.screen.where is ScreenId.PLAN)
        ((_, request),) = d.session.acts.asked
        assert isinstance(request, LocalUp)
        assert request.verify
        assert request.spec.kv_cache_dtype == "auto"


async def test_the_plan_goes_back_to_the_form_and_the_action_leaves_it_behind() -> None:
    async with desk(make_snapshot(), session=machine()) as d:
        form = await open_form(d, "org/x")
        await d.press("ctrl+s")
        await d.until(lambda: d.screen.where is ScreenId.PLAN and "permission" in d.text)
        await d.press("escape")
        assert d.screen is form
        assert "org/x" in row(d, "model")
        await d.press("ctrl+s")
        await d.until(lambda: d.screen.where is ScreenId.PLAN and "permission" in d.text)
        await d.press("tab", "enter")
        await d.until(lambda: d.screen.where is ScreenId.ACTION)
        await d.press("escape")
        assert d.screen.where is ScreenId.FLEET


async def test_while_weights_are_read_the_plan_says_how_far_it_is_and_can_be_left() -> None:
    session, left = machine(), asyncio.Event()
    session.here.reading = (3 << 30, 60 << 30)

    async def never(request: Request) -> Plan:
        try:
            await asyncio.Event().wait()
        finally:
            left.set()
        raise AssertionError(request)

    async with desk(make_snapshot(), session=session) as d:
        form = await open_form(d, "org/x")
        d.session.acts.plan = never  # type: ignore[method-assign]
        await d.press("ctrl+s")
        await d.until(lambda: "weights read for their checksums: 3.0 GiB of 60.0 GiB (5 %)" in d.text)
        session.here.reading = (6 << 30, 60 << 30)
        await d.until(lambda: "(10 %)" in d.text)
        await d.press("escape")
        assert d.screen is form
        async with asyncio.timeout(PATIENCE):
            await left.wait()


async def test_presets_come_first_and_fill_the_rows() -> None:
    async with desk(make_snapshot(), size=(120, 40), session=machine(presets={"full": FULL})) as d:
        form = await open_form(d)
        assert form.rows["preset"].typing
        await d.press("right")
        assert "org/full" in row(d, "model")
        assert "fp8_e4m3" in row(d, "KV cache type")
        await d.press("ctrl+s")
        await d.until(lambda: d.screen.where is ScreenId.PLAN)
        assert d.session.acts.asked == [("plan", LocalUp(Target(LOCAL_SERVER, LOCAL, "full"), FULL))]


async def test_up_with_a_preset_begins_with_it() -> None:
    async with desk(make_snapshot(), session=machine(presets={"full": FULL})) as d:
        form = await open_form(d, "full")
        assert form.values["model"] == "org/full"


async def test_a_restart_names_the_server_by_its_id_and_shows_what_was() -> None:
    async with desk(make_snapshot(), session=machine()) as d:
        await d.press("m", "r")
        form = d.screen
        assert isinstance(form, LaunchForm)
        assert "Restart tiny" in d.text
        form.rows["max_model_len"].take_focus()
        await d.type("2048")
        assert "was not set" in row(d, "context length")
        await d.press("ctrl+s")
        await d.until(lambda: d.screen.where is ScreenId.PLAN)
        spec = LaunchSpec("tiny", "org/tiny-model", port=8000, max_model_len=2048)
        assert d.session.acts.asked == [("plan", LocalRestart(Target(LOCAL_SERVER, LOCAL, "tiny", "id-tiny"), spec))]


@SIZES
async def test_what_a_pod_runs_is_filled_in_with_what_has_to_differ(size: tuple[int, int]) -> None:
    differences = (
        Difference("host", "0.0.0.0", "127.0.0.1", "a pod is reached from outside, a server from this machine"),
        Difference("tensor parallel", "8", "1", "this machine has 1 GPU"),
    )
    session = machine(copied=Same(LaunchSpec("", "org/big", port=8001, max_model_len=4096), differences))
    snapshot = make_snapshot()
    pod = snapshot.pods_of[WORST][0]
    async with desk(snapshot, size=size, session=session) as d:
        d.grid.move_to(pod)
        await d.press("equals_sign")
        await d.until(lambda: isinstance(d.screen, LaunchForm))
        assert session.here.asked[-1] == ("same", pod)
        assert f"Start on this machine with the settings of {snapshot.pods[pod].name} runs" in d.text
        assert "0.0.0.0 → 127.0.0.1" in d.line_with("   host ")
        assert "this machine has 1 GPU" in d.text
        assert "org/big" in row(d, "model")
        await d.press("ctrl+s")
        await d.until(lambda: d.screen.where is ScreenId.PLAN)
        ((_, request),) = session.acts.asked
        assert isinstance(request, LocalUp)
        assert request.spec == LaunchSpec("big", "org/big", port=8001, max_model_len=4096)


async def test_what_cannot_be_copied_says_why() -> None:
    session = machine(fails=SessionError("chat runs SGLang: only vLLM can be started here"))
    async with desk(make_snapshot(), session=session) as d:
        await d.command("up same")
        await d.until(lambda: d.screen.message_text == "chat runs SGLang: only vLLM can be started here")
        assert d.screen.where is ScreenId.FLEET


async def test_the_same_as_nothing_says_so() -> None:
    async with desk(make_snapshot(), session=machine()) as d:
        await d.press("m")
        await d.command("up same")
        assert "there is no pod under the cursor" in d.screen.message_text


async def test_escape_leaves() -> None:
    async with desk(make_snapshot(), session=machine()) as d:
        await open_form(d)
        await d.press("down", "escape")
        assert d.screen.where is ScreenId.LOCAL


async def test_what_a_server_was_started_with_does_nothing_to_the_screen() -> None:
    spec = {"model": "a\x1b[31m\x07b", "kv_cache_dtype": "\x1b]0;title\x07fp9"}
    here = ScriptedServers(servers=(make_server("tiny", spec=spec),))
    async with desk(make_snapshot(), session=ScriptedSession(here=here)) as d:
        await d.press("m", "r")
        assert row(d, "model").split()[:2] == ["model", "ab"]
        assert row(d, "KV cache type").split()[:4] == ["KV", "cache", "type", "fp9"]
        written = "".join(d.app.written)
        assert "\x1b]0;title" not in written
        assert "\x1b[31m" not in written


def test_rows_are_fields_of_a_spec() -> None:
    assert {entry.key for entry in blank().rows} <= {*LaunchSpec.__dataclass_fields__, "verify"}

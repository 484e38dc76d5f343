"""A row more in the table of vLLM's arguments is a flag, a row of the form, a key of presets, and words of a start.

The row is added in a process of its own, before anything else is imported: all else is made from the table.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from fleet.local import vllm_arguments
from fleet.local.vllm_arguments import COUNT, SWITCH, VllmArgument

ROOT = Path(__file__).parents[3]
ROWS = (
    VllmArgument(
        name="mood_swings",
        kind=COUNT,
        label="mood swings",
        help="how many moods it has",
        metavar="N",
        short=("-ms",),
        about="Moods that it has. 0: vLLM's own.",
        most=9,
    ),
    VllmArgument(name="sing_along", kind=SWITCH, label="singing", help="sing", about="Not set: vLLM's own."),
)
PRESET = """
[local.presets.merry]
model = "org/m"
mood_swings = 3
sing_along = false
"""


def with_rows() -> dict[str, Any]:
    """Return the contents of all affected places once the rows exist."""
    vllm_arguments.ARGUMENTS += ROWS

    from actions.kinds.local_restart import LocalRestart
    from actions.kinds.local_up import LocalUp
    from actions.local.checks.arguments import check_extra
    from actions.request import LOCAL, LOCAL_SERVER, Target, expect
    from console.cli.local.server_request import with_flags
    from console.cli.parser import parse
    from console.config.docs import lines
    from console.config.load import load
    from console.config.problem import ConfigError
    from console.session.local.presets import presets
    from console.views.local.form import Form, filled_in, read
    from fleet.local.arguments import parse_arguments
    from fleet.local.spec import LaunchSpec, serve_arguments, value_of, with_values
    from tests.local.fakes import a_box

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "config.toml"
        file.write_text(PRESET)
        merry = presets(load({}, file=file).settings, {})["merry"]
        file.write_text(PRESET.replace("= 3", "= 30"))
        refused = ""
        try:
            load({}, file=file)
        except ConfigError as error:
            refused = str(error)

        options = parse("quarterdeck", ["local", "up", "org/m", "-ms", "4", "--sing-along"])
        flagged = with_flags(LaunchSpec("tiny", "org/m"), options, None)
        form = Form("", LaunchSpec("", ""), {})
        typed = read(form, {"model": "org/m", "mood_swings": "5", "sing_along": "off"})
        wrong = read(form, {"model": "org/m", "mood_swings": "many"})

        async def start() -> tuple[list[str], dict[str, Any], list[str], list[str], dict[str, Any]]:
            async with a_box(Path(folder) / "box") as box:
                spec = with_values(box.spec(), {"mood_swings": 6, "sing_along": True})
                _, outcome = await box.carried_out(box.up(spec))
                assert outcome.ok, outcome.text
                record = (await box.server()).record
                changed = with_values(record.spec, {"mood_swings": 0})
                request = LocalRestart(Target(LOCAL_SERVER, LOCAL, "tiny"), changed)
                plan = await box.runner().executor.plan(request)
                changes = [f"{change.what}: {change.before} to {change.after}" for change in plan.changes]
                await box.carried_out(box.down())
                older = box.spec(extra=("--mood-swings", "2", "--other", "x"))
                spec = expect((await box.runner().executor.plan(box.up(older))).request, LocalUp).spec
                lifted = {**spec.more, "extra": spec.extra}
                return list(record.argv), dict(record.spec.more), changes, plan.diff.splitlines(), lifted

        argv, recorded, changes, diff, lifted = asyncio.run(start())
        check = check_extra(("--mood-swings", "1"))
        return {
            "preset": dict(merry.more),
            "preset refused": refused,
            "flag": dict(flagged.more),
            "rows": [row.label for row in form.rows],
            "typed": list(serve_arguments(typed.spec)),
            "wrong": wrong.problems["mood_swings"],
            "filled": filled_in(merry)["mood_swings"],
            "argv": argv,
            "recorded": recorded,
            "changes": changes,
            "diff": diff,
            "lifted": lifted,
            "read back": parse_arguments(["m", "--mood_swings=7", "--no-sing-along", "--other"]),
            "unset": value_of(LaunchSpec("", ""), ROWS[0]),
            "extra": check.text if check is not None else "",
            "docs": [line for line in lines() if "mood_swings" in line],
        }


@pytest.fixture(scope="module")
def seen() -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.console.local.test_another_argument"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=110)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_it_is_a_flag_and_a_key_of_presets(seen: dict[str, Any]) -> None:
    assert seen["flag"] == {"mood_swings": 4, "sing_along": True}
    assert seen["preset"] == {"mood_swings": 3, "sing_along": False}
    assert "30 is out of range" in seen["preset refused"]
    assert seen["docs"] == ["| `mood_swings` | whole number | `0` | Moods that it has. 0: vLLM's own. 0 to 9. |"]


def test_it_is_a_row_of_the_form(seen: dict[str, Any]) -> None:
    assert seen["rows"].index("singing") == seen["rows"].index("mood swings") + 1 == seen["rows"].index("variables") - 1
    assert seen["typed"][-3:] == ["--mood-swings", "5", "--no-sing-along"]
    assert seen["wrong"] == "a whole number of at least 1"
    assert seen["filled"] == "3"


def test_it_is_started_written_down_and_changed(seen: dict[str, Any]) -> None:
    at = seen["argv"].index("--mood-swings")
    assert seen["argv"][at : at + 3] == ["--mood-swings", "6", "--sing-along"]
    assert seen["recorded"] == {"mood_swings": 6, "sing_along": True}
    assert seen["changes"] == ["mood swings: 6 to vLLM's own"]
    assert "---mood-swings 6" in seen["diff"]


def test_who_had_it_among_the_other_arguments_before_goes_on(seen: dict[str, Any]) -> None:
    assert seen["lifted"] == {"mood_swings": 2, "extra": ["--other", "x"]}


def test_it_is_read_from_what_a_pod_was_started_with(seen: dict[str, Any]) -> None:
    assert seen["read back"] == [{"model": "m", "mood_swings": 7, "sing_along": False}, ["--other"]]
    assert seen["unset"] == 0
    assert "quarterdeck has its own flag for mood swings" in seen["extra"]


if __name__ == "__main__":
    print(json.dumps(with_rows()))

"""A new action on the servers on this machine: one module and one line, and the command line has it.

The module is the first part of this file, the line is in ``register``; the commands are processes of their own, in
which the line is there from the start.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from actions import catalogue
from actions.planning.plan import Change, Plan, Step
from actions.request import LOCAL_SERVER, Request
from actions.running.progress import Outcome, Result
from actions.spec import ActionSpec, Argument, no_permissions
from console import main as program
from fleet.dataclass import dataclass
from tests import prefork
from tests.console.local.test_cli import Machine, machine

if TYPE_CHECKING:
    from actions.local.context import LocalContext, LocalExecution


@dataclass(frozen=True, slots=True)
class Label(Request):
    """Stick a label on a server."""

    kind: ClassVar[str] = "local-label"
    text: str = "mine"


class LabelAction:
    async def plan(self, request: Request, context: LocalContext) -> Plan:
        from actions.local.start import server_named

        assert isinstance(request, Label)
        state = await server_named(context.machine, request.target.name, request.target.uid)
        return Plan(
            request=request,
            scope=context.scope,
            title=f"Label {state.name}",
            made_at=context.now(),
            steps=(Step("stick it on", str(Path(state.record.folder) / "label")),),
            checks=(),
            changes=(Change("label", "", request.text),),
        )

    async def execute(self, plan: Plan, execution: LocalExecution) -> Outcome:
        assert isinstance(plan.request, Label)
        execution.step(0)
        await asyncio.to_thread(Path(plan.steps[0].detail).write_text, plan.request.text)
        return Outcome(Result.CONVERGED, "it sticks")


LABEL = ActionSpec(
    request=Label,
    action=LabelAction,
    title="Label it",
    about="Stick a label on servers, for whoever looks next.",
    done="labelled",
    sends="nothing to a cluster: it writes a file",
    objects=(LOCAL_SERVER,),
    each=True,
    permissions=no_permissions,
    arguments=(Argument("text", "--text", metavar="TEXT", help="what it says (mine)"),),
    target_metavar="SERVER",
)


# Up to here the module; what follows looks for it.

ROOT = Path(__file__).parents[3]
__all__ = ["machine"]


def register() -> None:
    """The line in the catalogue."""
    line = catalogue.CatalogueEntry("local-label", f"{__name__}:LABEL", "local label", "who a server is of")
    catalogue.KINDS = (*catalogue.KINDS, line)


def main() -> int:
    """Run a Quarterdeck that has the action; return its exit code."""
    register()
    return program.main(sys.argv[1:])


def quarterdeck(*words: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """The command line of a Quarterdeck that has the action."""
    return prefork.quarterdeck(*words, env=env or os.environ | {"COLUMNS": "120"}, module=__name__)


def test_help_and_usage_have_it_and_its_flags() -> None:
    assert "\n  local label         who a server is of\n" in quarterdeck("--help").stdout
    listed = quarterdeck("local", "--help").stdout
    assert "label Stick a label on servers, for whoever looks next." in " ".join(listed.split())
    own = quarterdeck("local", "label", "--help").stdout
    assert own.startswith("usage: quarterdeck local label [SERVER ...] [flags]")
    assert all(flag in own for flag in ("--all", "--text TEXT", "--dry-run"))
    assert "what it says (mine)" in own
    assert "--detach" not in own, "it starts no server"
    assert "did you mean label?" in quarterdeck("local", "labell").stderr
    wrong = quarterdeck("local", "label", "a", "--texd", "x")
    assert (wrong.returncode, "did you mean --text?" in wrong.stderr) == (2, True)
    behind = quarterdeck("local", "label", "a", "--", "--enforce-eager")
    assert (behind.returncode, "no arguments are accepted after -- here" in behind.stderr) == (2, True)


def test_it_is_refused_in_read_only_mode_and_done_otherwise(machine: Machine) -> None:
    for name in ("a", "b"):
        machine.start(name, dies=True)
    refused = quarterdeck("local", "label", "a", "--read-only", env=machine.environ)
    assert refused.returncode == 4
    assert refused.stderr.startswith("quarterdeck: local label was refused: ")
    nobody = quarterdeck("local", "label", "c", "--yes", env=machine.environ)
    assert (nobody.returncode, "there is no server c on this machine" in nobody.stderr) == (2, True)

    done = quarterdeck("local", "label", "--all", "--text", "ours", "--yes", env=machine.environ)
    assert done.returncode == 0, done.stderr
    assert [(machine.servers / name / "label").read_text() for name in ("a", "b")] == ["ours", "ours"]
    recorded = quarterdeck("audit", "show", "--json", env=machine.environ).stdout
    kinds = [json.dumps(action["records"][0]) for action in json.loads(recorded)["actions"]]
    assert len(kinds) == 2
    assert all('"local-label"' in kind for kind in kinds)

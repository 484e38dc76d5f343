"""A new action: one module and one line, and it appears everywhere.

The module is the first half of this file, the line is in ``register``; what is made from the catalogue is made in
processes of their own, in which the line is there from the start, as it is for every action.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from actions import catalogue
from actions.permissions import Permission, TargetResource
from actions.planning.plan import MERGE, Change, Mutation, Plan, Step, Undo
from actions.request import Request, Target
from actions.running.progress import Outcome, Result
from actions.spec import BY_NAME, ActionSpec, Argument, Inline, UsageError, Values, patch
from fleet.dataclass import dataclass
from fleet.model.objects import ObjectRef
from fleet.model.snapshot import Snapshot
from tests import prefork

if TYPE_CHECKING:
    from actions.planning.plan_context import ClusterContext
    from actions.running.execution_context import ClusterExecution
    from tests.simulator.api_process import Process

NOTE = "example.org/note"


@dataclass(frozen=True, slots=True)
class Annotate(Request):
    """Leave a note on a workload for those who look at it next."""

    kind: ClassVar[str] = "annotate"
    note: str


class AnnotateAction:
    async def plan(self, request: Request, context: ClusterContext) -> Plan:
        from actions.checks.server import check_server

        assert isinstance(request, Annotate)
        target = request.target
        obj = await context.reads.get_raw(target.kind, target.namespace, target.name)
        before = (obj["metadata"].get("annotations") or {}).get(NOTE, "")
        body = {
            "metadata": {
                "resourceVersion": obj["metadata"]["resourceVersion"],
                "annotations": {NOTE: request.note},
            }
        }
        path = await context.reads.path_of(target.kind, target.namespace, target.name)
        mutation = Mutation("PATCH", path, body, MERGE, about="leave the note")
        return Plan(
            request=request,
            scope=context.scope,
            title=f"Annotate {target.name}",
            made_at=context.now(),
            steps=(Step("leave the note", NOTE, (mutation,)),),
            checks=(await check_server(mutation, context),),
            changes=(Change("note", before, request.note),),
            undo=Undo("put the note back that was there", Annotate(target, before)),
        )

    async def execute(self, plan: Plan, execution: ClusterExecution) -> Outcome:
        execution.step(0)
        (mutation,) = plan.steps[0].mutations
        await execution.send(mutation)
        return Outcome(Result.CONVERGED, "the note is there")


def _permissions(resource: TargetResource) -> tuple[Permission, ...]:
    return (*patch(resource), Permission("get", "", "configmaps"))


def _read_by_somebody(snapshot: Snapshot, target: ObjectRef) -> str | None:
    workload = snapshot.workloads[f"{target.namespace}/{target.kind}/{target.name}"]
    return "it has no replicas to read the note" if workload.desired == 0 else None


def _build(values: Values, targets: tuple[Target, ...]) -> Annotate:
    if not values.get("note"):
        raise UsageError("say what to note: annotate deployment/chat 'being looked at'")
    return Annotate(targets[0], " ".join(filter(None, (values["note"], values.get("sign")))))


ANNOTATE = ActionSpec(
    request=Annotate,
    action=AnnotateAction,
    title="Annotate: leave a note on the workload",
    about="Leave a note on a workload for those who look at it next.",
    done="annotated",
    sends="PATCH of one annotation",
    workloads=lambda kind: kind.restartable,
    available=_read_by_somebody,
    permissions=_permissions,
    reads=(Permission("list", "example.org", "notes"),),
    arguments=(
        Argument("note", metavar="NOTE", help="what it says"),
        Argument("sign", "--sign", metavar="NAME", help="who says it"),
    ),
    build=_build,
    target_help=BY_NAME,
    inline=Inline("note", "NOTE", "the note"),
    names=("annotate", "note"),
    keys=("f6",),
    hint="annotate",
)


# Up to here the module; what follows looks for it.


def register() -> None:
    """The line in the catalogue."""
    line = catalogue.CatalogueEntry("annotate", f"{__name__}:ANNOTATE", "annotate", "leave a note on a workload")
    catalogue.KINDS = (*catalogue.KINDS, line)


ROOT = Path(__file__).parents[2]
HERE = "tests.console.test_new_action"


def python(code: str, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", f"import sys, {HERE} as new; new.register(); {code}", *words],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        cwd=ROOT,
        env=dict(os.environ) | environ,
    )


def quarterdeck(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """The command line of a Quarterdeck that has the action."""
    return python("from console.main import main; sys.exit(main(sys.argv[1:]))", *words, **environ)


def test_the_help_of_the_command_line_has_it_and_its_flags() -> None:
    output = quarterdeck("--help").stdout
    assert "\n  annotate            leave a note on a workload\n" in output
    own = quarterdeck("annotate", "--help").stdout
    assert "--sign NAME" in own
    assert "TARGET [NOTE]" in own
    assert "Leave a note on a workload for those who look at it next." in " ".join(own.split())
    assert "--dry-run" in own
    assert "did you mean annotate?" in quarterdeck("anotate").stderr
    wrong = quarterdeck("annotate", "x", "--sing", "me")
    assert (wrong.returncode, "did you mean --sign?" in wrong.stderr) == (2, True)


def test_an_auditor_is_refused_and_the_roles_know_the_difference() -> None:
    refused = quarterdeck("annotate", "deployment/chat", "hello", "--read-only")
    assert refused.returncode == 4
    assert refused.stderr.startswith("quarterdeck: annotate was refused: ")
    oncall, auditor = (quarterdeck("rbac", role).stdout for role in ("oncall", "auditor"))
    assert "resources: [configmaps]\n  verbs: [get]" in oncall
    assert "apiGroups: [example.org]\n  resources: [notes]\n  verbs: [list]" in oncall
    assert "configmaps" not in auditor
    assert "notes" not in auditor


DOCUMENTS = """
from pathlib import Path
from console.commands.reference import keys_markdown, with_actions
print(keys_markdown(), with_actions(Path("docs/actions.md").read_text()))
"""


def test_the_documents_that_are_written_have_it() -> None:
    written = python(f"exec({DOCUMENTS!r})").stdout
    assert "| `f6` | `:annotate NOTE` `:note` | Annotate: leave a note on the workload |" in written
    assert "| `f6` | `annotate TARGET [NOTE] [--sign NAME]` | Leave a note on a workload" in written


async def on_the_screens() -> None:
    """Key bar, key, help, palette, command line, an identity that may not, and read-only mode."""
    from textual.command import CommandPalette
    from textual.widgets import OptionList

    from console.config.options import Options
    from tests.console.screens.desk import desk
    from tests.console.screens.scripted import ScriptedSession
    from tests.fleets import make_snapshot

    async with desk(make_snapshot(), size=(160, 140)) as d:
        assert "f6 annotate" in d.lines[-1]
        await d.press("f6")
        assert d.screen.message_text == "say what to note: annotate deployment/chat 'being looked at'"
        await d.press("question_mark")
        assert d.line_with("Annotate").split()[:2] == ["f6", "Annotate"]
        await d.press("escape", "ctrl+p", *"annot")
        assert isinstance(d.app.screen, CommandPalette)
        options = d.app.screen.query_one(OptionList)
        await d.until(lambda: any("leave a note" in str(option.prompt) for option in options.options))
        await d.press("escape")
        await d.command("annotate being looked at")
        ((_, request),) = d.session.acts.asked
        assert isinstance(request, Annotate)
        assert (request.note, request.target.kind, bool(request.target.uid)) == ("being looked at", "Deployment", True)

    session = ScriptedSession()
    session.acts.forbidden = {"annotate": "you may not get configmaps in serving"}
    async with desk(make_snapshot(), size=(160, 50), session=session) as d:
        assert "f6 annotate" not in d.lines[-1]
        await d.command("annotate x")
        assert d.screen.message_text == "Annotate: you may not get configmaps in serving"
        assert session.acts.asked == []

    async with desk(make_snapshot(), size=(160, 50), options=Options(read_only=True)) as d:
        assert "annotate" not in d.lines[-1]
        await d.command("annotate x")
        assert d.screen.message_text == "Annotate: not in read-only mode"
        await d.press("f6")
        assert d.screen.message_text == "in read-only mode nothing is annotated"
        await d.press("question_mark")
        assert "Annotate" not in d.text


def test_the_screens_have_it() -> None:
    done = python("import asyncio; asyncio.run(new.on_the_screens())")
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def fleet() -> Iterator[Process]:
    from tests.simulator.api_process import simulator

    with simulator("--scenario", "steady", "--pods", "12", "--seed", "7") as process:
        yield process


def test_it_is_planned_done_recorded_and_taken_back(fleet: Process, tmp_path: Path) -> None:
    there = {"KUBECONFIG": str(fleet.kubeconfig), "XDG_STATE_HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    words = ("annotate", "deployment/chat-70b", "look", "--sign", "mia")
    done = quarterdeck(*words, "--yes", "--reason", "INC-7", "--json", **there)
    assert done.returncode == 0, done.stderr
    output = json.loads(done.stdout)
    assert output["outcome"]["result"] == "converged"
    assert output["plan"]["changes"] == [{"what": "note", "before": "", "after": "look mia"}]

    (action,) = recorded(quarterdeck, there)
    assert action["outcome"] == "converged"
    intent = next(record for record in action["records"] if record["event"] == "intent")
    assert '"kind": "annotate"' in json.dumps(intent)
    assert "INC-7" in json.dumps(intent)
    again = quarterdeck(*words, "--dry-run", **there)
    assert "look mia" in again.stdout
    assert "get configmaps" in again.stdout, "a permission that it declares"

    def older(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """A Quarterdeck that does not know the action."""
        return prefork.quarterdeck(*words, env=os.environ | environ)

    assert recorded(older, there) == [action]
    cannot = older("undo", "--yes", **there)
    assert cannot.returncode == 2
    assert "'annotate' is not an action known to this version" in cannot.stderr

    back = quarterdeck("undo", "--yes", "--json", **there)
    assert back.returncode == 0, back.stderr
    assert json.loads(back.stdout)["plan"]["changes"] == [{"what": "note", "before": "look mia", "after": ""}]


def recorded(command: Callable[..., subprocess.CompletedProcess[str]], there: dict[str, str]) -> list[dict[str, Any]]:
    actions: list[dict[str, Any]] = json.loads(command("audit", "show", "--json", **there).stdout)["actions"]
    return actions

"""A session that says what a test tells it to, with servers on this machine and plans as a test wants them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from actions.planning.plan import MERGE, Change, Check, Mutation, Plan, Scope, Step, Undo, Verdict
from actions.request import Request, Target
from actions.revisions import Revision
from actions.running.action_run import ActionRun
from console.session.context_facts import ContextFacts
from console.session.failure import SessionError
from console.session.local.protocol import LocalServers, OnServersChange, Piece
from console.session.protocol import ActionService, Changed
from fleet.local.benches import Bench
from fleet.local.process import Identity
from fleet.local.record import ServerRecord
from fleet.local.same_as_pod import Same
from fleet.local.server import Phase, ServerState, StartStage
from fleet.local.spec import LaunchSpec, serve_arguments
from fleet.model.alerts import MonitoringRule
from fleet.model.baseline import BaselineQuestion, Baselines
from fleet.model.curve import Curve, CurveQuestion
from fleet.model.listing import Listing
from fleet.model.log_wording import Reason
from fleet.model.objects import ClusterId, ObjectRef, Pod
from fleet.model.snapshot import Snapshot
from fleet.monitoring.faults import Examined
from fleet.timeline.kinship import Kinship
from fleet.timeline.timeline import Timeline
from widgets.log_buffer import LogLine


@dataclass
class ScriptedSession:
    """A session without sources. Requests are in ``asked``; ``fails`` makes the next answers errors."""

    context: str = "prod-eu1"
    namespace: str = ""
    texts: Mapping[str, str] = field(default_factory=dict)
    happened: Timeline = field(default_factory=lambda: Timeline(0.0, 0.0, (), Kinship()))
    curves: Callable[[CurveQuestion], Curve] = lambda question: rising(question)
    """The answers of a metrics store; ``lacks_store`` is raised where there is none."""
    lacks_store: SessionError | None = None
    listings: Mapping[str, Listing] = field(default_factory=dict)
    usual: Baselines = field(default_factory=Baselines)
    examined: Examined = field(default_factory=lambda: Examined(0.0, ()))
    log_lines: tuple[str | LogLine, ...] = ()
    fails: SessionError | None = None
    asked: list[tuple[object, ...]] = field(default_factory=list)
    focused: list[frozenset[str]] = field(default_factory=list)
    deliver: Callable[[Snapshot], None] | None = None
    closed: bool = False
    now: float = field(default_factory=time.time)
    more: asyncio.Queue[str | None] = field(default_factory=asyncio.Queue)
    acts: ScriptedActing = field(default_factory=lambda: ScriptedActing())
    acted: int = 0
    """Number of requests for something that acts."""
    here: ScriptedServers = field(default_factory=lambda: ScriptedServers())

    def start(self, deliver: Callable[[Snapshot], None]) -> None:
        self.deliver = deliver

    async def close(self) -> None:
        self.closed = True

    def focus(self, pods: frozenset[str]) -> None:
        self.focused.append(pods)

    def refresh(self) -> None:
        self.asked.append(("refresh",))

    def contexts(self) -> tuple[str, ...]:
        return ("prod-eu1", "staging")

    def about_contexts(self) -> dict[str, ContextFacts]:
        return {"prod-eu1": ContextFacts("https://eu1:6443", "oncall", "serving")}

    async def namespaces(self) -> tuple[str, ...]:
        self._may_fail()
        return ("batch", "serving")

    async def switch(self, *, context: str | None = None, namespace: str | None = None) -> None:
        self.asked.append(("switch", context, namespace))
        self._may_fail()
        self.context = self.context if context is None else context
        self.namespace = self.namespace if namespace is None else namespace

    async def travel(self, at: float | None) -> None:
        self.asked.append(("travel", at))
        self._may_fail()

    async def describe(self, ref: ObjectRef) -> str:
        self.asked.append(("describe", ref))
        self._may_fail()
        return self.texts.get("describe", f"Name: {ref.name}")

    async def yaml(self, ref: ObjectRef) -> str:
        self.asked.append(("yaml", ref))
        self._may_fail()
        return self.texts.get("yaml", f"kind: {ref.kind}")

    async def listing(self, cluster: ClusterId, name: str, namespace: str) -> Listing:
        del cluster
        self.asked.append(("listing", name, namespace))
        self._may_fail()
        if name not in self.listings:
            raise SessionError(f"this server has no resource {name!r}")
        return self.listings[name]

    async def monitoring(self, cluster: ClusterId, rules: Sequence[MonitoringRule]) -> Examined:
        self.asked.append(("monitoring", cluster, tuple(rules)))
        self._may_fail()
        return self.examined

    async def timeline(self, of: ObjectRef | ClusterId, since: float) -> Timeline:
        self.asked.append(("timeline", of, since))
        self._may_fail()
        return self.happened

    async def curve(self, question: CurveQuestion) -> Curve:
        self.asked.append(("curve", question))
        self._may_fail()
        if self.lacks_store is not None:
            raise self.lacks_store
        return self.curves(question)

    async def baselines(self, question: BaselineQuestion) -> Baselines:
        self.asked.append(("baselines", question))
        self._may_fail()
        if self.lacks_store is not None:
            raise self.lacks_store
        return self.usual

    async def logs(
        self, pod: ObjectRef, container: str, *, follow: bool, previous: bool, tail: int, since: int
    ) -> AsyncIterator[LogLine]:
        self.asked.append(("logs", pod, container, follow, previous, since))
        self._may_fail()
        for line in self.log_lines[-tail:]:
            yield line if isinstance(line, LogLine) else LogLine(line)
        while follow and (line_or_end := await self.more.get()) is not None:
            yield LogLine(line_or_end)

    def actions(self, changed: Changed) -> ActionService:
        self.acted += 1
        self.acts.changed = changed
        return self.acts

    def local_servers(self, looked: OnServersChange) -> LocalServers:
        self.here.asked.append(("local_servers",))
        self.here.looked = looked
        return self.here

    def _may_fail(self) -> None:
        if self.fails is not None:
            raise self.fails


def rising(question: CurveQuestion) -> Curve:
    """A curve from 0 to 100, in a band from half of it to twice as much where one is wanted."""
    last = max(1, question.range.points - 1)
    values = tuple(100.0 * i / last for i in range(question.range.points))
    band = (tuple(v / 2 for v in values), tuple(2 * v for v in values)) if question.band else ((), ())
    return Curve(question.quantity, question.range, values, *band)


@dataclass
class ScriptedActing:
    """Actions that reach nothing. Plans come from ``make``; an action proceeds on ``come_on``."""

    make: Callable[[Request], Plan] = lambda request: make_plan(request)
    changed: Changed = lambda _: None
    fails: SessionError | None = None
    found: Sequence[Revision] = ()
    forbidden: Mapping[str, str] = field(default_factory=dict)
    last: Request | None = None
    """The request that undo reverts with."""
    interrupted: Sequence[tuple[str, float]] = ()
    asked: list[tuple[object, ...]] = field(default_factory=list)
    states: dict[str, ActionRun] = field(default_factory=dict)

    async def plan(self, request: Request) -> Plan:
        self.asked.append(("plan", request))
        self._may_fail()
        return self.make(request)

    async def undo(self, *, here: bool = False) -> Plan:
        self.asked.append(("undo", here))
        if self.last is None:
            raise SessionError("nothing was done in this session that could be undone")
        return await self.plan(self.last)

    async def revisions(self, target: Target) -> Sequence[Revision]:
        self.asked.append(("revisions", target))
        self._may_fail()
        return self.found

    async def start(self, plan: Plan, reason: str, confirmation: str) -> ActionRun:
        self.asked.append(("start", plan.id, reason, confirmation))
        self._may_fail()
        self.states[plan.id] = ActionRun(plan, reason, plan.made_at)
        self.changed(self.states[plan.id])
        return self.states[plan.id]

    def stop(self, id: str) -> None:  # noqa: A002 - the run's
        self.asked.append(("stop", id))

    @property
    def action_runs(self) -> tuple[ActionRun, ...]:
        return tuple(reversed(self.states.values()))

    def denied(self, kind: str, target: ObjectRef) -> str | None:
        del target
        return self.forbidden.get(kind)

    async def cut_off(self) -> Sequence[tuple[str, float]]:
        return self.interrupted

    async def reviewed(self, id: str) -> None:  # noqa: A002 - the recorded action's
        self.asked.append(("reviewed", id))
        self._may_fail()

    def come_on(self, id: str, **values: object) -> None:  # noqa: A002 - the run's
        """A newer state of an action."""
        self.states[id] = replace(self.states[id], **values)  # type: ignore[arg-type]
        self.changed(self.states[id])

    def _may_fail(self) -> None:
        if self.fails is not None:
            raise self.fails


@dataclass
class ScriptedServers:
    """``come`` says what the next look finds; answers come from ``pieces``."""

    servers: tuple[ServerState, ...] = ()
    snapshot: Snapshot | None = None
    problems: tuple[str, ...] = ()
    reading: tuple[int, int] = (0, 0)
    lacking: str = ""
    presets: Mapping[str, LaunchSpec] = field(default_factory=dict)
    absent: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Preset → its references to unset variables."""
    default: LaunchSpec = field(default_factory=lambda: LaunchSpec("", "", port=8001))
    logs: dict[str, tuple[str, ...]] = field(default_factory=dict)
    runs: tuple[Bench, ...] = ()
    copied: Same | None = None
    fails: SessionError | None = None
    asked: list[tuple[object, ...]] = field(default_factory=list)
    looked: OnServersChange = lambda: None
    more: asyncio.Queue[str] = field(default_factory=asyncio.Queue)
    """Further lines of the log that is followed."""
    pieces: asyncio.Queue[Piece] = field(default_factory=asyncio.Queue)
    let_go: int = 0
    """Answers that were given up."""

    def come(self, *servers: ServerState) -> None:
        """Another look."""
        self.servers = servers
        self.looked()

    def unset(self, preset: str) -> Mapping[str, str]:
        return self.absent.get(preset, {})

    def defaults(self) -> LaunchSpec:
        return self.default

    async def same(self, pod: Pod) -> Same:
        self.asked.append(("same", pod.key))
        self._may_fail()
        assert self.copied is not None
        return self.copied

    async def log(self, name: str) -> AsyncIterator[str]:
        self.asked.append(("log", name))
        self._may_fail()
        for line in self.logs.get(name, ()):
            yield line
        while True:
            yield await self.more.get()

    async def ask(self, name: str, prompt: str, tokens: int = 256) -> AsyncIterator[Piece]:
        self.asked.append(("ask", name, prompt, tokens))
        self._may_fail()
        try:
            while not (piece := await self.pieces.get()).done:
                yield piece
            yield piece
        except asyncio.CancelledError:
            self.let_go += 1
            raise

    async def benches(self, name: str) -> tuple[Bench, ...]:
        self.asked.append(("benches", name))
        self._may_fail()
        return self.runs

    def entries(self, name: str) -> str:
        self.asked.append(("entries", name))
        self._may_fail()
        return f"upstream {name} {{}}"

    def _may_fail(self) -> None:
        if self.fails is not None:
            raise self.fails


def make_server(
    name: str = "tiny",
    phase: Phase = Phase.READY,
    *,
    at: float | None = None,
    took: float = 60.0,
    done: float = 0.0,
    total: float = 0.0,
    spec: Mapping[str, object] | None = None,
    **values: object,
) -> ServerState:
    """A server on this machine that was begun ``took`` seconds ago; fields of its spec and of its state replaced."""
    at = time.time() if at is None else at
    plain = LaunchSpec(name, f"org/{name}-model", port=8000)
    made = replace(plain, **spec) if spec is not None else plain  # type: ignore[arg-type]
    record = ServerRecord(
        id=f"id-{name}",
        spec=made,
        identity=Identity(4711, at - took),
        argv=("vllm", *serve_arguments(made)),
        version="0.32.0",
        begun=at - took,
        folder=f"/state/local/{name}",
        keyed=True,
        ready=at - took / 2 if phase is Phase.READY else None,
    )
    stages = tuple(
        StartStage(each, at - took / (i + 1), "", done, total) for i, each in enumerate(Phase) if each is phase
    )
    first = StartStage(Phase.STARTING, at - took)
    stages = (first, *(stage for stage in stages if stage.phase is not Phase.STARTING))
    reason = Reason("cuda-oom", "it ran out of GPU memory", "Lower the context length.", "torch.OutOfMemoryError: CUDA")
    state = ServerState(record, at, stages[-1], stages, reason=reason if phase is Phase.DEAD else None)
    return replace(state, **values)  # type: ignore[arg-type]


def make_plan(request: Request, **values: object) -> Plan:
    """A plan for a request, made now, with one request to send and nothing against it; fields replaced."""
    plan = Plan(
        request=request,
        scope=Scope("prod-eu1", "https://eu1", "oncall@corp"),
        title=f"{request.kind.capitalize()} {request.target.name}",
        made_at=time.time(),
        steps=(
            Step("send it", "as one request", (Mutation("PATCH", "/apis/x", {"spec": {"replicas": 3}}, MERGE),)),
            Step("wait until they are ready"),
        ),
        checks=(Check("permission", Verdict.PASS, "patch deployments/scale: allowed"),),
        changes=(Change("replicas", "2", "3"),),
        undo=Undo("scale back to 2", request),
    )
    return replace(plan, **values)  # type: ignore[arg-type]

"""Benchmarks of the vLLM servers on this machine: the parameters, and the results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual.binding import BindingType

from console.commands.command import ScreenId
from console.commands.desk import Desk
from console.screens.base import background, bindings_of
from console.screens.form import FormScreen
from console.screens.reading import ReadingScreen
from console.session.failure import SessionError
from console.views.local.bench import benches_lines
from console.views.local.bench_form import CONCURRENCY, WantedSweep, read_bench
from fleet.local.server import ServerState
from fleet.model.counting import count
from fleet.model.snapshot import Snapshot
from themes.glyphs import Glyphs
from themes.palette import Role
from widgets.form import FormLine
from widgets.line import Line, Span, plain
from widgets.untrusted import untrusted, untrusted_name

if TYPE_CHECKING:
    from fleet.local.benches import Bench


class BenchForm(FormScreen):
    """A few numbers; empty ones have the displayed defaults."""

    def __init__(self, desk: Desk, server: ServerState) -> None:
        rows = (
            FormLine("concurrency", "concurrent requests", " ".join(map(str, CONCURRENCY))),
            FormLine("prompt_tokens", "tokens per prompt", "256"),
            FormLine("output_tokens", "tokens per answer", "128"),
            FormLine("requests", "requests per level", "4 times the concurrency, at least 8"),
        )
        super().__init__(desk, f"Benchmark {untrusted_name(server.name)}", rows)
        self._server = server
        self._wanted: WantedSweep = read_bench({})

    def check(self) -> None:
        self._wanted = read_bench(self.values)
        self.say_beside({})
        self._preview.show(partial(_sum, self._wanted))

    @property
    def problems(self) -> Mapping[str, str]:
        return self._wanted.problems

    def plan(self) -> None:
        from actions.kinds.local_bench import LocalBench
        from actions.request import LOCAL, LOCAL_SERVER, Target

        wanted, server = self._wanted, self._server
        target = Target(LOCAL_SERVER, LOCAL, server.name, server.record.id)
        self.desk.actions.open_plan(
            LocalBench(target, wanted.concurrency, wanted.prompt_tokens, wanted.output_tokens, wanted.requests)
        )


def _sum(wanted: WantedSweep, width: int, glyphs: Glyphs) -> list[Line]:
    del width, glyphs
    levels = count(len(wanted.concurrency), "level")
    return [
        plain(
            f"   {levels}, {count(wanted.total, 'request')} in total; they slow down the server's other users", Role.DIM
        )
    ]


class BenchesScreen(ReadingScreen):
    """The screen of a server's benchmarks on this machine, newest first."""

    where = ScreenId.BENCHES
    BINDINGS: ClassVar[list[BindingType]] = bindings_of(ScreenId.BENCHES)

    def __init__(self, desk: Desk, name: str) -> None:
        self._server = name
        self._benches: Sequence[Bench] | None = None
        self._under_way = desk.actions.under_way
        super().__init__(desk)

    @property
    def subject(self) -> str | None:
        return self._server

    def on_mount(self) -> None:
        self._show([plain(" reading …", Role.DIM)])
        self._read()

    def on_screen_resume(self) -> None:
        # A benchmark may have ended while another screen was in front.
        self._read()

    def show_action_runs(self) -> None:
        super().show_action_runs()
        before, self._under_way = self._under_way, self.desk.actions.under_way
        if self._under_way < before:
            self._read()

    def draw(self, snapshot: Snapshot) -> None:
        if not self._benches:
            return
        benches, own = self._benches, {server.record.id for server in self.desk.local.states}
        self.page.show(lambda width, glyphs: benches_lines(benches, snapshot, own, width, glyphs))

    def _read(self) -> None:
        self._load()

    @background("read")
    async def _load(self) -> None:
        try:
            benches = self._benches = await self.desk.local.observe().benches(self._server)
        except SessionError as error:
            self._show([plain(f"   {untrusted(error.message)}", Role.ERROR), plain(f"   {untrusted(error.remedy)}")])
            return
        if not benches:
            how = "read-only: no benchmarks" if self.desk.read_only else "b starts a benchmark"
            what = f"   there is no benchmark of {untrusted_name(self._server)} yet"
            self._show([plain(what), plain(f"   {how}", Role.DIM)])
        elif self.desk.snapshot is not None:
            self.draw(self.desk.snapshot)
        else:
            self.page.show(lambda width, glyphs: benches_lines(benches, None, (), width, glyphs))

    def _show(self, lines: Sequence[Line]) -> None:
        title = Line((Span(f" Benchmarks of {untrusted_name(self._server)}", Role.STRONG),))
        self.page.show(lambda _width, _glyphs: [title, *lines])

"""Handling of a plan by every acting command: print it, ask, execute it, report."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Protocol, TextIO

from actions.audit.anchor import LABEL
from actions.audit.errors import AuditError
from actions.catalogue import is_record
from actions.planning.plan import Plan
from actions.running.action_run import ActionRun
from actions.running.progress import FailureCause, Outcome, Result
from actions.running.runner import NOT_ASKED, PlanRefusedError, Runner
from console.cli import exit_codes, interruptible, streams
from console.cli.dispatch import say
from console.cli.output import page_width
from console.report.action import to_json
from console.views.action_runs import outcome_lines
from console.views.plan import plan_lines, plan_title
from themes.glyphs import Glyphs
from themes.look import choose_glyphs
from widgets.line import Line
from widgets.untrusted import untrusted


class ActingOptions(Protocol):
    """Options of all commands that act."""

    dry_run: bool
    yes: bool
    reason: str
    json: bool


async def execute(
    plan: Plan, options: ActingOptions, runner: Runner, in_words: Callable[[Outcome], Outcome] = lambda outcome: outcome
) -> tuple[int, Outcome | None]:
    """Print the plan, ask, execute it and print the outcome; return the exit code, and the outcome if it was executed.

    ``in_words`` may add to the outcome.
    """
    (ended,) = await execute_all((plan,), options, runner, in_words)
    return ended


async def execute_all(
    plans: Sequence[Plan],
    options: ActingOptions,
    runner: Runner,
    in_words: Callable[[Outcome], Outcome] = lambda outcome: outcome,
) -> list[tuple[int, Outcome | None]]:
    """Ask for each plan in turn; execute the confirmed ones in parallel. Returns as ``execute`` does, for each."""
    answers = [await _ask(plan, options) for plan in plans]
    begun = [_start(plan, answer, options, runner) for plan, answer in zip(plans, answers, strict=True)]
    started = [state.id for _, state in begun if state is not None]

    def stop() -> None:
        for each in started:
            runner.stop(each)

    if started:
        interruptible.when_ended(stop)
    ended = []
    for plan, (code, state) in zip(plans, begun, strict=True):
        outcome = await runner.wait(state.id) if state is not None else None
        outcome = in_words(outcome) if outcome is not None else None
        code = code if outcome is None else _code(outcome)
        if not streams.write_out(partial(_print_outcome, plan, outcome, options)):
            code = code or exit_codes.PROBLEM
        if outcome is not None and outcome.anchor:
            say(f"{LABEL} {outcome.anchor}")
        ended.append((code, outcome))
    return ended


async def _ask(plan: Plan, options: ActingOptions) -> tuple[int, str]:
    """Print the plan and ask; return how it was confirmed, else the exit code for the reason against it."""
    asks = not is_record(plan.request)
    shown = not options.json and (asks or options.dry_run)
    if shown and not streams.write_out(partial(_print_plan, plan, requests=options.dry_run)):
        return exit_codes.PROBLEM, ""
    if plan.blocks:
        for check in plan.blocks:
            say(f"refused: {untrusted(check.text)}" + (f"\n  {untrusted(check.fix)}" if check.fix else ""))
        return exit_codes.REFUSED, ""
    if options.dry_run:
        return exit_codes.OK, ""
    if not asks:
        return exit_codes.OK, NOT_ASKED
    confirmed = "--yes" if options.yes else await asyncio.to_thread(_ask_person, plan)
    if not confirmed:
        say("nothing was sent")
        return exit_codes.REFUSED, ""
    return exit_codes.OK, confirmed


def _start(plan: Plan, answer: tuple[int, str], options: ActingOptions, runner: Runner) -> tuple[int, ActionRun | None]:
    """Start a confirmed plan; return the exit code if it was not, or may not be, started."""
    code, confirmed = answer
    if not confirmed:
        return code, None
    try:
        return exit_codes.OK, runner.start(plan, options.reason, confirmed)
    except (PlanRefusedError, AuditError) as error:
        say(f"refused: {error}")
        return exit_codes.REFUSED, None


def _print_outcome(plan: Plan, outcome: Outcome | None, options: ActingOptions) -> None:
    if options.json:
        streams.document(to_json(plan, outcome, reason=options.reason))
    elif outcome is not None:
        if is_record(plan.request):
            print(untrusted(plan.title))
        print_lines(outcome_lines(outcome, page_width(), glyphs()))


def _code(outcome: Outcome) -> int:
    if outcome.result is Result.STOPPED:
        return exit_codes.INTERRUPTED
    if outcome.cause is not FailureCause.OTHER:
        return exit_codes.REFUSED if outcome.cause is FailureCause.FORBIDDEN else exit_codes.UNREACHABLE
    return exit_codes.OK if outcome.ok else exit_codes.PROBLEM


def _ask_person(plan: Plan) -> str:
    """Ask, and return how the person confirmed; empty for no."""
    if not sys.stdin.isatty():
        say("--yes is required without a terminal")
        return ""
    wanted = plan.target.name if plan.scope.production else "yes"
    what = f"the name {wanted}" if plan.scope.production else wanted
    print(f"Type {what} to continue, anything else to cancel: ", end="", file=sys.stderr, flush=True)
    typed = _line(sys.stdin.fileno())
    return f"typed {typed}" if typed == wanted else ""


def _line(source: int) -> str:
    """The next line of a terminal. Blocks.

    Not of sys.stdin: who leaves with Ctrl-C leaves a thread in here, and that would hold a lock which the interpreter
    needs at its end.
    """
    typed = b""
    while not typed.endswith(b"\n") and (more := os.read(source, 4096)):
        typed += more
    return typed.decode(errors="replace").strip()


class ProgressPrinter:
    """Progress on stderr: one line per change; with its target in front where ``several`` go on side by side."""

    def __init__(self, *, several: bool = False) -> None:
        self._several = several
        self._printed: dict[str, str] = {}

    def changed(self, state: ActionRun) -> None:
        """A newer state of the action."""
        latest = state.latest
        if latest is None or state.outcome is not None:
            return
        step = state.plan.steps[latest.step].title
        count = f" [{latest.done:.0f}/{latest.total:.0f}]" if latest.total else ""
        line = f"{latest.step + 1}. {step}{count}{': ' + latest.text if latest.text else ''}"
        line = f"{state.plan.target.name}: {line}" if self._several else line
        if line != self._printed.get(state.id):
            self._printed[state.id] = line
            eta = f", about {latest.eta:.0f} s left" if latest.eta else ""
            print(untrusted(f"{line}{eta}"), file=sys.stderr, flush=True)


def _print_plan(plan: Plan, *, requests: bool) -> None:
    """Print a plan: as data for a dry run, which has ``requests``; else as talk."""
    out = sys.stdout if requests else sys.stderr
    width = page_width(out)
    page = plan_lines(plan, width, glyphs(), diff=bool(plan.diff), requests=requests, keys=False)
    print_lines([plan_title(plan, width, glyphs()), *page], out)


def print_lines(lines: Iterable[Line], out: TextIO | None = None) -> None:
    """Print lines of a page without colours, on stdout unless ``out`` is given."""
    for line in lines:
        print("".join(span.text for span in line.spans).rstrip(), file=out or sys.stdout)


def glyphs() -> Glyphs:
    """Return the glyphs that this terminal can show."""
    return choose_glyphs(os.environ, sys.stdout.encoding, "auto")

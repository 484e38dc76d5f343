"""``quarterdeck demo``: the console on a simulated fleet, or the fleet alone."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Iterator
from dataclasses import replace

from console.cli import exit_codes
from console.cli.console import show, started
from console.cli.dispatch import Invocation, say
from console.config.sections import SECTIONS
from console.config.settings import Settings, sections_of
from console.wiring.demo import DemoError, Simulation, Starting, starting
from fleet.model.counting import count


def run(invocation: Invocation) -> int:
    """Exit 2 for flags that the simulator does not take."""
    loaded = invocation.load()
    options = invocation.options
    if options.port is not None and not options.serve:
        say("--port requires --serve\n  Without --serve nothing else connects, and any free port is used.")
        return exit_codes.USAGE
    try:
        with starting(simulator_arguments(options)) as fleet:
            if options.serve:
                return _serve(started(fleet))
            code = show(invocation, _settings(loaded.settings, options, fleet), here=loaded.settings, fleet=fleet)
            if fleet.error is not None:
                # The screen has already shown it; scripts read the exit code.
                raise fleet.error
            return code
    except DemoError as error:
        say(error)
        return exit_codes.USAGE if error.usage else exit_codes.PROBLEM


def _settings(own: Settings, options: argparse.Namespace, fleet: Starting) -> Settings:
    """The person's own kubeconfig, context, Prometheus and Alertmanager are not the demo's."""
    cluster = replace(
        own.cluster,
        kubeconfig=str(fleet.kubeconfig),
        # Empty: the current one, which is the administrator's.
        context=getattr(options, "context", ""),
        namespace=getattr(options, "namespace", ""),
    )
    prometheus = replace(type(own.prometheus)(), url=getattr(options, "prometheus", ""))
    alertmanager = replace(type(own.alertmanager)(), url=getattr(options, "alertmanager", ""))
    rules = type(own.rules)()
    # Actions on a simulated fleet do not belong in the audit log of real ones. Servers of this
    # machine are real, in a demo too.
    actions = replace(own.actions, audit_dir=str(fleet.folder / "audit"))
    recorder = replace(own.recorder, enabled=False)
    mine = replace(own, cluster=cluster, actions=actions, recorder=recorder)
    others = {name: table() for name, table in sections_of(type(own)).items() if name not in SECTIONS}
    return replace(mine, prometheus=prometheus, alertmanager=alertmanager, rules=rules, **others)


def simulator_arguments(options: argparse.Namespace) -> list[str]:
    """The flags that are passed on, where they were given."""
    names = ("scenario", "pods", "seed", "speed", "port")
    given = ((name, getattr(options, name)) for name in names)
    return [part for name, value in given if value is not None for part in (f"--{name}", str(value))]


def _serve(simulation: Simulation) -> int:
    for line in instructions(simulation):
        print(line)
    sys.stdout.flush()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        say("serving until Ctrl-C")
        simulation.wait()
    except KeyboardInterrupt:
        return exit_codes.OK
    raise DemoError("the simulated fleet ended unexpectedly")


def instructions(simulation: Simulation) -> Iterator[str]:
    """Yield the commands to type in another terminal."""
    others = ", ".join(simulation.contexts[1:])
    yield f"export KUBECONFIG={simulation.kubeconfig}"
    yield ""
    pods = count(simulation.pods, "pod")
    yield f"# {pods} behind {simulation.server}; contexts beside {simulation.contexts[0]}: {others}"
    yield "kubectl get pods -A -o wide -w"
    yield "kubectl get events -A"
    yield f"kubectl --context {simulation.contexts[-1]} auth can-i list pods -A"
    yield "quarterdeck                     # this console, on that kubeconfig"
    yield "quarterdeck snapshot --json"
    yield ""
    yield f"prometheus --config.file={simulation.prometheus_config} --storage.tsdb.path=$(mktemp -d)"
    yield "quarterdeck --prometheus http://localhost:9090"

"""Text of ``--help``, in the order in which a person asks; it costs next to no import."""

from __future__ import annotations

HELP = """\
usage: {prog} [command] [flags]

The ops console for LLM serving fleets, in a terminal.

commands:
  (none)              the console, on the current kubeconfig context
  demo                the console on a simulated fleet
  snapshot            the fleet, once, on stdout (--table or --json)
  check               what is wrong, as an exit code: 0 ok, 1 warning, 2 critical, 3 unknown (or --json)
  slo                 objectives: what is left of the error budgets, how fast they burn; suggest: which to set
  why                 why a workload or a pod is slow, and what slow replicas share (or --json)
  rules               the objectives, and the causes that Prometheus alone can tell, as rules for it
  timeline            what happened, to everything or to one object, when, and who did it (or --json)
  replay              the console on what it saw: the last hours of this cluster, or what --record wrote
  record              scrub: a recording without names, addresses, prompts and secrets, to share it
  eval                how well the diagnosis does on recorded incidents whose truth is known
  doctor              what is reachable, permitted and measured; what to do about the rest

actions (each prints its plan and asks; --dry-run ends there):
{actions}
  undo                take back the last action that you did on this cluster

this machine:
{servers}
  local               also ls, logs, try (a prompt), undo, benches, entry (for a gateway)

  audit               show, verify or export: who changed what, when and why
  rbac                auditor or oncall: the least-privilege role, as YAML for kubectl apply
  config              show, check or path: the configuration and where each value comes from

which fleet (any command):
  --context NAME      context of the kubeconfig
  -n, --namespace NS  only this namespace
  -A, --all-namespaces
                      every namespace, whatever the configuration says
  --kubeconfig FILE   kubeconfig file
  --prometheus URL    Prometheus, Thanos, Mimir or VictoriaMetrics
  --alertmanager URL  Alertmanager, where it is not found by itself
  --read-only         let nothing through that changes the cluster

what is kept of it (console and demo):
  --record FILE       keep what is seen in FILE, for replay, beside what is kept always

how it looks and behaves (any command):
  --refresh S         seconds between updates
  --theme T           auto, quarterdeck-dark, quarterdeck-light or ansi
  --no-color          no colours; NO_COLOR does the same
  --config FILE       configuration file

  -h, --help          this text; after a command: its own flags
  --version           print the version

exit codes: 0 ok, 1 a problem was found, 2 wrong usage or bad input, 3 nothing reachable,
  4 an action was refused or declined, 130 interrupted; check has its own
"""


def text(prog: str) -> str:
    """The help of the program under the name that it was called by."""
    return HELP.format(prog=prog, actions=_acting(), servers=_acting("local"))


def _acting(group: str = "") -> str:
    from actions.catalogue import KINDS

    entries = (entry for entry in KINDS if entry.summary and entry.command.rpartition(" ")[0] == group)
    return "\n".join(f"  {entry.command:<19} {entry.summary}" for entry in entries)

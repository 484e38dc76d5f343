"""The table of the command line, from which help, parser, completion, the man page and flags are made.

It costs almost no import: ``--help`` is written from it alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple


class UsageExample(NamedTuple):
    """An example command line, without the program's name."""

    words: str
    says: str


class ListedCommand(NamedTuple):
    """One command, or a command of a command (``local ls``)."""

    name: str
    """Empty for the console."""
    group: str
    summary: str
    """Line of ``quarterdeck --help``; empty if it has none."""
    about: str
    """The sentence above its own help."""
    examples: tuple[UsageExample, ...] = ()
    see: str = ""
    """Document that says more."""


class CommonFlag(NamedTuple):
    """A flag of every command, allowed before or after its name."""

    names: tuple[str, ...]
    metavar: str
    help: str
    group: str


LOOK: Final = "look"
ACT: Final = "act (each prints its plan and asks; --dry-run ends there)"
HERE: Final = "servers on this machine"
AGAIN: Final = "demo and recordings"
SET_UP: Final = "setup and audit"
GROUPS: Final = (LOOK, ACT, HERE, AGAIN, SET_UP)

WHICH: Final = "which fleet (any command)"
HOW: Final = "how it looks and behaves (any command)"
THEMES: Final = "auto, quarterdeck-dark, quarterdeck-light, quarterdeck-contrast or ansi"
COMMON_FLAGS: Final = (
    CommonFlag(("--context",), "NAME", "context of the kubeconfig", WHICH),
    CommonFlag(("-n", "--namespace"), "NS", "only this namespace", WHICH),
    CommonFlag(("-A", "--all-namespaces"), "", "every namespace, whatever the configuration says", WHICH),
    CommonFlag(("--kubeconfig",), "FILE", "kubeconfig file", WHICH),
    CommonFlag(("--prometheus",), "URL", "Prometheus, Thanos, Mimir or VictoriaMetrics", WHICH),
    CommonFlag(("--alertmanager",), "URL", "Alertmanager, if it is not discovered", WHICH),
    CommonFlag(("--read-only",), "", "send no request that changes the cluster", WHICH),
    CommonFlag(("--refresh",), "S", "seconds between updates", HOW),
    CommonFlag(("--theme",), "T", "colours", HOW),
    CommonFlag(("--view",), "NAME", "start with this saved view", HOW),
    CommonFlag(("--no-color",), "", "no colours; NO_COLOR does the same", HOW),
    CommonFlag(("--config",), "FILE", "configuration file", HOW),
)

SCENARIOS: Final = {
    "steady": "an ordinary hour",
    "rush-hour": "several times the usual traffic: queues and TTFT grow",
    "kv-thrash": "conversations grow long: the KV cache is full, requests are preempted",
    "slow-replica": "one replica's GPU throttles, and its tokens are slower",
    "stuck-engine": "one engine hangs: /health returns 200, but no tokens are generated",
    "gpu-fault": "XID 79: a GPU fell off the bus, and its engine cannot start again",
    "crash-loop": "a pod is OOMKilled at every start",
    "no-free-gpu": "more replicas than fit on the nodes: pods stay Pending",
    "cold-start": "all pods of a model load at once: none serves yet",
    "bad-rollout": "one new revision does not start; another starts, and is slow",
}
"""Scenarios of ``demo``: what each shows."""
SNAPSHOT_TABLES: Final = ("fleet", "models", "workloads", "pods", "nodes", "gpus", "incidents", "alerts", "sources")
"""The tables of ``snapshot``."""
EXIT_CODES: Final = {
    0: "ok",
    1: "a problem was found",
    2: "wrong usage or bad input",
    3: "nothing reachable",
    4: "an action was refused or declined",
    130: "interrupted",
}
"""Exit codes of every command except check, which uses those of monitoring plugins."""

COMMANDS: Final = (
    ListedCommand(
        "",
        LOOK,
        "the console, on the current kubeconfig context",
        "The ops console for LLM serving fleets, in a terminal.",
        (
            UsageExample("", "the console on the current context"),
            UsageExample(
                "--context prod-eu -n serving --read-only", "look around without being able to change anything"
            ),
            UsageExample("demo --scenario bad-rollout", "try it, without a cluster"),
        ),
    ),
    ListedCommand(
        "snapshot",
        LOOK,
        "the fleet once, or its pods, nodes, gpus, incidents …; -w continues with changes",
        "The fleet, once, on stdout.",
        (
            UsageExample("snapshot", "workloads with their pods, worst first"),
            UsageExample("snapshot pods -n serving -w", "pods, then every change"),
            UsageExample("snapshot gpus -o csv > gpus.csv", "every GPU for a spreadsheet, with full numbers"),
        ),
        "docs/snapshot.md",
    ),
    ListedCommand(
        "check",
        LOOK,
        "what is wrong, as an exit code: 0 ok, 1 warning, 2 critical, 3 unknown",
        "What is wrong, as an exit code: 0 ok, 1 warning, 2 critical, 3 unknown.",
        (
            UsageExample("check", "one line for a monitoring plugin, then a line per incident"),
            UsageExample("check -o table", "the same incidents as a table"),
            UsageExample("check --json --now", "with the evidence; problems that have only begun count too"),
        ),
        "docs/check.md",
    ),
    ListedCommand(
        "why",
        LOOK,
        "why a workload or a pod is slow, and what slow replicas share",
        "Where the time of an object's requests goes, and what slow replicas have in common.",
        (
            UsageExample("why chat-70b", "a workload, by its name"),
            UsageExample("why pod/chat-8b-7c9f-x2k -n serving", "one pod against its peers"),
        ),
        "docs/screens.md",
    ),
    ListedCommand(
        "ticket",
        LOOK,
        "everything about an incident in one document: evidence, numbers, changes, who acted",
        "What is wrong as a document for a tracker: evidence, numbers with their queries, changes, who acted, logs.",
        (
            UsageExample("ticket > INC-7.md", "all that is wrong, as Markdown"),
            UsageExample("ticket deploy/chat-70b -n serving", "one workload"),
            UsageExample("ticket -o json", "for a program"),
        ),
        "docs/screens.md",
    ),
    ListedCommand(
        "timeline",
        LOOK,
        "what happened, to everything or to one object, when, and who did it",
        "What happened, as far back as the cluster and the console's own records go.",
        (
            UsageExample("timeline --since 2d", "the last two days"),
            UsageExample("timeline deployment/chat-8b", "what happened to one workload, its pods and its node"),
            UsageExample("timeline -w", "and everything from now on"),
        ),
        "docs/timeline.md",
    ),
    ListedCommand(
        "slo",
        LOOK,
        "objectives: remaining error budgets and burn rates; suggest: objectives to start with",
        "Objectives: their state, the remaining error budgets and the burn rates.",
        (
            UsageExample("slo", "each objective with its budget"),
            UsageExample("slo suggest >> ~/.config/quarterdeck/config.toml", "what the fleet meets today, as a start"),
        ),
        "docs/objectives.md",
    ),
    ListedCommand(
        "undo",
        ACT,
        "undo your last action on this cluster",
        "Undo your last action on this cluster.",
        (
            UsageExample("undo --dry-run", "what it would do"),
            UsageExample('undo --reason "OPS-12"', "do it, with a reason"),
        ),
        "docs/actions.md",
    ),
    ListedCommand(
        "local",
        HERE,
        "also ls, logs, try (a prompt), undo, benches, entry (for a gateway)",
        "vLLM servers on this machine.",
        (
            UsageExample("local up ~/models/Qwen3-8B", "check, start and follow it"),
            UsageExample("local ls", "what runs here"),
        ),
        "docs/local.md",
    ),
    ListedCommand(
        "demo",
        AGAIN,
        "the console on a simulated fleet; --scenario chooses what goes wrong",
        "The console on a simulated fleet.",
        (
            UsageExample("demo", "an ordinary hour"),
            UsageExample("demo --scenario stuck-engine --speed 20", "twenty times as fast as real time"),
            UsageExample("demo --serve", "the fleet alone, for kubectl, curl and Prometheus"),
        ),
    ),
    ListedCommand(
        "web",
        LOOK,
        "the console in a browser, read-only, for auditors and wall displays",
        "The console in a browser, always read-only; anybody with the printed address can watch.",
        (
            UsageExample("web", "on this machine only; from elsewhere through ssh -L 8300:127.0.0.1:8300"),
            UsageExample("web --host 0.0.0.0 --cert site.pem --key site.key", "for the network, with TLS"),
        ),
        "docs/web.md",
    ),
    ListedCommand(
        "replay",
        AGAIN,
        "replay what the console saw: the last hours of this cluster, or a file of --record",
        "The console on a recording: read-only, with the usual keys.",
        (
            UsageExample("replay", "the last recorded hour of this context"),
            UsageExample(
                "replay incident.qdr --at 2026-11-20T14:02Z --speed 60", "a minute per second from that moment"
            ),
        ),
        "docs/recording.md",
    ),
    ListedCommand(
        "record",
        AGAIN,
        "scrub: a recording without names, addresses, prompts and secrets, to share it",
        "A recording without names, for others.",
        (
            UsageExample("record scrub incident.qdr shared.qdr", "a copy that can be shared"),
            UsageExample("replay shared.qdr", "check it before you share it"),
        ),
        "docs/recording.md",
    ),
    ListedCommand(
        "eval",
        AGAIN,
        "score the diagnosis on recorded incidents with known causes",
        "Score the diagnosis on recorded incidents with known causes.",
        (
            UsageExample("eval incidents/", "how many were found, by kind"),
            UsageExample("eval incidents/ --each --json", "also every case that went wrong, for a program"),
        ),
        "docs/truth.md",
    ),
    ListedCommand(
        "doctor",
        SET_UP,
        "what is reachable, permitted and measured; how to fix the rest",
        "What is reachable, permitted and measured, and how to fix the rest.",
        (
            UsageExample("doctor", "every check, with its fix"),
            UsageExample("doctor --context prod-eu -o yaml", "another cluster, for a program"),
        ),
    ),
    ListedCommand(
        "rules",
        SET_UP,
        "objectives, and the causes that Prometheus alone can detect, as Prometheus rules",
        "Objectives, and the causes that Prometheus alone can detect, as Prometheus rules.",
        (
            UsageExample("rules > quarterdeck.rules.yaml", "a file for promtool and Prometheus"),
            UsageExample("rules -n serving --wait 60", "of one namespace, waiting longer for sources"),
        ),
        "docs/objectives.md",
    ),
    ListedCommand(
        "audit",
        SET_UP,
        "show, verify or export: who changed what, when and why",
        "The audit log: what was done, by whom, and whether the log was changed since.",
        (
            UsageExample("audit show --since 7d -o table", "a line per action of the last week"),
            UsageExample("audit verify", "whether the log was changed since it was written"),
            UsageExample("audit export --format csv -o actions.csv", "for a spreadsheet"),
        ),
        "docs/audit.md",
    ),
    ListedCommand(
        "rbac",
        SET_UP,
        "auditor or oncall: the least-privilege role, as YAML for kubectl apply",
        "The least-privilege role of an auditor or an on-call engineer, as YAML for kubectl apply.",
        (
            UsageExample("rbac auditor --group sre-readers | kubectl apply -f -", "read everything"),
            UsageExample("rbac oncall --in serving --user jo", "act in one namespace"),
        ),
    ),
    ListedCommand(
        "config",
        SET_UP,
        "show, check or path: the configuration and where each value comes from",
        "The configuration and where each value comes from.",
        (
            UsageExample("config show", "every value, and where it was set"),
            UsageExample("config check --config team.toml", "whether a file can be used"),
        ),
        "docs/configuration.md",
    ),
    ListedCommand(
        "completion",
        SET_UP,
        "bash, zsh or fish: completion of commands, flags, pods, workloads and contexts",
        "Shell completion of commands, flags, and names in the cluster.",
        (
            UsageExample(
                "completion bash > ~/.local/share/bash-completion/completions/quarterdeck", "bash, from now on"
            ),
            UsageExample('completion zsh > "${fpath[1]}/_quarterdeck"', "zsh"),
            UsageExample("completion fish > ~/.config/fish/completions/quarterdeck.fish", "fish"),
        ),
    ),
    ListedCommand(
        "man",
        SET_UP,
        "the manual, if man quarterdeck finds none",
        "The manual, in the format of man.",
        (UsageExample("man | man -l -", "read it"), UsageExample("man > quarterdeck.1", "keep it")),
    ),
)

LOOKS: Final = tuple(one.name for one in COMMANDS if one.name and one.group in (LOOK, AGAIN, SET_UP))
"""Commands that change nothing."""


def of(name: str) -> ListedCommand:
    """A command by its name, which may be two words; an action that is not in the table has examples of any action."""
    listed = next((one for one in COMMANDS if one.name == name), None)
    if listed is not None:
        return listed
    from console.cli.examples import of_action

    examples = tuple(UsageExample(*pair) for pair in of_action(name))
    return ListedCommand(name, HERE if name.startswith("local ") else ACT, "", "", examples, _see(name))


def _see(name: str) -> str:
    return "docs/local.md" if name.startswith("local ") else "docs/actions.md"


def in_group(group: str) -> Iterator[tuple[str, str]]:
    """Yield the commands of a group with their summaries, in reading order."""
    from actions.catalogue import KINDS

    if group in (ACT, HERE):
        within = "local" if group == HERE else ""
        for entry in KINDS:
            if entry.summary and entry.command.rpartition(" ")[0] == within:
                yield entry.command, entry.summary
    for one in COMMANDS:
        if one.group == group:
            yield one.name, one.summary

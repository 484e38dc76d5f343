"""The order of the files of tests: a long one that starts last keeps everybody waiting."""

from __future__ import annotations

from xdist.scheduler import LoadFileScheduling

LONGEST = (
    # Real engines: half a minute and more until they are ready. The last file ends them.
    "real/vllm/test_canary.py",
    "real/vllm/test_load.py",
    "real/vllm/test_try.py",
    "real/vllm/test_two_servers.py",
    # Servers, clusters and benchmarks that take their time to come, to be looked at, to drain and to go.
    "console/local/test_up_cli.py",
    "actions/test_simulated_drains.py",
    "console/screens/test_impatient_keys.py",
    "console/local/test_cli.py",
    "actions/test_simulated_rollouts.py",
    "real/test_actions.py",
    "console/local/test_context.py",
    "actions/local/test_ends.py",
    "test_benchmarks.py",
    "simulator/test_kubectl_changes.py",
    "simulator/test_scenarios.py",
    "real/test_plots.py",
    "fleet/sources/alerts/test_search.py",
    "console/test_silence_cli.py",
    "console/test_acting_outages.py",
    "console/screens/test_local_form.py",
    "console/local/test_gpus.py",
    "console/screens/test_left_screens.py",
    "fleet/sources/prometheus/test_young_engines.py",
    "real/test_real_litellm.py",
    "console/test_new_action.py",
    "console/local/test_new_action.py",
    "eval/test_corpus.py",
    "console/screens/test_plan_screen.py",
    "actions/audit/test_chain.py",
    "console/session/test_two_clusters.py",
    "console/test_new_kind.py",
    "console/test_a_source_beside.py",
    "real/test_snapshot_numbers.py",
    "console/test_two_prometheus.py",
    "simulator/test_world.py",
    "console/test_demo.py",
    "console/screens/test_commands.py",
    "fleet/sources/prometheus/test_real_prometheus.py",
    "actions/local/test_servers.py",
    "console/test_kept_rows.py",
    "console/test_memory_where_sources_are_missing.py",
    "console/test_alert_sources.py",
    "fleet/snapshot/test_ticks.py",
    "console/test_silence.py",
    "console/test_snapshot_prometheus.py",
    "console/test_planned_on.py",
    "test_members.py",
)
"""Files below tests/, the longest first, as measured on two cores."""
TOGETHER = frozenset({"tests/real/vllm"})
"""Folders whose files share what takes long to start."""
READERS = frozenset(
    f"tests/test_{of}.py"
    for of in ("members", "names", "one_door", "one_way_out", "product_words", "prose", "sentences", "workers")
)
"""Files whose tests read the program: it is parsed once for all of them (``tests.trees``)."""
_RANKS = {file: rank for rank, file in enumerate(LONGEST)}


def rank(node: str) -> int:
    """Return the position of the file of a test (its node id); files that are not among the longest are equal."""
    return _RANKS.get(node.partition("::")[0].removeprefix("tests/"), len(LONGEST))


def whole(node: str) -> str:
    """Return the unit of tests for one worker: the file of a test (its node id), or files that share something."""
    file = node.partition("::")[0]
    if file in READERS:
        return "the source"
    folder = file.rpartition("/")[0]
    return folder if folder in TOGETHER else file


class Scheduling(LoadFileScheduling):  # type: ignore[misc]
    """Distributes files to workers, with files that share something on one worker."""

    def _split_scope(self, nodeid: str) -> str:
        return whole(nodeid)

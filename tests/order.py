"""The order of the files of tests: a long one that starts last keeps everybody waiting."""

from __future__ import annotations

from xdist.scheduler import LoadFileScheduling

LONGEST = (
    # Real engines: half a minute and more until they are ready. The last file ends them.
    "real/vllm/test_canary.py",
    "real/vllm/test_load.py",
    "real/vllm/test_try.py",
    "real/vllm/test_two_servers.py",
    # Servers, clusters, screens and benchmarks: what computes stands between what waits.
    "test_benchmarks.py",
    "actions/test_simulated_drains.py",
    "console/screens/test_impatient_keys.py",
    "eval/test_corpus.py",
    "actions/test_simulated_rollouts.py",
    "console/test_copied_queries.py",
    "console/local/test_up_cli.py",
    "console/local/test_cli.py",
    "fleet/sources/prometheus/test_young_engines.py",
    "simulator/test_kubectl_changes.py",
    "real/test_plots.py",
    "real/test_actions.py",
    "console/local/test_context.py",
    "console/screens/test_commands.py",
    "console/test_new_kind.py",
    "simulator/test_world.py",
    "console/test_new_action.py",
    "console/screens/test_local_list.py",
    "actions/local/test_ends.py",
    "console/test_kept_rows.py",
    "console/screens/test_incidents.py",
    "console/screens/test_plan_screen.py",
    "console/session/test_two_clusters.py",
    "console/test_acting_outages.py",
    "real/test_real_litellm.py",
    "console/test_memory_where_sources_are_missing.py",
    "console/local/test_gpus.py",
    "simulator/test_scenarios.py",
    "console/screens/test_local_form.py",
    "real/test_snapshot_numbers.py",
    "fleet/sources/prometheus/test_real_prometheus.py",
    "console/screens/test_other_cluster.py",
    "console/test_two_prometheus.py",
    "console/test_snapshot_prometheus.py",
    "fleet/snapshot/test_ticks.py",
    "console/test_ack_cli.py",
    "console/screens/test_plot.py",
    "console/screens/test_typeahead.py",
    "console/screens/test_saved_views.py",
    "console/session/test_actions.py",
    "console/test_why_cli.py",
    "console/session/test_cluster_session.py",
    "test_members.py",
    "console/test_planned_on.py",
    "console/test_alert_sources.py",
    "fleet/sources/prometheus/test_real_products.py",
    "fleet/sources/prometheus/test_stores.py",
    "fleet/test_toys.py",
    "fleet/sources/alerts/test_search.py",
    "actions/local/test_servers.py",
    "actions/audit/test_redaction.py",
    "actions/audit/test_faults.py",
    "actions/audit/test_chain.py",
    "console/test_a_source_beside.py",
    "console/test_demo.py",
    "console/screens/test_left_screens.py",
    "simulator/test_api_prometheus.py",
    "fleet/sources/prometheus/test_real_victoria_metrics.py",
    "console/test_silence_cli.py",
    "console/test_answer_to_cell.py",
    "console/test_check_cli.py",
    "console/test_alerts.py",
    "console/test_who_acts.py",
    "fleet/monitoring/test_examination.py",
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

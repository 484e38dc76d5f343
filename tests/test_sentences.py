"""Sentences that nobody would say, as a kind: found in the source of all rooms."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from console.views.incident_words import reach_text
from fleet.model.counting import count, every, share
from fleet.model.finding import Reach
from tests.trees import files, nodes

ROOT = Path(__file__).parents[1]
ROOMS = ("actions", "console", "fleet", "widgets")
NOUNS = (
    "action|alert|case|container|engine|file|fault|GPU|incident|line|message|model|name|node|object|pod|record|"
    "replica|request|revision|server|source|target|test|time|workload|"
    "character|check|cluster|layer|level|log|measurement|minute|place|product|rank|restart|rule|selector|"
    "sequence|warning"
)
MANY = re.compile(rf" ({NOUNS})s\b")
DESCRIBED = re.compile(rf" (serving|ready|running|waiting|more|other|free|weight|sick) ({NOUNS})s\b")
"""A noun with a word before it that says which."""
UNITS = {"tokens/s", "requests/s"}
ALWAYS_MORE = {
    # A limit that is a constant, or a number that is another than one by what was asked before.
    "console/views/why.py: fewer than {} replicas are measured: nothing to compare",
    "fleet/diagnosis/signs/peers.py: its tokens/s per request are {} times fewer than the median of its peers",
    "fleet/diagnosis/signs/peers.py: it has more than {} times the mean requests, while another has none waiting",
    "fleet/diagnosis/signs/peers.py: its clock is {} times lower than that of the fastest of its engine",
    "fleet/sources/kube/source.py: {} of ~{} pods",
    "fleet/timeline/cluster/pods.py: , the last of {} times",
    "fleet/timeline/metrics/kube_state.py: restarted {} times",
    "actions/checks/capacity.py: the other {} ready replicas",
    (
        "actions/local/checks/launch.py: "
        "{} ranks share the CPU: useful with as many sockets; memory is calculated for one"
    ),
    "actions/local/checks/system.py: {} of shared memory for {} ranks: NCCL may end with a bus error",
    "console/app/navigator.py: copied the first {} characters of {}",
    "console/doctor/dialects.py: {} products are supported, {}",
    "console/screens/plan_confirmation.py: type the last {} characters of the pod ({})",
    "console/views/local/bench_form.py: {} levels at most",
    "fleet/sources/alerts/alertmanager.py: it has alerts of {} clusters ({}), which may be mixed up here",
    "fleet/sources/kube/kubeconfig_file.py: {}: nested more than {} levels deep, which is too deep for a kubeconfig",
    (
        "fleet/sources/prometheus/remarks.py: it holds engines of {} clusters ({}), which may be mixed up here: "
        'name yours in the configuration: [prometheus] cluster = "NAME"'
    ),
    "fleet/timeline/metrics/source.py: this store has the objects of {} clusters ({}), and nothing identifies this one",
    # Two numbers: ``set 2-8 replicas``, ``1 running and 0 waiting requests``.
    "actions/kinds/bounds/action.py: set {} replicas",
    "actions/local/bench_checks.py: {} running and {} waiting requests of others",
    "actions/local/plan_parts.py: {} running and {} waiting requests get {} s",
    # As their names say themselves: ``model-00001-of-00004``.
    "fleet/local/fit/files.py: {} of {} weight files are missing, according to the names of the others: ",
    "fleet/sources/kube/kubeconfig.py: context {} in {} names the cluster {}, which is not defined",
    "fleet/sources/kube/kubeconfig.py: context {} in {} names the user {}, which is not defined",
}
"""Sentences whose number before a plural is never one."""
NO_SENTENCE = re.compile(
    r"(?<!there )(?<!where )\b(is|are) no (moment|speed|argument|port|file|numbers?|length|folder|address|path)\b"
    r"|of this nothing|does not get on|what lacks of it|since before|lines more|with fewer than 1|all 1 "
    r"| 1 (pods|nodes|replicas|requests)\b"
    r"|\banew\b|stands? against|servers? of this machine|wants? to know|comes? to nothing|but for what|otherwise than"
    r"|behind (:|--|/)|lengths? of time|speaks? (TLS|https?)\b|no (regular expression|IP address|label selector)\b"
    r"|\bcan not\b|half a (minute|fleet|number)|ill luck|without a word|looks? at the (object|node|pod|page)\b"
)
"""Wordings that were on the screen once, or that only a translation has."""


def texts() -> Iterator[tuple[str, str]]:
    """(file, text) of every string with a blank in it; of f-strings with ``{}`` for what is put in. No docstrings."""
    for room in ROOMS:
        for file in files(room):
            skipped = {id(node.value) for node in nodes(file) if isinstance(node, ast.Expr)}
            for node in nodes(file):
                if isinstance(node, ast.JoinedStr):
                    skipped |= {id(part) for part in node.values}
                    text = "".join(str(v.value) if isinstance(v, ast.Constant) else "{}" for v in node.values)
                elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in skipped:
                    text = node.value
                else:
                    continue
                if " " in text:
                    yield file.relative_to(ROOT).as_posix(), text


def test_no_number_stands_before_a_plural_without_being_asked_whether_it_is_one() -> None:
    """``count(n, "pod")`` of fleet/model/counting.py says ``1 pod`` and ``3 pods``."""
    found = {
        f"{file}: {seen}"
        for file, seen in texts()
        for words in re.findall(r"\{[^{}]*\}( [A-Za-z/]+(?: [A-Za-z/]+)?)", seen)
        if (MANY.match(words) and words.split()[0] not in UNITS) or DESCRIBED.match(words)
    }
    assert found - ALWAYS_MORE == set()
    assert found >= ALWAYS_MORE, "it is no exception any more"


def test_sentences_that_read_as_translated_do_not_come_back() -> None:
    assert [f"{file}: {found}" for file, found in texts() if NO_SENTENCE.search(found)] == []


@pytest.mark.parametrize(
    ("expected", "wanted"),
    [
        (count(1, "pod"), "1 pod"),
        (count(1500, "pod"), "1500 pods"),
        (count(2, "more line"), "2 more lines"),
        (share(0, 1, "pod"), "0 of 1 pod"),
        (share(2, 3, "pod"), "2 of 3 pods"),
        (reach_text(Reach(3, 5, 7.0, 1.0, ())), "3 of 5 replicas, 1 request waits, 7 run"),
        (reach_text(Reach(1, 0, 1.0, 0.0, ())), "1 pod, 1 request runs"),
        (reach_text(Reach(1, 1, 1200.0, 2.0, ())), "1 of 1 replica, 2 requests wait, 1,200 run"),
        (every(1, "pod"), "the only pod"),
        (every(2, "pod"), "both pods"),
        (every(5, "pod"), "all 5 pods"),
    ],
)
def test_numbers_have_the_noun_that_goes_with_them(expected: str, wanted: str) -> None:
    assert expected == wanted

"""Checks of a Snapshot's sources and of the joins between them. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from console.config.sections import settings_in
from console.config.settings import Settings
from console.doctor.check import DoctorCheck, DoctorStatus
from console.doctor.dialects import check_dialects
from fleet.metrics.dialect_set import DialectSet
from fleet.metrics.pod_roles import none_is_read, unread
from fleet.metrics.registry import ENGINES, GPUS
from fleet.model.counting import count
from fleet.model.gpu_vendors import vendor_of
from fleet.model.snapshot import KUBERNETES, MACHINE, Health, Join, Snapshot, SourceStatus

SCRAPE_ENGINES = """\
# with kube-prometheus-stack: kubectl apply -f -
apiVersion: monitoring.coreos.com/v1
kind: PodMonitor
metadata: {name: engines, namespace: monitoring, labels: {release: prometheus}}
spec:
  namespaceSelector: {any: true}
  selector: {matchExpressions: [{key: app, operator: Exists}]}   # the labels of your engines
  podMetricsEndpoints: [{portNumber: 8000, path: /metrics, interval: 15s}]"""

INSTALL_PROMETHEUS = """\
quarterdeck --prometheus URL        # if one exists that was not found
helm repo add prometheus-community https://prometheus-community.github.io/helm-charts
helm install prometheus prometheus-community/kube-prometheus-stack -n monitoring --create-namespace"""

RELABEL = """\
# in the scrape configuration of the engines, so that series name their pod:
relabel_configs:
  - {source_labels: [__meta_kubernetes_namespace], target_label: namespace}
  - {source_labels: [__meta_kubernetes_pod_name], target_label: pod}"""

_VERDICTS = {
    Health.LIVE: DoctorStatus.OK,
    Health.OFF: DoctorStatus.OK,
    Health.DEGRADED: DoctorStatus.WARN,
    Health.STARTING: DoctorStatus.WARN,
    Health.DOWN: DoctorStatus.FAIL,
}
_CHECKED_BY_NAME = {KUBERNETES, MACHINE, "prometheus", "scrape", "gpus"}
NAMED = 5
"""Joins that are named one by one."""


def check_api_server(snapshot: Snapshot, *, explained: bool) -> DoctorCheck:
    """Check that the API server answers, and as whom; ``explained``: its refusals are reported elsewhere."""
    status = snapshot.source(KUBERNETES)
    cluster = snapshot.cluster
    if status is None or status.health is Health.DOWN:
        problem, remedy = (status.problem, status.remedy) if status else ("not queried", "")
        return DoctorCheck("API server", DoctorStatus.FAIL, problem, (), remedy)
    groups = f" ({', '.join(cluster.groups)})" if cluster.groups else ""
    version = f"Kubernetes {cluster.version}" if cluster.version else "Kubernetes of unknown version"
    finding = f"{version}, as {cluster.user or 'nobody'}{groups}, {count(len(snapshot.pods), 'pod')}"
    if status.health is Health.LIVE or (status.health is Health.DEGRADED and explained):
        return DoctorCheck("API server", DoctorStatus.OK, finding)
    return DoctorCheck("API server", DoctorStatus.WARN, finding, status.notes or (_status_text(status),))


def check_metrics(snapshot: Snapshot, settings: Settings) -> Iterator[DoctorCheck]:
    """Yield the checks of Prometheus, the direct scrape, their data, and its joins."""
    prometheus, scrape = snapshot.source("prometheus"), snapshot.source("scrape")
    if prometheus is not None:
        yield _prometheus(prometheus, settings_in(settings, snapshot.cluster.context))
    if scrape is not None:
        yield _scrape(scrape)
    if snapshot.pods or snapshot.engines:
        yield _engines(snapshot)
        yield _gpus(snapshot)
        yield from _joins(snapshot)
        yield from check_dialects(snapshot)


def check_others(snapshot: Snapshot) -> Iterator[DoctorCheck]:
    """Yield a check for every other source, from its status."""
    for status in snapshot.sources:
        if status.name in _CHECKED_BY_NAME:
            continue
        text = status.endpoint or "answers" if status.health is Health.LIVE else _status_text(status)
        yield DoctorCheck(status.name, _VERDICTS[status.health], text, status.notes, status.remedy)


def _prometheus(status: SourceStatus, settings: Settings) -> DoctorCheck:
    found = "configured" if settings.prometheus.url else "found in the cluster"
    if status.health is Health.LIVE:
        return DoctorCheck("prometheus", DoctorStatus.OK, f"{status.endpoint}, {found}", status.notes)
    if settings.prometheus.enabled == "never":
        return DoctorCheck("prometheus", DoctorStatus.OK, "switched off by the configuration")
    if status.endpoint:
        return DoctorCheck("prometheus", _VERDICTS[status.health], _status_text(status), status.notes, status.remedy)
    wanted = settings.prometheus.enabled == "always"
    text = status.problem or "none is configured, and none was found among the cluster's services"
    offered = f"# if it is yours, in the configuration:\n{status.remedy}" if status.remedy.startswith("[") else ""
    fix = offered or INSTALL_PROMETHEUS
    return DoctorCheck("prometheus", DoctorStatus.FAIL if wanted else DoctorStatus.WARN, text, status.notes, fix)


def _scrape(status: SourceStatus) -> DoctorCheck:
    if status.health is Health.OFF:
        return DoctorCheck("direct scrape", DoctorStatus.OK, status.problem or "not needed: Prometheus has the engines")
    if status.health is Health.LIVE:
        return DoctorCheck("direct scrape", DoctorStatus.OK, f"through {status.endpoint}", status.notes)
    return DoctorCheck("direct scrape", _VERDICTS[status.health], _status_text(status), status.notes, status.remedy)


def _status_text(status: SourceStatus) -> str:
    where = f"{status.endpoint}: " if status.endpoint else ""
    return f"{where}{status.problem or status.health}"


def _engines(snapshot: Snapshot) -> DoctorCheck:
    if not snapshot.engines and none_is_read(snapshot.pods.values()):
        named = tuple(f"{pod.key}: {why}" for pod in snapshot.pods.values() if (why := unread(pod)))[:NAMED]
        return DoctorCheck("engines", DoctorStatus.OK, "none with supported metrics", named)
    if not snapshot.engines:
        return DoctorCheck(
            "engines", DoctorStatus.WARN, f"no series of a supported engine ({_names(ENGINES)})", (), SCRAPE_ENGINES
        )
    engines, models = count(len(snapshot.engines), "engine"), count(len(snapshot.models), "model")
    finding = f"{engines} of {models}, from {_measured_by(snapshot)}"
    silent = [unmatched for unmatched in snapshot.unmatched if unmatched.join is Join.POD_WITHOUT_METRICS]
    if silent:
        named = tuple(f"{unmatched.key}: {unmatched.detail}" for unmatched in silent[:NAMED])
        return DoctorCheck(
            "engines", DoctorStatus.WARN, f"{finding}; {count(len(silent), 'pod')} without", named, SCRAPE_ENGINES
        )
    return DoctorCheck("engines", DoctorStatus.OK, finding)


def _measured_by(snapshot: Snapshot) -> str:
    """The sources that the engines are read from; of several, how many from each."""
    read = Counter(map(snapshot.measured_from, snapshot.engines))
    return ", ".join(f"{name} ({count})" for name, count in read.items()) if len(read) > 1 else "".join(read)


def _gpus(snapshot: Snapshot) -> DoctorCheck:
    allocatable = sum(sum(node.gpus.values()) for node in snapshot.nodes.values())
    if snapshot.gpus:
        return DoctorCheck("GPUs", DoctorStatus.OK, f"{len(snapshot.gpus)} measured, {allocatable} allocatable")
    none = f"no metrics of a supported GPU exporter ({_names(GPUS)})"
    if lack := snapshot.coverage.lack("pods"):
        # There may be an exporter that this identity cannot see, so none is proposed.
        return DoctorCheck("GPUs", DoctorStatus.WARN, f"{none}; whether one runs is not known: {lack}")
    if allocatable or any(pod.gpus for pod in snapshot.pods.values()):
        return DoctorCheck("GPUs", DoctorStatus.WARN, f"the cluster has GPUs, and {none}", (), _installing(snapshot))
    return DoctorCheck("GPUs", DoctorStatus.OK, "none in this cluster")


def _names(dialects: DialectSet) -> str:
    return ", ".join(member.name for member in dialects)


def _installing(snapshot: Snapshot) -> str:
    """Return the commands for the exporters of the existing GPUs; for all vendors if the vendor is unknown."""
    resources = {name for node in snapshot.nodes.values() for name in node.gpus}
    resources |= {pod.gpu_resource for pod in snapshot.pods.values() if pod.gpu_resource}
    makers = {vendor_of(resource) for resource in resources}
    exporters = [product for product in GPUS.products if product.install]
    fitting = [product for product in exporters if product.vendor in makers]
    return "\n".join(product.install for product in fitting or exporters)


def _naming_pods() -> str:
    how = "".join(f"\n#   {p.name}: {p.naming_pods}" for p in GPUS.products if p.naming_pods)
    return (
        f"# the exporter must be told which pod holds a GPU, and its labels must survive:{how}\n"
        "#   its ServiceMonitor: honorLabels: true"
    )


def _joins(snapshot: Snapshot) -> Iterator[DoctorCheck]:
    for join, fix in ((Join.METRICS_WITHOUT_POD, RELABEL), (Join.POD_WITHOUT_GPU_METRICS, _naming_pods())):
        found = [unmatched for unmatched in snapshot.unmatched if unmatched.join is join]
        # If nothing at all is measured, the check above has reported it.
        measured = snapshot.gpus if join is Join.POD_WITHOUT_GPU_METRICS else snapshot.engines
        if found and measured:
            details = tuple(f"{unmatched.key}: {unmatched.detail}" for unmatched in found[:NAMED])
            yield DoctorCheck("joins", DoctorStatus.WARN, f"{join}: {len(found)}", details, fix)

"""The role of a pod (an engine, a gateway, an exporter of GPUs), and whether its metrics are read."""

from __future__ import annotations

from collections.abc import Iterable

from fleet.metrics.product import Product
from fleet.metrics.products import by_name, exporter, gateway, is_read
from fleet.metrics.registry import GATEWAYS
from fleet.model.objects import Pod


def runs_engine(pod: Pod) -> bool:
    """True if the pod serves a model: its template starts a server that is known, or names a model to serve."""
    if pod.serving.follows or (not pod.serving.engine and gateway_or_exporter(pod) is not None):
        return False
    return bool(pod.serving.engine or pod.version.model or pod.version.served_name)


def gateway_or_exporter(pod: Pod) -> Product | None:
    """Return the gateway or the exporter of GPUs that the pod is, if its metrics are read; None for neither."""
    started = GATEWAYS.by_name(pod.serving.gateway)
    if started is not None:
        return started.product
    return exporter(pod.labels) or gateway(pod.labels, [container.image for container in pod.containers])


def unread(pod: Pod) -> str:
    """Return why the metrics of a pod's engine are not read although it runs one; empty where they are read."""
    engine = by_name(pod.serving.engine)
    return "" if engine is None or is_read(engine) else engine.unread


def without_metrics(pod: Pod) -> str:
    """Return why a pod's server has no metrics, by its command line; empty where nothing is known to be."""
    product = by_name(pod.serving.engine)
    command = [word for one in pod.containers if one.name == pod.serving.container for word in one.command]
    by_flag = product.switch.words(command) if product is not None and command else ""
    return f"{product.name} runs {by_flag}" if product is not None and by_flag else ""


def none_is_read(pods: Iterable[Pod]) -> bool:
    """True if there are engines, and no metrics of theirs are read."""
    engines = [pod for pod in pods if runs_engine(pod)]
    return bool(engines) and all(map(unread, engines))

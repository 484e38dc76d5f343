"""The facts about a fleet: sources, model, joins, history and diagnosis. Nothing here can change anything.

Where to look:

- ``model/``: the vocabulary, readings, rows, measurements and the Snapshot; every other room may import it.
- ``sources/``: Kubernetes, Prometheus and direct scrapes, each followed in the background with its status.
- ``metrics/``: the dialects of engines, gateways and GPU exporters, and the code that reads their samples.
- ``kinds/``: the kinds of workloads.
- ``snapshot/``: objects and measurements joined into one Snapshot; ``observer`` is one tick.
- ``diagnosis/``, ``latency/``, ``timeline/``: what is wrong, why requests are slow, and what happened.
- ``net/``, ``guard``: the only way out.
"""

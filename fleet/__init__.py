"""The truth about a fleet: the model, the sources, the joins, the history. Nothing here can change anything.

Where to look:

- ``model/``: the vocabulary, readings, rows, measurements and the Snapshot; what every other room may import.
- ``kube/``: one cluster, followed by list and watch, as rows.
- ``metrics/``: what engines and exporters say, from Prometheus or scraped directly, as one type.
- ``targets``, ``scraping``, ``asking``, ``measuring``: which of the two is used in a cluster, by which way, and what is
  said where neither answers.
- ``join``, ``layout``, ``combine``, ``assess``, ``history``, ``backfill``, ``snapshot``: from rows and measurements to
  one Snapshot.
- ``observer``: a tick.
"""

"""Redirects of a scrape: followed to another path of the same server, never to another server.

In some servers ``/metrics`` is a mounted application, which redirects a client to ``/metrics/`` (307). Prometheus
follows, and so does this; but a pod's answer must not choose which host the console contacts.
"""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

from fleet.model.problem import SourceProblem

MOST_REDIRECTS = 4
"""Requests for one answer."""
_PROXY = "/proxy/"
"""Segment of an API server's path behind which the pod's own begins."""


class RedirectError(Exception):
    """The server answers that the page is at ``location``."""

    def __init__(self, location: str) -> None:
        super().__init__(location)
        self.location = location


def followed(url: str, location: str) -> str:
    """Return the target of a redirect from ``url``. Raises SourceProblem if that is another server, or not a URL.

    ``url`` is a path for a request through the API server's proxy, which writes its own address and that path into the
    redirects of a pod: then the target must be beneath the same proxy.
    """
    try:
        there = urlsplit(urljoin(url, location))
        here = urlsplit(url)
        elsewhere = (there.scheme, there.netloc) != (here.scheme, here.netloc)
    except ValueError:
        raise SourceProblem(f"redirects to {location!r}, which is not an address") from None
    if not here.netloc:
        beneath = here.path.partition(_PROXY)[0] + _PROXY
        elsewhere = not there.path.startswith(beneath)
    if elsewhere:
        raise SourceProblem(f"redirects to {location}, which is another server: not followed")
    origin = f"{here.scheme}://{here.netloc}" if here.netloc else ""
    return f"{origin}{there.path}{'?' if there.query else ''}{there.query}"

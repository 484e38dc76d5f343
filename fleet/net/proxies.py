"""The proxy of a request, by the rules that kubectl follows (Go's ``golang.org/x/net/http/httpproxy``).

HTTPS_PROXY applies to https URLs and HTTP_PROXY to http ones, in capitals or small letters; ALL_PROXY is ignored.
NO_PROXY lists hosts (with their subdomains), addresses, CIDRs, each with an optional port, and ``*`` for all.
``localhost`` and loopback addresses are never reached through a proxy, whatever is set. Pure.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import urlsplit

from fleet.dataclass import dataclass

SCHEMES: Final = ("http", "https", "socks5", "socks5h")
_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy, and the setting that names it."""

    url: str
    origin: str
    """``proxy-url of cluster 'eu'``, ``HTTPS_PROXY``."""

    @property
    def socks(self) -> bool:
        """True if it is a SOCKS 5 proxy."""
        return urlsplit(self.url).scheme.startswith("socks")

    @property
    def shown(self) -> str:
        """Kind, address and origin in words, without its credentials."""
        parts = urlsplit(self.url)
        kind = "the SOCKS proxy" if self.socks else "the proxy"
        return f"{kind} {parts.scheme}://{parts.netloc.rpartition('@')[2]} ({self.origin})"

    @property
    def problem(self) -> str:
        """The reason why it cannot be used; empty where it may be tried."""
        try:
            parts = urlsplit(self.url)
            host, port = parts.hostname, parts.port
        except ValueError:
            return f"the proxy of {self.origin} is not a URL"
        if parts.scheme not in SCHEMES:
            return f"the proxy of {self.origin} has the scheme {parts.scheme!r}; {', '.join(SCHEMES)} can be used"
        if not host or port == 0 or any(c <= " " or c == "\x7f" for c in self.url):
            return f"the proxy of {self.origin} is not a URL"
        return ""


def proxy_for(url: str, environ: Mapping[str, str]) -> Proxy | None:
    """The proxy that the environment lays down for a URL; None for a direct connection."""
    parts = urlsplit(url)
    name = f"{parts.scheme.upper()}_PROXY"
    origin = next((each for each in (name, name.lower()) if environ.get(each)), "")
    if parts.scheme not in _PORTS or not origin or not parts.hostname:
        return None
    if not _proxied(parts.hostname, parts.port or _PORTS[parts.scheme], environ):
        return None
    value = environ[origin].strip()
    return Proxy(value if "://" in value else f"http://{value}", origin)


def _proxied(host: str, port: int, environ: Mapping[str, str]) -> bool:
    host = host.lower()
    address = _address(host.partition("%")[0])
    if host == "localhost" or (address is not None and address.is_loopback):
        return False
    listed = environ.get("NO_PROXY") or environ.get("no_proxy") or ""
    return not any(_matches(entry, host, address, port) for entry in _entries(listed))


def _entries(listed: str) -> Iterator[str]:
    return (entry for part in listed.split(",") if (entry := part.strip().lower()))


def _matches(entry: str, host: str, address: _Address | None, port: int) -> bool:
    if entry == "*":
        return True
    if "/" in entry:
        try:
            return address is not None and address in ipaddress.ip_network(entry, strict=False)
        except ValueError:
            return False
    name, wanted = _parted(entry)
    if not name or (wanted and wanted != str(port)):
        return False
    listed = _address(name)
    if listed is not None:
        return address == listed
    name = name.removeprefix("*") if name.startswith("*.") else name
    return host.endswith(name) if name.startswith(".") else host == name or host.endswith(f".{name}")


_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def _address(text: str) -> _Address | None:
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    # ::ffff:127.0.0.1 is the loopback as well.
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return mapped or found


def _parted(entry: str) -> tuple[str, str]:
    """(host, port) of an entry; no port where it names none, as an IPv6 address without brackets does."""
    if entry.startswith("["):
        name, _, rest = entry[1:].partition("]")
        return name, rest.removeprefix(":")
    if entry.count(":") == 1:
        name, _, port = entry.partition(":")
        return name, port
    return entry, ""

"""A server on this machine as an entry for a gateway's configuration: text to copy, never applied. A key appears as the
name of a variable, never by value.
"""

from __future__ import annotations

import ipaddress
import json
import re
import socket
from collections.abc import Callable, Mapping
from typing import Final

from fleet.local.record import ServerRecord
from fleet.local.spec import LaunchSpec

READ: Final = 3600
"""Seconds without a byte that a gateway must allow: a long prompt in a full queue sends nothing for a long time."""
_ANY: Final = frozenset({"0.0.0.0", "::", ""})
_LOOPBACK: Final = (
    "This server listens on a loopback address, so only a gateway on this machine can use it. For others, start "
    "it with --host and an address of this machine."
)


def entries(record: ServerRecord, gateway: str = "", address: str = "") -> str:
    """Return the server as an entry for one gateway (a key of ``GATEWAYS``), or for all of them in turn.

    ``address`` is where a remote gateway reaches this machine; empty for this machine's name, if the server listens on
    all addresses. Raises KeyError for an unknown gateway.
    """
    at = _address(record.spec, address or socket.gethostname())
    wanted = (gateway,) if gateway else tuple(GATEWAYS)
    notes = [_LOOPBACK] if record.spec.is_loopback else []
    if record.keyed:
        notes.append(
            f"It requires an API key: {record.folder}/key holds it. Give it to the gateway as {variable(record)}."
        )
    comment = "".join(f"# {line}\n" for note in notes for line in _folded(note))
    return comment + "\n".join(GATEWAYS[name](record, at) for name in wanted)


def variable(record: ServerRecord) -> str:
    """The name of the variable that the entries take the API key from."""
    name = re.sub(r"[^A-Z0-9]", "_", record.name.upper())
    # A shell variable must not start with a digit.
    return f"{'NODE_' if name[0].isdigit() else ''}{name}_API_KEY"


def _address(spec: LaunchSpec, machine: str) -> str:
    return machine if spec.host in _ANY else spec.host


def _pair(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _nginx(record: ServerRecord, address: str) -> str:
    name = record.name
    # nginx does not read environment variables: envsubst, which its images run on templates, inserts the key.
    header = f'    proxy_set_header Authorization "Bearer ${{{variable(record)}}}";\n' if record.keyed else ""
    return f"""\
# nginx: into the http block{", by way of envsubst (a template of the nginx image)" if record.keyed else ""}
upstream {name} {{
    server {_pair(address, record.spec.port)} max_fails=3 fail_timeout=10s;
    keepalive 32;
}}
# nginx: into the server block
location /v1/ {{
    proxy_pass http://{name};
    proxy_http_version 1.1;
    proxy_set_header Connection "";
{header}    proxy_buffering off;
    proxy_read_timeout {READ}s;
}}
"""


def _litellm(record: ServerRecord, address: str) -> str:
    # LiteLLM requires a key for every OpenAI-compatible server; a server without one accepts any.
    key = f"os.environ/{variable(record)}" if record.keyed else "none"
    served = record.spec.served
    return f"""\
# LiteLLM: config.yaml
model_list:
  - model_name: {_yaml(served)}
    litellm_params:
      model: {_yaml(f"hosted_vllm/{served}")}
      api_base: http://{_pair(address, record.spec.port)}/v1
      api_key: {key}
"""


def _envoy(record: ServerRecord, address: str) -> str:
    kind = "STATIC" if _is_ip(address) else "STRICT_DNS"
    return f"""\
# Envoy: static_resources{_instruction(record)}
clusters:
  - name: {_yaml(record.name)}
    type: {kind}
    connect_timeout: 5s
    lb_policy: LEAST_REQUEST
    load_assignment:
      cluster_name: {_yaml(record.name)}
      endpoints:
        - lb_endpoints:
            - endpoint:
                address:
                  socket_address: {{address: {_yaml(address)}, port_value: {record.spec.port}}}
    health_checks:
      - timeout: 5s
        interval: 10s
        unhealthy_threshold: 3
        healthy_threshold: 1
        http_health_check: {{path: /health}}
# Envoy: the route
#   timeout: 0s and idle_timeout: {READ}s, or streams are cut after 15 s
"""


def _haproxy(record: ServerRecord, address: str) -> str:
    header = f'    http-request set-header Authorization "Bearer ${{{variable(record)}}}"\n' if record.keyed else ""
    return f"""\
# HAProxy
backend {record.name}
    mode http
    balance leastconn
    option httpchk GET /health
{header}    timeout server {READ}s
    server {record.name} {_pair(address, record.spec.port)} check inter 10s fall 3
"""


def _gateway_api(record: ServerRecord, address: str) -> str:
    name = record.name.lower().replace(".", "-")
    port = record.spec.port
    if not _is_ip(address) or ipaddress.ip_address(address).is_loopback:
        # An EndpointSlice contains only addresses, and the API server rejects loopback ones.
        shown, put = "REPLACE-ME", "# endpoints: set an IP address of this machine that the cluster's pods can reach\n"
        family = "IPv4"
    else:
        shown, put = address, ""
        family = f"IPv{ipaddress.ip_address(address).version}"
    return f"""\
# Gateway API: kubectl apply it yourself; an HTTPRoute names the Service as its backend{_instruction(record)}
{put}apiVersion: v1
kind: Service
metadata:
  name: {_yaml(name)}
spec:
  ports:
    - {{name: http, port: {port}, targetPort: {port}}}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: {_yaml(f"{name}-1")}
  labels:
    kubernetes.io/service-name: {_yaml(name)}
addressType: {family}
ports:
  - {{name: http, port: {port}, protocol: TCP}}
endpoints:
  - addresses: [{_yaml(shown)}]
    conditions: {{ready: true}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata:
  name: {_yaml(name)}
spec:
  parentRefs:
    - name: REPLACE-ME # your Gateway
  rules:
    - matches:
        - path: {{type: PathPrefix, value: /v1/}}
      timeouts: {{request: 0s}}
      backendRefs:
        - {{name: {_yaml(name)}, port: {port}}}
"""


def _instruction(record: ServerRecord) -> str:
    """Return the note on the key for a gateway that has no variables for it."""
    return f"; clients send the key as Authorization: Bearer ${variable(record)}" if record.keyed else ""


def _is_ip(address: str) -> bool:
    try:
        ipaddress.ip_address(address)
    except ValueError:
        return False
    return True


def _yaml(text: str) -> str:
    """A string of YAML: as it is where that is safe, else as JSON writes it, which YAML takes."""
    plain = re.fullmatch(r"[A-Za-z][A-Za-z0-9._/-]*", text) and text.lower() not in _WORDS
    return text if plain else json.dumps(text)


_WORDS: Final = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})
"""Words that YAML takes for something else than a string."""


def _folded(text: str, width: int = 96) -> list[str]:
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + len(word) >= width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


GATEWAYS: Final[Mapping[str, Callable[[ServerRecord, str], str]]] = {
    "nginx": _nginx,
    "litellm": _litellm,
    "envoy": _envoy,
    "haproxy": _haproxy,
    "gateway-api": _gateway_api,
}
"""Name of a gateway → function that makes its entry from the server and the address at which the gateway reaches it."""

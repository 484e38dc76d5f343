"""Every setting, its type, its default and its effect.

These are plain dataclasses so that starting with the defaults costs nothing: pydantic, which takes half as long to
import as a bare Textual app, validates them (see validate.py) only if a file or the environment sets something. The
reference in docs/configuration.md is written from here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, fields
from typing import Any, ClassVar, Literal, TypeVar, cast

from console.config.fields import STRICT, EndpointSettings, setting
from console.config.local_settings import LocalSettings
from console.config.ui_tables import OwnTheme, SavedView
from fleet.dataclass import dataclass
from fleet.sources.prometheus.stacks import NAMESPACES

T = TypeVar("T")

Use = Literal["auto", "always", "never"]
Via = Literal["auto", "pod-ip", "proxy"]
ProfileName = Literal["chat", "autocomplete", "batch"]
GlyphSet = Literal["auto", "unicode", "ascii"]


@dataclass(frozen=True, slots=True)
class ClusterSettings:
    """The cluster, and as whom it is read."""

    __pydantic_config__: ClassVar[Any] = STRICT
    kubeconfig: str = setting(
        "", "kubeconfig file, or several separated by `:`. Empty: KUBECONFIG, ~/.kube/config, in-cluster.", path=True
    )
    context: str = setting("", "Context of the kubeconfig. Empty: its current-context.")
    namespace: str = setting("", "The namespace in view. Empty: all.")
    namespaces: tuple[str, ...] = setting(
        (), "Namespaces to try one by one if neither reading all at once nor listing them is permitted."
    )
    production: tuple[str, ...] = setting(("*prod*",), "Shell patterns of contexts and clusters to mark as production.")


@dataclass(frozen=True, slots=True)
class ContextPrometheusSettings(EndpointSettings):
    """The Prometheus of one context of the kubeconfig; it replaces `[prometheus]` for these keys."""

    __pydantic_config__: ClassVar[Any] = STRICT
    cluster: str = setting(
        "", "The cluster in a store that holds several: only series whose `cluster_label` has this value. Empty: all."
    )
    cluster_label: str = setting("cluster", "The label that distinguishes clusters in such a store.")


@dataclass(frozen=True, slots=True)
class MorePrometheusSettings(ContextPrometheusSettings):
    """One more Prometheus of the same fleet: it scrapes a part of the cluster, or the GPUs. Of an engine or a GPU that
    several have, the first is read; the order is that of the file.
    """

    __pydantic_config__: ClassVar[Any] = STRICT
    contexts: tuple[str, ...] = setting(
        (),
        "Shell patterns of the contexts in which it is queried. Empty: all except those with a table of their own "
        "(`[prometheus.contexts.NAME]`).",
    )


@dataclass(frozen=True, slots=True)
class PrometheusSettings(EndpointSettings):
    """The Prometheus HTTP API: Prometheus itself, Thanos, Mimir, VictoriaMetrics."""

    __pydantic_config__: ClassVar[Any] = STRICT
    enabled: Use = setting("auto", "`auto`: if it is configured or found; `always`: report it if there is none.")
    url: str = setting("", "Base URL, without /api/v1. Empty: discovered among the cluster's Services.")
    services: tuple[str, ...] = setting(
        (), "Services of the cluster (`namespace/name`) trusted to be its Prometheus, in any namespace."
    )
    namespaces: tuple[str, ...] = setting(
        NAMESPACES,
        "Namespaces of monitoring stacks: a Prometheus or Alertmanager found there is trusted, unless an engine runs "
        "there too. Do not list namespaces that untrusted users may create.",
    )
    cluster: str = setting(
        "", "The cluster in a store that holds several: only series whose `cluster_label` has this value. Empty: all."
    )
    cluster_label: str = setting("cluster", "The label that distinguishes clusters in such a store.")
    window: float = setting(
        60.0,
        "Seconds over which rates and percentiles are computed; at least four scrape intervals.",
        minimum=5,
        maximum=3600,
    )
    also: Mapping[str, MorePrometheusSettings] = setting({}, "Additional ones, each in its own table: see below.")
    contexts: Mapping[str, ContextPrometheusSettings] = setting(
        {}, "Per context, each in its own table: see below. A `url` from the environment or a flag applies to all."
    )


@dataclass(frozen=True, slots=True)
class AlertmanagerSettings(EndpointSettings):
    """Alertmanager: which alerts fire, who is notified, and what is silenced."""

    __pydantic_config__: ClassVar[Any] = STRICT
    enabled: Use = setting("auto", "`auto`: if it is configured or found; `always`: report it if there is none.")
    url: str = setting(
        "", "Base URL, without /api/v2. Empty: the one that Prometheus sends to, or a Service of the cluster."
    )
    services: tuple[str, ...] = setting(
        (), "Services of the cluster (`namespace/name`) trusted to be its Alertmanager, in any namespace."
    )
    also: Mapping[str, EndpointSettings] = setting({}, "Additional ones, each in its own table: see below.")
    contexts: Mapping[str, EndpointSettings] = setting(
        {}, "Per context, each in its own table: see below. A `url` from the environment or a flag applies to all."
    )


@dataclass(frozen=True, slots=True)
class RulesSettings(EndpointSettings):
    """Evaluation of the rules of alerts: by Prometheus itself, Thanos Ruler, Mimir's ruler, vmalert."""

    __pydantic_config__: ClassVar[Any] = STRICT
    enabled: Use = setting("auto", "`auto`: if there is one; `always`: report it if there is none.")
    url: str = setting("", "Base URL, without /api/v1. Empty: the Prometheus of the metrics.")
    also: Mapping[str, EndpointSettings] = setting({}, "Additional ones, each in its own table: see below.")
    contexts: Mapping[str, EndpointSettings] = setting(
        {}, "Per context, each in its own table: see below. A `url` from the environment or a flag applies to all."
    )


@dataclass(frozen=True, slots=True)
class ScrapeSettings:
    """Reading the engines' /metrics directly."""

    __pydantic_config__: ClassVar[Any] = STRICT
    enabled: Use = setting("auto", "`auto`: if no Prometheus has the engines.")
    ports: tuple[int, ...] = setting(
        (8000,), "Ports to try if neither annotations nor port names specify one.", minimum=1, maximum=65535
    )
    path: str = setting("/metrics", "Path to scrape.")
    via: Via = setting("auto", "`pod-ip`: directly; `proxy`: through the API server; `auto`: pod IP, else proxy.")
    concurrency: int = setting(64, "Concurrent requests.", minimum=1, maximum=1024)
    timeout: float = setting(5.0, "Seconds to wait for a target.", minimum=0.1, maximum=60)
    bearer_token_file: str = setting(
        "",
        "File with a bearer token for engines with a protected /metrics; read again for each scrape. Anybody who "
        "may create pods in `bearer_namespaces` can obtain it, so it should grant nothing else.",
        path=True,
    )
    bearer_namespaces: tuple[str, ...] = setting((), "Namespaces whose engines are sent that token. Empty: none.")
    bearer_cleartext: bool = setting(
        False, "Also send the token over plain HTTP, and over TLS that `ca_file` does not verify."
    )
    ca_file: str = setting(
        "",
        "PEM file of the authorities of the engines' certificates. Empty: engines with TLS are scraped "
        "unverified, and no secret is sent to them.",
        path=True,
    )


def _latency(what: str) -> Any:
    return setting(0.0, f"{what}, seconds. 0: none.", minimum=0, maximum=86400)


@dataclass(frozen=True, slots=True)
class Promises:
    """The objectives that a table may set."""

    __pydantic_config__: ClassVar[Any] = STRICT
    availability: float = setting(
        0.0,
        "Share of time in which one of its engines must be available: `0.999`. 0: none.",
        minimum=0,
        maximum=0.999999,
    )
    errors: float = setting(
        0.0, "Share of requests that may be answered with 5xx: `0.01`. 0: none.", minimum=0, maximum=1
    )
    ttft_p50: float = _latency("Time to the first token that half of the requests must keep")
    ttft_p95: float = _latency("Time to the first token that 95 % of the requests must keep")
    ttft_p99: float = _latency("Time to the first token that 99 % of the requests must keep")
    itl_p50: float = _latency("Time from token to token that half of them must keep")
    itl_p95: float = _latency("Time from token to token that 95 % of them must keep")
    itl_p99: float = _latency("Time from token to token that 99 % of them must keep")
    e2e_p50: float = _latency("Time to the end of the answer that half of the requests must keep")
    e2e_p95: float = _latency("Time to the end of the answer that 95 % of the requests must keep")
    e2e_p99: float = _latency("Time to the end of the answer that 99 % of the requests must keep")


@dataclass(frozen=True, slots=True)
class ObjectiveGroup(Promises):
    """Objectives of some models or workloads; unset ones are as above. The first matching group applies."""

    __pydantic_config__: ClassVar[Any] = STRICT
    models: tuple[str, ...] = setting((), "Shell patterns of served names: `llama-*`. Empty: all.")
    workloads: tuple[str, ...] = setting((), "Shell patterns of workloads.")
    namespaces: tuple[str, ...] = setting((), "Shell patterns of namespaces. Empty: all.")


@dataclass(frozen=True, slots=True)
class ObjectiveSettings(Promises):
    """Objectives of all models (docs/objectives.md): the promises to users, compared with the counts."""

    __pydantic_config__: ClassVar[Any] = STRICT
    enabled: bool = setting(True, "Count them. It costs a few Prometheus queries every 30 s.")
    defaults: bool = setting(
        True, "If nothing is set: show 1 % errors and a TTFT p95 of 2.5 s, without raising incidents."
    )
    days: float = setting(30.0, "Days that an error budget covers.", minimum=1, maximum=90)
    groups: Mapping[str, ObjectiveGroup] = setting({}, "Separate tables: see below.")


@dataclass(frozen=True, slots=True)
class UiSettings:
    """The screen."""

    __pydantic_config__: ClassVar[Any] = STRICT
    refresh: float = setting(
        2.0, "Seconds between updates. Prometheus is queried no more often than it scrapes.", minimum=0.5, maximum=300
    )
    theme: str = setting(
        "auto",
        "Colours: `auto` asks the terminal; `quarterdeck-dark`, `quarterdeck-light`, `quarterdeck-contrast`; `ansi` "
        "uses its own sixteen; or the name of a table under `[ui.themes]`.",
    )
    themes: Mapping[str, OwnTheme] = setting({}, "Separate tables: see below.")
    glyphs: GlyphSet = setting("auto", "`auto`: Unicode if the locale supports it.")
    view: str = setting("", "The saved view that the console starts with. Empty: the fleet, worst first.")
    views: Mapping[str, SavedView] = setting({}, "Separate tables: see below.")
    welcome: bool = setting(True, "On the first start, explain the screen in a few lines until the first key.")


@dataclass(frozen=True, slots=True)
class FreezeSettings:
    """A window in which nothing is to be changed: plans say so and ask for a reason, or are refused."""

    __pydantic_config__: ClassVar[Any] = STRICT
    begins: str = setting("", "Time of day (`16:00`) for a recurring window, or a date and time: `2026-12-18T16:00`.")
    ends: str = setting("", "Likewise. A time of day not later than `begins` is on the next day.")
    days: tuple[str, ...] = setting((), "Days of the week on which it starts: `fri`. Empty: every day.")
    lasts: int = setting(0, "Days from its start to its end.", minimum=0, maximum=7)
    zone: str = setting("UTC", "Time zone of both: `Europe/Berlin`. Daylight saving time is followed.")
    why: str = setting("", "Its purpose, shown in plans.")
    contexts: tuple[str, ...] = setting((), "Shell patterns of the contexts that it applies to. Empty: all.")
    namespaces: tuple[str, ...] = setting((), "Shell patterns of the namespaces that it applies to. Empty: all.")
    blocks: bool = setting(
        False, "Refuse changes, except to what a critical incident concerns. Otherwise ask for a reason."
    )


@dataclass(frozen=True, slots=True)
class ActionSettings:
    """Changes of a cluster: scaling, draining, rolling back."""

    __pydantic_config__: ClassVar[Any] = STRICT
    require_reason: bool = setting(False, "Refuse every action without a reason, such as a ticket.")
    reason_pattern: str = setting("", r"Regular expression that must be found in a reason: `INC-\d+`. Empty: any text.")
    drain_deadline: float = setting(
        300.0,
        "Seconds that a drain waits for running requests, unless the action sets its own.",
        minimum=0,
        maximum=86400,
    )
    follow_timeout: float = setting(
        1800.0, "Seconds until an action that has not converged is reported as timed out.", minimum=1, maximum=86400
    )
    audit_dir: str = setting(
        "",
        "Folder of the audit logs, with a folder per person, named after their login. "
        "Empty: audit/ in the state folder ($XDG_STATE_HOME/quarterdeck).",
    )
    freezes: Mapping[str, FreezeSettings] = setting({}, "Change freezes, each in its own table: see below.")


@dataclass(frozen=True, slots=True)
class RecorderSettings:
    """The continuous recording of each cluster, for `quarterdeck replay` (docs/recording.md)."""

    __pydantic_config__: ClassVar[Any] = STRICT
    enabled: bool = setting(
        True, "Record, to recordings/ in the state folder ($XDG_STATE_HOME/quarterdeck), readable by you only."
    )
    hours: float = setting(24.0, "Hours to keep.", minimum=0.25, maximum=8760)
    size: float = setting(
        200.0, "MiB per cluster. Older data is thinned out, then deleted.", minimum=1, maximum=1048576
    )


@dataclass(frozen=True, slots=True)
class ProfileSettings:
    """Limits for judging some workloads, and the patterns that select them: a workload must match one of each list
    given.
    """

    __pydantic_config__: ClassVar[Any] = STRICT
    like: ProfileName = setting("chat", "The built-in profile that it is based on.")
    namespaces: tuple[str, ...] = setting((), "Shell patterns of namespaces.")
    workloads: tuple[str, ...] = setting((), "Shell patterns of names of workloads.")
    models: tuple[str, ...] = setting((), "Shell patterns of served models: `*coder*`.")
    limits: Mapping[str, float] = setting({}, "Its own thresholds, by name: `{ queue-deep = 20 }`; see below.")


@dataclass(frozen=True, slots=True)
class DiagnosisSettings:
    """Limits from which the diagnosis reports a problem, by who waits for the answers."""

    __pydantic_config__: ClassVar[Any] = STRICT
    profile: str = setting(
        "chat",
        "Profile of everything that no other profile matches: `chat`, `autocomplete`, `batch`, or one of `profiles`.",
    )
    profiles: Mapping[str, ProfileSettings] = setting(
        {}, "Profiles for selected workloads, each in its own table: see below. The first match applies."
    )
    logs: bool = setting(
        True, "Read the end of the log of a container that ended with an error, once, if logs may be read."
    )
    routing: bool = setting(
        True,
        "List Ingress, HTTPRoute, Gateway, NetworkPolicy and cert-manager's Certificates every 30 s, if "
        "permitted. No Secret is read.",
    )


@dataclass(frozen=True, slots=True)
class LimitSettings:
    """Largest size of an answer, in MiB after decompression. A larger one is abandoned, and that is reported."""

    __pydantic_config__: ClassVar[Any] = STRICT
    scrape: float = setting(64.0, "One /metrics page; 22 MB occur in practice.", minimum=0.1, maximum=4096)
    prometheus: float = setting(256.0, "Prometheus' answer to one query.", minimum=0.1, maximum=4096)
    kubernetes_list: float = setting(64.0, "One page of a Kubernetes list.", minimum=0.1, maximum=4096)
    alerts: float = setting(32.0, "All alerts, or all rules, at once.", minimum=0.1, maximum=4096)
    other: float = setting(
        4.0, "Anything else: one object, one event of a watch, an engine's models.", minimum=0.1, maximum=4096
    )


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be set."""

    __pydantic_config__: ClassVar[Any] = STRICT
    read_only: bool = setting(False, "Send no request that changes the cluster. Once true, no later source undoes it.")
    cluster: ClusterSettings = field(default_factory=ClusterSettings)
    prometheus: PrometheusSettings = field(default_factory=PrometheusSettings)
    alertmanager: AlertmanagerSettings = field(default_factory=AlertmanagerSettings)
    rules: RulesSettings = field(default_factory=RulesSettings)
    scrape: ScrapeSettings = field(default_factory=ScrapeSettings)
    objectives: ObjectiveSettings = field(default_factory=ObjectiveSettings)
    ui: UiSettings = field(default_factory=UiSettings)
    actions: ActionSettings = field(default_factory=ActionSettings)
    diagnosis: DiagnosisSettings = field(default_factory=DiagnosisSettings)
    recorder: RecorderSettings = field(default_factory=RecorderSettings)
    local: LocalSettings = field(default_factory=LocalSettings)
    limits: LimitSettings = field(default_factory=LimitSettings)
    keys: Mapping[str, str] = setting(
        {}, 'Command → its key, or several separated by commas: `open.logs = "l, shift-l"`. The help (`?`) names both.'
    )

    def of(self, table: type[T]) -> T:
        """Return the table of this type, which a source declares; its defaults if nothing in it is set."""
        sections = (getattr(self, name) for name in sections_of(type(self)))
        return next((section for section in sections if type(section) is table), None) or table()


@dataclass(frozen=True, slots=True)
class Policy:
    """The policy of the site's administrator; it holds over everything that a user sets."""

    __pydantic_config__: ClassVar[Any] = STRICT
    read_only: bool = setting(False, "Send no request that changes a cluster, for any user.")
    production: tuple[str, ...] = setting((), "Further patterns of production contexts and clusters.")
    require_reason: bool = setting(False, "Refuse every action without a reason, whatever users set.")
    reason_pattern: str = setting("", "Pattern of reasons, in place of the users' own. Empty: theirs.")
    audit_dir: str = setting("", "Folder of the audit logs in place of the users' own. Empty: theirs.")
    freezes: Mapping[str, FreezeSettings] = setting(
        {}, "Further change freezes: `[freezes.NAME]`, as in `[actions.freezes.NAME]`."
    )
    allow: tuple[Literal["logs", "proxy"], ...] = setting(
        (), "What read-only mode still allows: `logs` of pods, the API server's `proxy`."
    )


def sections_of(cls: type[Settings]) -> Mapping[str, type]:
    """The tables of the file that hold a fixed set of keys."""
    made_by = ((each.name, cast("object", each.default_factory)) for each in fields(cls))
    return {name: section for name, section in made_by if isinstance(section, type)}

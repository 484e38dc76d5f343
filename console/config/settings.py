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
        (), "Namespaces to try one by one where neither reading all at once nor listing them is permitted."
    )
    production: tuple[str, ...] = setting(
        ("*prod*",), "Shell patterns of the contexts and clusters that are production, and are marked as such."
    )


@dataclass(frozen=True, slots=True)
class ContextPrometheusSettings(EndpointSettings):
    """The Prometheus of one context of the kubeconfig; it replaces `[prometheus]` for these keys."""

    __pydantic_config__: ClassVar[Any] = STRICT
    cluster: str = setting(
        "", "The cluster in a store that holds several: only series whose `cluster_label` has this value. Empty: all."
    )
    cluster_label: str = setting("cluster", "The label by which such a store tells clusters apart.")


@dataclass(frozen=True, slots=True)
class MorePrometheusSettings(ContextPrometheusSettings):
    """One more Prometheus of the same fleet: it scrapes a part of the cluster, or the GPUs. Of an engine or a GPU that
    several have, the first is read; the order is that of the file.
    """

    __pydantic_config__: ClassVar[Any] = STRICT
    contexts: tuple[str, ...] = setting(
        (),
        "Shell patterns of the contexts in which it is asked. Empty: all but those that have a table of their own "
        "(`[prometheus.contexts.NAME]`).",
    )


@dataclass(frozen=True, slots=True)
class PrometheusSettings(EndpointSettings):
    """The Prometheus HTTP API: Prometheus itself, Thanos, Mimir, VictoriaMetrics."""

    __pydantic_config__: ClassVar[Any] = STRICT
    enabled: Use = setting("auto", "`auto`: where it is configured or found; `always`: say so when there is none.")
    url: str = setting("", "Base URL, without /api/v1. Empty: found among the cluster's services.")
    services: tuple[str, ...] = setting(
        (), "Services of the cluster (`namespace/name`) that are trusted to be its Prometheus, wherever they live."
    )
    namespaces: tuple[str, ...] = setting(
        NAMESPACES,
        "Namespaces of monitoring stacks: a Prometheus or Alertmanager found there is trusted, unless an engine runs "
        "there too. Name none that somebody may make for themselves.",
    )
    cluster: str = setting(
        "", "The cluster in a store that holds several: only series whose `cluster_label` has this value. Empty: all."
    )
    cluster_label: str = setting("cluster", "The label by which such a store tells clusters apart.")
    window: float = setting(
        60.0,
        "Seconds over which rates and percentiles are taken; at least four scrape intervals.",
        minimum=5,
        maximum=3600,
    )
    also: Mapping[str, MorePrometheusSettings] = setting({}, "More of them, each a table of its own: see below.")
    contexts: Mapping[str, ContextPrometheusSettings] = setting(
        {}, "Those of single contexts, each a table of its own: see below. A `url` of environment or flag is for all."
    )


@dataclass(frozen=True, slots=True)
class AlertmanagerSettings(EndpointSettings):
    """Alertmanager: which alerts fire, who is notified, and what is silenced."""

    __pydantic_config__: ClassVar[Any] = STRICT
    enabled: Use = setting("auto", "`auto`: where it is configured or found; `always`: say so when there is none.")
    url: str = setting("", "Base URL, without /api/v2. Empty: what Prometheus sends to, or a service of the cluster.")
    services: tuple[str, ...] = setting(
        (), "Services of the cluster (`namespace/name`) that are trusted to be its Alertmanager, wherever they live."
    )
    also: Mapping[str, EndpointSettings] = setting({}, "More of them, each a table of its own: see below.")
    contexts: Mapping[str, EndpointSettings] = setting(
        {}, "Those of single contexts, each a table of its own: see below. A `url` of environment or flag is for all."
    )


@dataclass(frozen=True, slots=True)
class RulesSettings(EndpointSettings):
    """Evaluation of the rules of alerts: by Prometheus itself, Thanos Ruler, Mimir's ruler, vmalert."""

    __pydantic_config__: ClassVar[Any] = STRICT
    enabled: Use = setting("auto", "`auto`: where there is one; `always`: say so when there is none.")
    url: str = setting("", "Base URL, without /api/v1. Empty: the Prometheus that the numbers come from.")
    also: Mapping[str, EndpointSettings] = setting({}, "More of them, each a table of its own: see below.")
    contexts: Mapping[str, EndpointSettings] = setting(
        {}, "Those of single contexts, each a table of its own: see below. A `url` of environment or flag is for all."
    )


@dataclass(frozen=True, slots=True)
class ScrapeSettings:
    """Reading the engines' /metrics directly."""

    __pydantic_config__: ClassVar[Any] = STRICT
    enabled: Use = setting("auto", "`auto`: where there is no Prometheus that has the engines.")
    ports: tuple[int, ...] = setting(
        (8000,), "Ports to try where neither annotations nor port names tell.", minimum=1, maximum=65535
    )
    path: str = setting("/metrics", "Path to read.")
    via: Via = setting("auto", "`pod-ip`: straight; `proxy`: through the API server; `auto`: pod IP, else proxy.")
    concurrency: int = setting(64, "Requests under way at once.", minimum=1, maximum=1024)
    timeout: float = setting(5.0, "Seconds to wait for a target.", minimum=0.1, maximum=60)
    bearer_token_file: str = setting(
        "",
        "File with a bearer token for engines whose /metrics is guarded; read again for each scrape. Whoever may "
        "create pods in `bearer_namespaces` can collect it, so it should be good for nothing else.",
        path=True,
    )
    bearer_namespaces: tuple[str, ...] = setting((), "Namespaces whose engines are sent that token. Empty: none.")
    bearer_cleartext: bool = setting(
        False, "Send the token also over plain HTTP, and over TLS that `ca_file` does not verify."
    )
    ca_file: str = setting(
        "",
        "PEM file of the authorities of the engines' certificates. Empty: engines that speak TLS are read without "
        "verifying them, and sent nothing secret.",
        path=True,
    )


def _latency(what: str) -> Any:
    return setting(0.0, f"{what}, seconds. 0: none.", minimum=0, maximum=86400)


@dataclass(frozen=True, slots=True)
class Promises:
    """The objectives that a table may set."""

    __pydantic_config__: ClassVar[Any] = STRICT
    availability: float = setting(
        0.0, "Share of the time in which an engine of it must be there: `0.999`. 0: none.", minimum=0, maximum=0.999999
    )
    errors: float = setting(
        0.0, "Share of the requests that may be answered with 5xx: `0.01`. 0: none.", minimum=0, maximum=1
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
    enabled: bool = setting(True, "Count them. It costs a few queries of Prometheus every half a minute.")
    defaults: bool = setting(
        True, "Where nothing is set: show 1 % errors and a TTFT p95 of 2.5 s. They are told of no incident."
    )
    days: float = setting(30.0, "Days over which an error budget lasts.", minimum=1, maximum=90)
    groups: Mapping[str, ObjectiveGroup] = setting({}, "Tables of their own: see below.")


@dataclass(frozen=True, slots=True)
class UiSettings:
    """The screen."""

    __pydantic_config__: ClassVar[Any] = STRICT
    refresh: float = setting(
        2.0, "Seconds between updates. Prometheus is asked no more often than it scrapes.", minimum=0.5, maximum=300
    )
    theme: str = setting(
        "auto",
        "Colours: `auto` asks the terminal; `quarterdeck-dark`, `quarterdeck-light`, `quarterdeck-contrast`; `ansi` "
        "uses its own sixteen; or the name of a table below `[ui.themes]`.",
    )
    themes: Mapping[str, OwnTheme] = setting({}, "Tables of their own: see below.")
    glyphs: GlyphSet = setting("auto", "`auto`: unicode where the locale can show it.")
    view: str = setting("", "The saved view that the console begins with. Empty: the fleet, worst first.")
    views: Mapping[str, SavedView] = setting({}, "Tables of their own: see below.")
    welcome: bool = setting(True, "On the first start, a few lines say what the screen shows, until the first key.")


@dataclass(frozen=True, slots=True)
class FreezeSettings:
    """A window in which nothing is to be changed: plans say so and ask for a reason, or are refused."""

    __pydantic_config__: ClassVar[Any] = STRICT
    begins: str = setting("", "Time of day (`16:00`), for a window that comes again; or a moment: `2026-12-18T16:00`.")
    ends: str = setting("", "The same. A time of day that is not later than `begins` is that of the next day.")
    days: tuple[str, ...] = setting((), "Days of the week on which it begins: `fri`. Empty: every day.")
    lasts: int = setting(0, "Days from the one on which it begins to the one on which it ends.", minimum=0, maximum=7)
    zone: str = setting("UTC", "Time zone of both: `Europe/Berlin`. Daylight saving is kept to.")
    why: str = setting("", "What for, as plans say it.")
    contexts: tuple[str, ...] = setting((), "Shell patterns of the contexts that it is for. Empty: all.")
    namespaces: tuple[str, ...] = setting((), "Shell patterns of the namespaces that it is for. Empty: all.")
    blocks: bool = setting(
        False, "Refuse changes, but for what a critical incident concerns. Else they are asked for a reason."
    )


@dataclass(frozen=True, slots=True)
class ActionSettings:
    """Changes of a cluster: scaling, draining, rolling back."""

    __pydantic_config__: ClassVar[Any] = STRICT
    require_reason: bool = setting(False, "Refuse every action without a reason (a ticket, say).")
    reason_pattern: str = setting("", r"Regular expression that must be found in a reason: `INC-\d+`. Empty: any text.")
    drain_deadline: float = setting(
        300.0, "Seconds that a drain waits for running requests, unless it says otherwise.", minimum=0, maximum=86400
    )
    follow_timeout: float = setting(
        1800.0, "Seconds until an action that has not converged is called timed out.", minimum=1, maximum=86400
    )
    audit_dir: str = setting(
        "",
        "Folder of the audit logs; a person's is in it, named after their login. "
        "Empty: audit/ in the state folder ($XDG_STATE_HOME/quarterdeck).",
    )
    freezes: Mapping[str, FreezeSettings] = setting(
        {}, "Windows in which nothing is to be changed, each a table of its own: see below."
    )


@dataclass(frozen=True, slots=True)
class RecorderSettings:
    """The continuous recording of each cluster, for `quarterdeck replay` (docs/recording.md)."""

    __pydantic_config__: ClassVar[Any] = STRICT
    enabled: bool = setting(
        True, "Keep it, in recordings/ of the state folder ($XDG_STATE_HOME/quarterdeck), for nobody else to read."
    )
    hours: float = setting(24.0, "Hours that are kept.", minimum=0.25, maximum=8760)
    size: float = setting(
        200.0, "MiB that a cluster's may take. What is older gets coarser, then goes.", minimum=1, maximum=1048576
    )


@dataclass(frozen=True, slots=True)
class ProfileSettings:
    """Limits for judging some workloads, and the patterns that select them: a workload must match one of each list
    given.
    """

    __pydantic_config__: ClassVar[Any] = STRICT
    like: ProfileName = setting("chat", "The built-in profile that it begins with.")
    namespaces: tuple[str, ...] = setting((), "Shell patterns of namespaces.")
    workloads: tuple[str, ...] = setting((), "Shell patterns of names of workloads.")
    models: tuple[str, ...] = setting((), "Shell patterns of served models: `*coder*`.")
    limits: Mapping[str, float] = setting({}, "Thresholds of its own, by name: `{ queue-deep = 20 }`; see below.")


@dataclass(frozen=True, slots=True)
class DiagnosisSettings:
    """Limits from which the diagnosis reports a problem, by who waits for the answers."""

    __pydantic_config__: ClassVar[Any] = STRICT
    profile: str = setting(
        "chat", "Profile of all that no other one is for: `chat`, `autocomplete`, `batch`, or one of `profiles`."
    )
    profiles: Mapping[str, ProfileSettings] = setting(
        {}, "Profiles of single workloads, each a table of its own: see below. The first one that matches is taken."
    )
    logs: bool = setting(
        True, "Read the end of the log of a container that ended with an error, once, where logs may be read."
    )
    routing: bool = setting(
        True,
        "List Ingress, HTTPRoute, Gateway, NetworkPolicy and cert-manager's Certificates every half a minute, where "
        "that is permitted. No Secret is read.",
    )


@dataclass(frozen=True, slots=True)
class LimitSettings:
    """Largest size of an answer, in MiB after decompression. A larger one is abandoned, and that is reported."""

    __pydantic_config__: ClassVar[Any] = STRICT
    scrape: float = setting(64.0, "One page of /metrics; pages of 22 MB exist.", minimum=0.1, maximum=4096)
    prometheus: float = setting(256.0, "Prometheus' answer to one query.", minimum=0.1, maximum=4096)
    kubernetes_list: float = setting(64.0, "One page of a list of Kubernetes.", minimum=0.1, maximum=4096)
    alerts: float = setting(32.0, "All alerts, or all rules, at once.", minimum=0.1, maximum=4096)
    other: float = setting(
        4.0, "Anything else: one object, one event of a watch, an engine's models.", minimum=0.1, maximum=4096
    )


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be set."""

    __pydantic_config__: ClassVar[Any] = STRICT
    read_only: bool = setting(
        False, "Let nothing through that changes the cluster. Once true, no later source undoes it."
    )
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
    read_only: bool = setting(False, "Let nothing through that changes a cluster, whoever asks.")
    production: tuple[str, ...] = setting((), "More patterns of production contexts and clusters.")
    require_reason: bool = setting(False, "Refuse every action without a reason, whatever users set.")
    reason_pattern: str = setting("", "The pattern of reasons in place of the users' own. Empty: theirs.")
    audit_dir: str = setting("", "Folder of the audit logs in place of the users' own. Empty: theirs.")
    freezes: Mapping[str, FreezeSettings] = setting(
        {}, "More windows in which nothing is to be changed: `[freezes.NAME]`, as in `[actions.freezes.NAME]`."
    )
    allow: tuple[Literal["logs", "proxy"], ...] = setting(
        (), "What read-only mode lets through all the same: `logs` of pods, the API server's `proxy`."
    )


def sections_of(cls: type[Settings]) -> Mapping[str, type]:
    """The tables of the file that hold a fixed set of keys."""
    made_by = ((each.name, cast("object", each.default_factory)) for each in fields(cls))
    return {name: section for name, section in made_by if isinstance(section, type)}

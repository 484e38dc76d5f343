"""The canary, where the settings name workloads that it may ask; none in read-only mode, since it makes a GPU work."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from console.config.fields import STRICT, setting
from fleet import guard
from fleet.dataclass import dataclass
from fleet.files import SECRET_LIMIT, read_text
from fleet.net.headers import sendable

if TYPE_CHECKING:
    from actions.canary.source import CanarySource
    from console.wiring.facts import InView
    from fleet.sources.scrape.targets import Endpoint


@dataclass(frozen=True, slots=True)
class CanaryGateway:
    """The gateway of one workload: the canary asks through it, too."""

    __pydantic_config__: ClassVar[Any] = STRICT
    url: str = setting("", "Base URL, without /v1 and without any path.")
    model: str = setting("", "Name of the model there. Empty: that of the engines.")
    bearer_token_file: str = setting("", "File with a bearer token; read again for each prompt.", path=True)
    bearer_token_env: str = setting("", "Name of the environment variable that holds a bearer token.")


@dataclass(frozen=True, slots=True)
class CanarySettings:
    """A question for one token, put to engines that are named here: never in read-only mode, as it makes a GPU work."""

    __pydantic_config__: ClassVar[Any] = STRICT
    workloads: tuple[str, ...] = setting(
        (), "Workloads whose engines are probed, `namespace/name` with `*`: `serving/chat-*`. Empty: none."
    )
    every: float = setting(60.0, "Seconds between two prompts to one engine.", minimum=10, maximum=86400)
    timeout: float = setting(20.0, "Seconds to wait for an answer.", minimum=1, maximum=600)
    prompt: str = setting("1 2 3 4 5 6", "The prompt: the next token should be beyond doubt.")
    bearer_token_file: str = setting(
        "",
        "File with the engines' API key; read again for each prompt. Anybody who may create pods in "
        "`bearer_namespaces` can obtain it.",
        path=True,
    )
    bearer_token_env: str = setting("", "Name of the environment variable that holds that key.")
    bearer_namespaces: tuple[str, ...] = setting((), "Namespaces whose engines are sent that key. Empty: none.")
    bearer_cleartext: bool = setting(
        False, "Send it over plain HTTP, the only protocol that the canary uses with pods. Off: no key is sent."
    )
    gateways: Mapping[str, CanaryGateway] = setting(
        {}, 'Gateways by workload (`namespace/name`), each in its own table: `[canary.gateways."serving/chat"]`.'
    )


def canary(in_view: InView) -> Iterator[CanarySource]:
    """The canary of the selected cluster, if it has targets."""
    settings = in_view.settings.of(CanarySettings)
    if not settings.workloads or in_view.is_machine or guard.is_locked():
        return
    from actions.canary.question import CanaryTarget
    from actions.canary.source import CanaryPlan, CanarySource

    token = _token(settings.bearer_token_file, settings.bearer_token_env, in_view.environ)

    def key_of(endpoint: Endpoint) -> str:
        allowed = settings.bearer_cleartext and endpoint.pod.namespace in settings.bearer_namespaces
        return token() if allowed else ""

    def place_of(one: CanaryGateway) -> Callable[[], CanaryTarget]:
        token = _token(one.bearer_token_file, one.bearer_token_env, in_view.environ)
        return lambda: CanaryTarget(one.url.rstrip("/"), one.model, token())

    gateways = {workload: place_of(one) for workload, one in settings.gateways.items() if one.url}
    ports = tuple(in_view.settings.scrape.ports)
    plan = CanaryPlan(settings.workloads, settings.prompt, settings.every, settings.timeout, ports, gateways)
    yield CanarySource(plan, in_view.objects.state, key_of)


def _token(file: str, variable: str, environ: Mapping[str, str]) -> Callable[[], str]:
    """Return what reads a token: of a file each time anew. One that cannot be read or sent is none, which its server
    says.
    """

    def read() -> str:
        try:
            token = read_text(file, SECRET_LIMIT, "ascii").strip() if file else environ.get(variable, "")
        except (OSError, UnicodeDecodeError):
            return ""
        return token if sendable(token) else ""

    return read

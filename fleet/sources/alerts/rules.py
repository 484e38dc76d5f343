"""Rules as a source: the evaluator's list of rules, and the alerts that are pending or firing by them.

Prometheus, Thanos Ruler, Mimir's ruler and vmalert answer /api/v1/rules alike. A server that answers only
/api/v1/alerts, as behind a gateway, has alerts without their rules.
"""

from __future__ import annotations

from fleet.model.alerts import Evaluated, MonitoringRule
from fleet.model.problem import NoApiError, NothingToAskError, SourceProblem
from fleet.sources.alerts.alertmanager import FollowsApi
from fleet.sources.alerts.api import JsonApi
from fleet.sources.alerts.decode import AlertReader, is_success


class RulesSource(FollowsApi[Evaluated]):
    """A rule evaluator. One that is ``expected`` and does not answer is an error: it was configured."""

    def read(self, api: JsonApi, reader: AlertReader) -> Evaluated:
        try:
            answer = api.get("/api/v1/rules")
            found = Evaluated(reader.rules(answer), reader.of_rules(answer))
        except NoApiError:
            answer = self._alerts(api)
            found = Evaluated((), reader.alerts(answer))
        if not is_success(answer):
            problem = f"{api.endpoint.shown} does not answer like a rule evaluator"
            raise SourceProblem(problem, "is it another product? Give its URL without /api/v1")
        reader.remarks += _failing(found.rules)
        return found

    def _alerts(self, api: JsonApi) -> object:
        try:
            return api.get("/api/v1/alerts")
        except NoApiError as error:
            if self.expected:
                raise
            # Thanos Query and VictoriaMetrics answer queries, and evaluate nothing.
            problem = f"{api.endpoint.shown} evaluates no rules"
            raise NothingToAskError(
                problem, "name an evaluator: [rules] url (Thanos Ruler, vmalert, Mimir's ruler)"
            ) from error


def _failing(rules: tuple[MonitoringRule, ...]) -> list[str]:
    failing = [rule for rule in rules if rule.health == "err"]
    if not failing:
        return []
    first, more = failing[0], f", and {len(failing) - 1} more" if len(failing) > 1 else ""
    return [f"the rule {first.name} of {first.group} cannot be evaluated{more}: {first.problem}"]

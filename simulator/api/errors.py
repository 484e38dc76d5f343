"""Refusals in the words of a Kubernetes API server: HTTP status codes with a `Status` object as the body."""

from __future__ import annotations

from typing import Any

from simulator.api.rbac import Attributes


class ApiError(Exception):
    """A request that ends in a Status object."""

    def __init__(
        self,
        code: int,
        reason: str,
        message: str,
        details: dict[str, Any] | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details = details
        self.metadata = metadata or {}

    @property
    def headers(self) -> dict[str, str]:
        """The headers that go with the status code."""
        seconds = (self.details or {}).get("retryAfterSeconds")
        return {} if seconds is None else {"Retry-After": str(seconds)}

    def status(self) -> dict[str, Any]:
        """The Status object."""
        body: dict[str, Any] = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": self.metadata,
            "status": "Failure",
            "message": self.message,
        }
        if self.reason:
            body["reason"] = self.reason
        if self.details is not None:
            body["details"] = self.details
        body["code"] = self.code
        return body


class PathNotFoundError(Exception):
    """A path no API serves: the only refusal in plain text instead of a Status."""


def qualified(resource: str, group: str) -> str:
    """The resource as messages name it: `pods`, `deployments.apps`."""
    return f"{resource}.{group}" if group else resource


def _details(resource: str, group: str, name: str) -> dict[str, Any]:
    details: dict[str, Any] = {}
    if name:
        details["name"] = name
    if group:
        details["group"] = group
    return details | {"kind": resource}


def bad_request(message: str) -> ApiError:
    """400: a parameter that cannot be read."""
    return ApiError(400, "BadRequest", message)


def unauthorized() -> ApiError:
    """Return 401: an unknown or expired token."""
    return ApiError(401, "Unauthorized", "Unauthorized")


def forbidden(user: str, asked: Attributes) -> ApiError:
    """Return 403: the user lacks the permission."""
    if asked.path:
        return ApiError(403, "Forbidden", f'forbidden: User "{user}" cannot {asked.verb} path "{asked.path}"', {})
    about = qualified(asked.resource, asked.group) + (f' "{asked.name}"' if asked.name else "")
    resource = f"{asked.resource}/{asked.subresource}" if asked.subresource else asked.resource
    where = f'in the namespace "{asked.namespace}"' if asked.namespace else "at the cluster scope"
    message = f'{about} is forbidden: User "{user}" cannot {asked.verb} resource "{resource}" '
    message += f'in API group "{asked.group}" {where}'
    return ApiError(403, "Forbidden", message, _details(asked.resource, asked.group, asked.name))


def not_found(resource: str, group: str, name: str) -> ApiError:
    """404: the resource is served, the object does not exist."""
    message = f'{qualified(resource, group)} "{name}" not found'
    return ApiError(404, "NotFound", message, _details(resource, group, name))


def method_not_allowed() -> ApiError:
    """405: the resource exists and does not take the verb."""
    message = "the server does not allow this method on the requested resource"
    return ApiError(405, "MethodNotAllowed", message, {})


def not_acceptable() -> ApiError:
    """406: no media type of the Accept header can be served."""
    message = (
        "only the following media types are accepted: application/json, application/json;as=Table;v=v1;"
        "g=meta.k8s.io, application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"
    )
    return ApiError(406, "NotAcceptable", message)


def watch_expired(asked: int, oldest: int) -> ApiError:
    """410 inside a watch: the history no longer reaches back to the resourceVersion."""
    return ApiError(410, "Expired", f"too old resource version: {asked} ({oldest})")


def list_expired() -> ApiError:
    """Return 410: a list at an exact resourceVersion that is gone."""
    return ApiError(410, "Expired", "The resourceVersion for the provided list is too old.")


def continue_expired(resume: str) -> ApiError:
    """Return 410: the snapshot behind a continue token is gone; `resume` reads the rest without consistency."""
    message = (
        "The provided continue parameter is too old to display a consistent list result. You can start a new "
        "list without the continue parameter, or use the continue token in this response to retrieve the "
        "remainder of the results. Continuing with the provided token results in an inconsistent list - objects "
        "that were created, modified, or deleted between the time the first chunk was returned and now may show "
        "up in the list."
    )
    return ApiError(410, "Expired", message, metadata={"continue": resume})


def version_too_large(asked: int, current: int) -> ApiError:
    """504: a list not older than a resourceVersion that does not exist yet."""
    details = {
        "causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}],
        "retryAfterSeconds": 1,
    }
    message = f"Timeout: Too large resource version: {asked}, current: {current}"
    return ApiError(504, "Timeout", message, details)


def invalid_list_options(field: str, message: str) -> ApiError:
    """422: list parameters that contradict each other."""
    forbidden_value = f"Forbidden: {message}"
    details = {
        "group": "meta.k8s.io",
        "kind": "ListOptions",
        "causes": [{"reason": "FieldValueForbidden", "message": forbidden_value, "field": field}],
    }
    text = f'ListOptions.meta.k8s.io "" is invalid: {field}: {forbidden_value}'
    return ApiError(422, "Invalid", text, details)


def unreachable(address: str) -> ApiError:
    """Return 503: the proxy's connection was refused."""
    message = f"error trying to reach service: dial tcp {address}: connect: connection refused"
    return ApiError(503, "ServiceUnavailable", message)


def already_exists(resource: str, group: str, name: str) -> ApiError:
    """409: a name that is taken."""
    message = f'{qualified(resource, group)} "{name}" already exists'
    return ApiError(409, "AlreadyExists", message, _details(resource, group, name))


def conflict(resource: str, group: str, name: str) -> ApiError:
    """Return 409: the object has changed since the writer read it."""
    text = "the object has been modified; please apply your changes to the latest version and try again"
    message = f'Operation cannot be fulfilled on {qualified(resource, group)} "{name}": {text}'
    return ApiError(409, "Conflict", message, _details(resource, group, name))


def precondition(kind: str, name: str, what: str, asked: str, found: str, otherwise: str) -> ApiError:
    """Return 409: a failed precondition of a DELETE or an eviction; `what` is UID or ResourceVersion."""
    text = f"the {what} in the precondition ({asked}) does not match the {what} in record ({found})"
    message = f'Operation cannot be fulfilled on {kind} "{name}": {text}. The object might have been {otherwise}'
    return ApiError(409, "Conflict", message, {"name": name, "kind": kind})


def apply_conflict(causes: list[dict[str, Any]]) -> ApiError:
    """409: an apply without force over fields of other managers."""
    many = "conflict" if len(causes) == 1 else "conflicts"
    what = "\n".join(f"{cause['message']}: {cause['field']}" for cause in causes)
    return ApiError(409, "Conflict", f"Apply failed with {len(causes)} {many}: {what}", {"causes": causes})


def invalid(kind: str, group: str, name: str, problems: list[tuple[str, str]]) -> ApiError:
    """422: values that cannot be, by field."""
    causes = [{"reason": "FieldValueInvalid", "message": text, "field": field} for field, text in problems]
    text = ", ".join(f"{field}: {problem}" for field, problem in problems)
    about = qualified(kind, group)
    details: dict[str, Any] = {"name": name} if name else {}
    details |= {"group": group} if group else {}
    details |= {"kind": kind} if kind else {}
    message = f'{about} "{name}" is invalid: {text if len(problems) == 1 else f"[{text}]"}'
    return ApiError(422, "Invalid", message, details | {"causes": causes})


def patch_refused() -> ApiError:
    """Return 422: a JSON patch that does not apply; the server does not say which operation."""
    return ApiError(422, "Invalid", "the server rejected our request due to an error in our request", {})


def unsupported_media_type(accepted: str = "") -> ApiError:
    """Return 415: a body of another media type; `accepted` lists the supported ones."""
    if not accepted:
        return ApiError(415, "UnsupportedMediaType", "415: Unsupported Media Type", {})
    text = f"the body of the request was in an unknown format - accepted media types include: {accepted}"
    return ApiError(415, "UnsupportedMediaType", text)


def budget_forbids(cause: str, retry_after: int | None = None) -> ApiError:
    """429: an eviction that a PodDisruptionBudget does not allow now."""
    details: dict[str, Any] = {"causes": [{"reason": "DisruptionBudget", "message": cause}]}
    if retry_after is not None:
        details["retryAfterSeconds"] = retry_after
    return ApiError(
        429, "TooManyRequests", "Cannot evict pod as it would violate the pod's disruption budget.", details
    )


def two_budgets() -> ApiError:
    """500: more than one PodDisruptionBudget selects the pod; it has no reason in its body."""
    text = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
    return ApiError(500, "", text)

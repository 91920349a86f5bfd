"""Kubernetes errors: `Status` objects as the real server words them."""

import json
from typing import Any

from sandbox.services.answers import Answer

REASONS = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    406: "NotAcceptable",
    409: "Conflict",
    410: "Expired",
    422: "Invalid",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServiceUnavailable",
    504: "Timeout",
}


class Refusal(Exception):
    """A request that is answered with a Status."""

    def __init__(self, code: int, message: str, **details: Any) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.metadata: dict[str, Any] = details.pop("metadata", {})
        self.details = {name: value for name, value in details.items() if value}

    def answer(self) -> Answer:
        """The Status as JSON; `retryAfterSeconds` among the details is sent as Retry-After too."""
        status: dict[str, Any] = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": self.metadata,
            "status": "Failure",
            "message": self.message,
        }
        if self.code in REASONS:
            status["reason"] = REASONS[self.code]
        if self.details:
            status["details"] = self.details
        status["code"] = self.code
        after = self.details.get("retryAfterSeconds")
        return Answer(self.code, json.dumps(status).encode(), headers={} if after is None else {"Retry-After": str(after)})

"""What a client is told of whatever went wrong, before a dialect writes it in its own shape."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Problem:
    """What the client is told: `type` is for programs, `message` for people, `fields` for forms."""

    http_status: int
    type: str
    message: str
    fields: Mapping[str, list[str]] = field(default_factory=dict)
    is_retryable: bool = False
    retry_after_s: int | None = None

    @property
    def headers(self) -> dict[str, str]:
        # The vendors' SDKs send every 409 three times unless told that the answer will not change.
        if self.is_retryable:
            wait = {} if self.retry_after_s is None else {"Retry-After": str(self.retry_after_s)}
            return {"x-should-retry": "true", **wait}
        return {"x-should-retry": "false"} if self.http_status == 409 else {}

"""The codes that metrics count by. Each series starts at 0, so that its first event is an increase.

Prometheus' increase() of a series that is born at 1 is 0: an alarm would miss the first trouble after each restart.
"""

from typing import Final

RECORD: Final = (
    "bad-customer", "bad-id", "bad-origin", "bad-properties", "bad-source", "bad-time", "bad-type",
    "cloudevents-batch", "cloudevents-format", "missing-customer", "missing-id", "missing-property", "missing-time",
    "missing-type", "no-origin", "no-value", "not-an-object", "not-cloudevents", "not-decodable", "outreach-too-large",
    "time-in-future", "time-too-old", "too-large", "undecidable", "undeclared-type", "unknown-customer",
    "unknown-origin", "wrong-type",
)  # fmt: skip
"""Reasons for dead letters of a worker or the ingest."""
OUTREACH: Final = ("not-outreach", "outreach-refused", "unknown-version")
"""Reasons for dead letters of a sender."""
FEEDBACK: Final = ("not-feedback",)
"""Reasons why a feedback record was skipped."""
TOKEN: Final = ("expired-token", "forged-token", "not-a-token", "token-too-long", "transactional-token")
"""Reasons why a link is refused."""
REPORT: Final = (
    "bad-certificate", "busy", "foreign-host", "forged", "other-topic", "stale", "unreachable", "unreadable",
    "unsigned", "wrong-login",
)  # fmt: skip
"""Reasons why a provider's request is refused."""
PASSED_OVER: Final = ("bad-token", "no-token", "other-kind", "subscription", "transactional", "unreadable-entry")
"""Reasons why a provider's report is ignored."""

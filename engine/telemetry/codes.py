"""The codes that metrics count by. A series is there with 0 from the start, so that the first one is an increase.

Prometheus' increase() of a series that is born at 1 is 0: an alarm would miss the first trouble after each restart.
"""

from typing import Final

RECORD: Final = (
    "bad-customer", "bad-id", "bad-origin", "bad-properties", "bad-source", "bad-time", "bad-type",
    "cloudevents-batch", "cloudevents-format", "missing-customer", "missing-id", "missing-property", "missing-time",
    "missing-type", "no-origin", "no-value", "not-an-object", "not-cloudevents", "not-decodable", "outreach-too-large",
    "time-in-future", "time-too-old", "too-large", "undecidable", "undeclared-type", "unknown-origin", "wrong-type",
)  # fmt: skip
"""Why a worker or its ingest could not use a record."""
OUTREACH: Final = ("not-outreach", "outreach-refused", "unknown-version")
"""Why a sender could not send one."""
FEEDBACK: Final = ("not-feedback",)
"""Why a sender could not obey one."""
TOKEN: Final = ("expired-token", "forged-token", "not-a-token", "token-too-long", "transactional-token")
"""Why a link does nothing."""
REPORT: Final = (
    "bad-certificate", "busy", "foreign-host", "forged", "other-topic", "stale", "unreachable", "unreadable",
    "unsigned", "wrong-login",
)  # fmt: skip
"""Why a provider's request is refused."""
PASSED_OVER: Final = ("bad-token", "no-token", "other-kind", "subscription", "transactional", "unreadable-entry")
"""Why a provider's report is none for us."""

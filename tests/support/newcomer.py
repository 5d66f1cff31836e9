"""A newcomer's project and the first events of its customers."""

import json
from typing import Any

ADA: dict[str, Any] = {"email": "ada@example.com", "first_name": "Ada", "email_opt_in": True}


def event(type: str, time: str, customer: str = "ada", **properties: object) -> bytes:
    fields = {"id": f"{customer}-{type}-{time}", "type": type, "customer": customer, "time": time}
    return json.dumps({**fields, "properties": properties}).encode() + b"\n"


STORY = b"".join(
    [
        event("signup", "2026-03-02T10:00:00Z", **ADA),
        event("signup", "2026-03-02T22:30:00Z", "bob", **ADA),
        event("purchase", "2026-03-03T10:00:00Z", amount=20, currency="EUR"),
    ]
)

"""An outreach as the worker writes it, to be changed field by field."""

import msgspec

from engine.model import KeptEvent, Outreach


def outreach(**changes: object) -> Outreach:
    event = KeptEvent("e-1", "purchase", 1_750_000_000_123, {})
    made = Outreach(
        id="o-1", rule="receipt", occurrence="e-1", customer="c-1", at=1_750_000_001_000, moment=1_750_000_000_123,
        expires_at=0, channel="email", purpose="transactional", template="receipt", revision="r", reason="purchase",
        to="zoë@exämple.org", event=event, subject="Grüße 🙂", text="a\n" * 3, html="<p>&amp;</p>",
    )  # fmt: skip
    return msgspec.structs.replace(made, **changes)

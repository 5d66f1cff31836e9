"""A Faust app with the engine in it: one process reads events, decides, and sees what it has decided.

Beside a rules/ and a templates/ folder: `faust -A examples.faust_app worker -l info`. BROKER_URL names the brokers.
"""

from collections import Counter

import faust

from engine.contrib.faust import Outreach, attach_to_faust

app = faust.App("shop-outreach", broker="kafka://localhost:9092")
engine = attach_to_faust(app)  # settings: ENGINE_… variables, or here: rules="rules", store="redis://localhost:6379/0"
sent: Counter[str] = Counter()


@app.agent(engine.outreach)
async def tell(messages: faust.StreamT[Outreach]) -> None:
    """Count and print every message. `id` is the same when one is repeated after a crash."""
    async for message in messages:
        sent[message.rule] += 1
        print(f"{message.id} to {message.customer}: {message.subject} ({sent[message.rule]} of {message.rule})")

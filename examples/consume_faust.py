"""A sender of your own, on Faust: reads the outreach topic and hands each message over once.

`faust -A examples.consume_faust worker -l info` runs it. After a crash the topic may repeat an id. A real sender keeps
ids where they outlive it, as by Redis' SET <id> 1 NX.
"""

import os
from typing import Any

import faust

app = faust.App(
    os.environ.get("SENDER_GROUP", "my-sender"),
    broker=f"kafka://{os.environ.get('ENGINE_KAFKA_BOOTSTRAP', 'localhost:9092')}",
    topic_allow_declare=False,  # the outreach topic is there, with its own number of partitions
    topic_disable_leader=True,
)
sent: set[str] = set()


@app.agent(app.topic(os.environ.get("ENGINE_OUTREACH_TOPIC", "engine.outreach"), key_type=str))
async def send(messages: faust.StreamT[dict[str, Any]]) -> None:
    async for outreach in messages:
        if outreach["id"] not in sent:
            sent.add(outreach["id"])
            print(f"{outreach['channel']} to {outreach['to']}: {outreach['subject']}", flush=True)

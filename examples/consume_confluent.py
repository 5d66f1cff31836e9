"""A sender of your own, on confluent-kafka: reads the outreach topic and hands each message over once.

After a crash the topic may repeat an id. A real sender keeps ids where they outlive it, as by Redis' SET <id> 1 NX.
"""

import json
import os

from confluent_kafka import Consumer

consumer = Consumer(
    {
        "bootstrap.servers": os.environ.get("ENGINE_KAFKA_BOOTSTRAP", "localhost:9092"),
        "group.id": os.environ.get("SENDER_GROUP", "my-sender"),
        "auto.offset.reset": "earliest",
    }
)
consumer.subscribe([os.environ.get("ENGINE_OUTREACH_TOPIC", "engine.outreach")])
sent: set[str] = set()
while True:
    message = consumer.poll(1.0)
    if message is None or message.error():
        continue
    outreach = json.loads(message.value() or b"{}")
    if outreach["id"] not in sent:
        sent.add(outreach["id"])
        print(f"{outreach['channel']} to {outreach['to']}: {outreach['subject']}", flush=True)

"""A sender of your own, on kafka-python: reads the outreach topic and hands each message over once.

After a crash the topic may repeat an id. A real sender keeps ids where they outlive it, as by Redis' SET <id> 1 NX.
"""

import json
import os

from kafka import KafkaConsumer

consumer = KafkaConsumer(
    os.environ.get("ENGINE_OUTREACH_TOPIC", "engine.outreach"),
    bootstrap_servers=os.environ.get("ENGINE_KAFKA_BOOTSTRAP", "localhost:9092"),
    group_id=os.environ.get("SENDER_GROUP", "my-sender"),
    auto_offset_reset="earliest",
)
sent: set[str] = set()
for message in consumer:
    outreach = json.loads(message.value)
    if outreach["id"] not in sent:
        sent.add(outreach["id"])
        print(f"{outreach['channel']} to {outreach['to']}: {outreach['subject']}", flush=True)

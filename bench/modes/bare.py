"""The yardstick above: confluent-kafka that reads the job's topic and does nothing with it."""

from collections.abc import Mapping
from time import monotonic

from confluent_kafka import Consumer, TopicPartition

from bench.modes.context import Context
from bench.table import Section, Value

HOW = (
    "One confluent-kafka consumer takes the job's records up to 10,000 at a time and drops them; the best of three."
    " With librdkafka's defaults it stands still most of the time: it fetches no more for a second whenever 100,000"
    " records wait. So the yardstick has the worker's setting of that pause; the defaults are there to be seen."
)
TIMES = 3
AS_THE_WORKER: Mapping[str, int] = {"fetch.queue.backoff.ms": 20}
PATIENCE = 0.05
"""Seconds to wait for a full batch. The last one never is: this much is counted too much, at most."""


def run(context: Context) -> Section:
    """The first time also brings the records into the broker's memory."""
    settings = {"defaults": {}, "as the worker": AS_THE_WORKER}
    rates = {name: max(_consume(context, given) for _ in range(TIMES)) for name, given in settings.items()}
    context.rates["bare"] = rates["as the worker"]
    rows: list[dict[str, Value]] = [{"settings": name, "records/s": round(rate)} for name, rate in rates.items()]
    return Section("Bare consumption", HOW, rows)


def _consume(context: Context, settings: Mapping[str, int]) -> float:
    bus, job = context.servers.bus, context.job
    reading = {"bootstrap.servers": bus.address, "group.id": "bare", "enable.auto.commit": False}
    consumer = Consumer({**reading, **settings})
    consumer.assign([TopicPartition(job.topic, number, 0) for number in range(bus.partitions)])
    first = 0
    while not first:
        first = len(consumer.consume(1, PATIENCE))
    began, taken = monotonic(), first
    while taken < job.records:
        taken += len(consumer.consume(10_000, PATIENCE))
    seconds = monotonic() - began
    consumer.close()
    return (taken - first) / seconds

"""The yardstick above: confluent-kafka that reads the job's topic and does nothing with it."""

from time import monotonic

from confluent_kafka import Consumer, TopicPartition

from bench.modes.context import Context
from bench.table import Section

HOW = (
    "One confluent-kafka consumer with its defaults takes the job's records 10,000 at a time and drops them;"
    " the better of two."
)


def run(context: Context) -> Section:
    """The first time also brings the records into the broker's memory."""
    rate = max(_consume(context) for _ in range(2))
    context.rates["bare"] = rate
    return Section("Bare consumption", HOW, [{"consumer": "confluent-kafka", "records/s": round(rate)}])


def _consume(context: Context) -> float:
    bus, job = context.servers.bus, context.job
    consumer = Consumer({"bootstrap.servers": bus.address, "group.id": "bare", "enable.auto.commit": False})
    consumer.assign([TopicPartition(job.topic, number, 0) for number in range(bus.partitions)])
    first = len(consumer.consume(10_000, 30))
    began, taken = monotonic(), first
    while taken < job.records:
        taken += len(consumer.consume(10_000, 1))
    seconds = monotonic() - began
    consumer.close()
    return (taken - first) / seconds

#!/usr/bin/env bash
# confluent-kafka 2.16.1 (librdkafka 2.16.0): a consumer that was sent to an offset goes back to the beginning by itself,
# after it has delivered the records from there. It happens where the partition was assigned at OFFSET_BEGINNING (or
# without an offset) and is moved while the question to the broker where it begins is on its way. The answer is out of
# date then, which is noticed; but whoever notices asks again, half a second later, and takes that answer: all records
# come, those after the offset once more, in order and with the offsets they had. seek() returns without an error.
# Unassigning the partition and assigning it anew at the wanted offset changes nothing. A consumer that moves its
# partitions in on_assign or after an outage of its store is in that window; a slow or busy broker makes it longer.
# Reported as issue 2256 of librdkafka (2019), which is closed; the code is rd_kafka_toppar_handle_Offset in
# rdkafka_partition.c. What helps is to look at each record's offset, and to seek once more.
#
# Output seen (librdkafka's mock broker, which answers after 100 ms; 4 partitions of 1,000 records; Linux):
#   seek to 900 after the answer: [0, 0, 0, 0] records too many
#   seek to 900 before the answer: [1000, 1000, 1000, 1000] records too many
#   assigned anew at 900 before the answer: [1000, 1000, 1000, 1000] records too many
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet confluent-kafka==2.16.1
cat >consume.py <<'PY'
import time

from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition

producer = Producer({"bootstrap.servers": "mock", "test.mock.num.brokers": 1, "test.mock.broker.rtt": 100, "log_level": 0})
producer.produce("topic", b"first", partition=0)
producer.flush()
topics = producer.list_topics()
address = ",".join(f"{one.host}:{one.port}" for one in topics.brokers.values())
partitions = sorted(topics.topics["topic"].partitions)
for partition in partitions:
    for number in range(partition == 0, 1000):
        producer.produce("topic", b"%d" % number, partition=partition)
producer.flush()


def read_again(what, wait, move):
    """How many records of each partition were before the offset or came twice, where it is moved so many seconds after it began."""
    consumer = Consumer(
        {"bootstrap.servers": address, "group.id": "group", "enable.auto.commit": False, "auto.offset.reset": "earliest"}
        | {"log_level": 0}
    )
    consumer.list_topics()
    consumer.incremental_assign([TopicPartition("topic", partition, OFFSET_BEGINNING) for partition in partitions])
    consumer.consume(0)
    time.sleep(wait)
    move(consumer, [TopicPartition("topic", partition, 900) for partition in partitions])
    seen, again = {partition: set() for partition in partitions}, dict.fromkeys(partitions, 0)
    ends = time.monotonic() + 3
    while time.monotonic() < ends:
        for message in consumer.consume(1000, 0.1):
            if message.error() is None:
                again[message.partition()] += message.offset() < 900 or message.offset() in seen[message.partition()]
                seen[message.partition()].add(message.offset())
    consumer.close()
    assert all({*range(900, 1000)} <= offsets for offsets in seen.values())
    print(f"{what}: {list(again.values())} records too many")
    return list(again.values())


def seek(consumer, places):
    for place in places:
        consumer.seek(place)


def assign_anew(consumer, places):
    consumer.incremental_unassign(places)
    consumer.incremental_assign(places)


assert read_again("seek to 900 after the answer", 2, seek) == [0, 0, 0, 0]
assert read_again("seek to 900 before the answer", 0.05, seek) == [1000] * 4
assert read_again("assigned anew at 900 before the answer", 0.05, assign_anew) == [1000] * 4
PY
venv/bin/python consume.py

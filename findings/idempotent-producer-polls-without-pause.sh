#!/usr/bin/env bash
# confluent-kafka 2.16.1 (librdkafka 2.16.0): an idempotent producer has one request a partition under way. While it waits
# for the answer, and another record of that partition has waited for `linger.ms`, its thread polls its sockets without a
# pause: the record counts as ready, so the thread is to wake at once, and only then it finds that it may not be sent
# (rd_kafka_toppar_producer_serve in rdkafka_broker.c). It takes a whole processor for as long as the broker takes to
# answer less the linger, which is 5 ms by default and often 0 or 1. The more a broker has to do, the more its producers
# take from it where they share a machine. max.in.flight=1 and retry.backoff.ms change nothing. One linger is for all topics.
# No issue about it was found; pull request 4989 of librdkafka, which is open, would send more than one request.
#
# Output seen (ten records every 20 ms for 3 s, librdkafka's mock broker, which answers after 100 ms; Linux):
#   idempotent, linger 1 ms: 2,574 ms of CPU
#   idempotent, linger 120 ms: 5 ms of CPU
#   not idempotent, linger 1 ms: 31 ms of CPU
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet confluent-kafka==2.16.1
cat >produce.py <<'PY'
import time
from pathlib import Path

from confluent_kafka import Producer


def used(idempotent, linger):
    """Milliseconds of CPU of the producer's threads that talk to brokers."""
    mock = {"test.mock.num.brokers": 1, "test.mock.broker.rtt": 100, "log_level": 0}
    producer = Producer({"bootstrap.servers": "mock", "enable.idempotence": idempotent, "linger.ms": linger, **mock})
    producer.produce("topic", b"value", partition=0)
    producer.flush()
    ends = time.monotonic() + 3
    while time.monotonic() < ends:
        for _ in range(10):
            producer.produce("topic", b"value", partition=0)
        producer.poll(0)
        time.sleep(0.02)
    threads = [one for one in Path("/proc/self/task").iterdir() if "rdk:broker" in one.joinpath("comm").read_text()]
    spent = sum(int(one.joinpath("schedstat").read_text().split()[0]) for one in threads) // 1_000_000
    producer.flush()
    producer.close()
    print(f"{'idempotent' if idempotent else 'not idempotent'}, linger {linger} ms: {spent:,} ms of CPU")
    return spent


spinning, lingering, plain = used(True, 1), used(True, 120), used(False, 1)
assert spinning > 5 * max(lingering, plain)
PY
venv/bin/python produce.py

"""`engine archive` reads topics of a live broker while events come in, and is killed again and again."""

import json
import random
import signal
import time
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import pytest
from confluent_kafka.admin import AdminClient

from tests.services import Broker
from tests.services.processes import Running, wait_until
from tests.support.command import engine, start_again
from tests.support.folder_changes import PATIENCE, changes
from tests.support.kafka_clients import make_topics, produce
from tests.support.project_files import write_project

pytestmark = [pytest.mark.e2e, pytest.mark.kafka]

EVENTS = "version: 1\nsources: [{{ topic: {}events }}]\nevents: {{ buy: {{ properties: {{ amount: number }} }} }}\n"
RULES = "version: 1\nrules: [{ id: thanks, when: { event: buy }, send: note }]\n"
NOTE = "{% block subject %}Thanks{% endblock %}{% block text %}Thanks{% endblock %}\n"
NEW = 90
"""Records of each kind that come in before each start."""


class Feed:
    """A shop's topics of events and outcomes, two partitions each, and what it has written to them."""

    def __init__(self, bootstrap: str, prefix: str, topics: Sequence[str] = ()) -> None:
        self.bootstrap = bootstrap
        self.topics = topics or (f"{prefix}events", f"{prefix}outcomes")
        self.written: Counter[tuple[str, int]] = Counter()
        make_topics(bootstrap, self.topics, 2, {})

    def more(self) -> None:
        for topic in self.topics:
            for partition in (0, 1):
                number = self.written[topic, partition]
                values = [self._value(topic, f"{partition}-{number + n}") for n in range(NEW)]
                produce(self.bootstrap, topic, values, partition)
                self.written[topic, partition] += NEW

    def _value(self, topic: str, id: str) -> bytes:
        at = 1_767_225_600_000 + self.written.total() * 60_000
        event: dict[str, Any] = {
            "id": id,
            "type": "buy",
            "customer": f"c-{id}",
            "time": at,
            "properties": {"amount": 5},
        }
        outcome = {"at": at, "customer": f"c-{id}", "rule": "thanks", "occurrence": id, "outcome": "fired"}
        told = event if topic == self.topics[0] else outcome | {"reason": "bought", "revision": "r", "outreach": id}
        return json.dumps(told).encode()

    @property
    def places(self) -> Counter[tuple[str, int, int]]:
        return Counter((topic, number, n) for (topic, number), count in self.written.items() for n in range(count))


def settings(broker: Broker, prefix: str) -> dict[str, str]:
    return {
        "ENGINE_KAFKA_BOOTSTRAP": broker.address,
        "ENGINE_OUTCOMES_TOPIC": f"{prefix}outcomes",
        "ENGINE_FEEDBACK_TOPIC": f"{prefix}feedback",
    }


def ended(process: Running) -> bool:
    time.sleep(0.001)
    return process.poll() is not None


def archived(folder: Path) -> Counter[tuple[str, int, int]]:
    """The places of all records, by the glob that another program would use."""
    files = [str(path) for path in folder.glob("kind=*/day=*/*.parquet")]
    with duckdb.connect() as connection:
        query = f"SELECT topic, topic_partition, topic_offset FROM read_parquet({files}, union_by_name = true)"
        return Counter(connection.execute(query).fetchall())


def test_a_topic_that_was_made_again_goes_into_an_archive_of_its_own_and_nothing_is_passed_over(
    broker: Broker, topic_prefix: str, tmp_path: Path
) -> None:
    write_project(tmp_path, {"events.yaml": EVENTS.format(topic_prefix), "rules.yaml": RULES, "note.email.j2": NOTE})
    feed, env = Feed(broker.address, topic_prefix), settings(broker, topic_prefix)
    feed.more()
    assert engine("archive", "--to", "first", folder=tmp_path, env=env).code == 0
    topic = feed.topics[0]
    admin = AdminClient({"bootstrap.servers": broker.address})
    admin.delete_topics([topic])[topic].result(PATIENCE)
    wait_until(lambda: topic not in admin.list_topics(timeout=PATIENCE).topics, "the topic is gone")
    again = Feed(broker.address, topic_prefix, feed.topics[:1])
    for records in range(2):
        again.more()
        refused = engine("archive", "--to", "first", folder=tmp_path, env=env)
        assert (refused.code, f"{topic} was made again" in refused.err) == (1, True), records
    assert engine("archive", "--to", "second", folder=tmp_path, env=env).code == 0
    assert archived(tmp_path / "first") == feed.places
    assert archived(tmp_path / "second") == again.places + Counter(one for one in feed.places if one[0] != topic)


def test_an_archive_of_live_topics_killed_at_twenty_moments_has_each_record_once(
    broker: Broker, topic_prefix: str, tmp_path: Path
) -> None:
    write_project(tmp_path, {"events.yaml": EVENTS.format(topic_prefix), "rules.yaml": RULES, "note.email.j2": NOTE})
    feed, folder, rng, killed = Feed(broker.address, topic_prefix), tmp_path / "archive", random.Random(20), 0
    env = settings(broker, topic_prefix)
    command = ["archive", "--to", folder, "--commit-every", 40]
    folder.mkdir()
    while killed < 20:
        feed.more()
        process, moment = start_again(*command, folder=tmp_path, env=env), rng.randint(1, 30)
        for seen, _ in enumerate(changes(folder, partial(ended, process)), 1):
            if seen == moment:
                process.kill()
                break
        process.wait(PATIENCE)
        assert process.returncode in (0, -signal.SIGKILL)
        killed += process.returncode != 0
    ran = engine(*command, folder=tmp_path, env=env)
    assert ran.code == 0, ran.err
    assert archived(folder) == feed.places
    assert engine(*command, folder=tmp_path, env=env).out.startswith("records: 0")
    assert archived(folder) == feed.places

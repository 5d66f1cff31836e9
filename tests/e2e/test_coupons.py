"""Codes of coupons on real servers: workers are killed between commit and publication, and each has another secret."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from engine.core.zones import iso
from engine.insight.coupons import find_code
from tests.services import AnyRedis, Broker
from tests.services.processes import PATIENCE
from tests.support.command import engine
from tests.support.coupons import RULES, SHOWN, shown_in
from tests.support.effort import Effort, tried_hard
from tests.support.faults import Stage
from tests.support.job import Entry, entry_of
from tests.support.kafka_clients import make_topics
from tests.support.topics import Read

pytestmark = [pytest.mark.e2e, pytest.mark.kafka]

EVENTS = """\
version: 1
sources: [{{ topic: "{topic}" }}]
events: {{ came: {{}}, tick: {{}} }}
"""
POLICY = "version: 1\nfresh_for: off\npublish: [coupon_issued]\n"
MAIL = f"{{% block subject %}}Hi{{% endblock %}}{{% block text %}}{SHOWN}{{% endblock %}}"
START = 1_767_225_600_000
DAY = 86_400_000
MOST = 4 * PATIENCE


Run = tuple[str, str]
"""Customer and occurrence."""
Code = tuple[str, str]
"""A code and its end."""


class CouponStage(Stage):
    def __init__(self, broker: Broker, redis: AnyRedis, folder: Path, prefix: str) -> None:
        super().__init__(broker.address, redis.url, folder, prefix)
        internal, self.derived = f"{prefix}internal", f"{prefix}derived"
        make_topics(broker.address, [internal, self.derived], self.partitions, {})
        self.settings |= {"events_topic": internal, "derived_topic": self.derived, "batch": 10}
        events = EVENTS.format(topic=self.topics.events)
        files = {"events.yaml": events, "policy.yaml": POLICY, "rules.yaml": RULES}
        self.use({**files, "gift.email.j2": MAIL, "ends.email.j2": MAIL})
        self._started = 0

    def next_worker(self) -> None:
        """Start the worker again, with a secret that none has had before."""
        self._started += 1
        self.start("a", coupon_secret=f"the secret of worker {self._started}")

    def kill_between_commit_and_publication(self, times: int) -> None:
        for _ in range(times):
            self.until_outbox_grows()
            self.kill9(self.workers["a"])
            self.next_worker()

    def sent(self, step: str) -> dict[Run, set[Code]]:
        """Codes that messages of the step show; a repeat says what the first one said."""
        found = defaultdict(set)
        for one in self.outreach():
            if one.json["step"] == step:
                code, until = shown_in(one.json["text"])
                found[run_of(one.json)].add((code, iso(until)))
        return dict(found)

    def kept(self) -> dict[Run, set[Code]]:
        """Codes by the outcomes: the last one of each, as a killed worker's may be there without its commit."""
        told = [one.json for one in self.topics.read(self.topics.outcomes) if "coupons" in one.json]
        return {run_of(one): {(code["code"], code["valid_until"]) for code in one["coupons"].values()} for one in told}


@pytest.fixture
def stage(broker: Broker, redis_server: AnyRedis, tmp_path: Path, topic_prefix: str) -> Iterator[CouponStage]:
    stage = CouponStage(broker, redis_server, tmp_path, topic_prefix)
    yield stage
    stage.close()


def entry(stage: Stage, type: str, customer: str, at: int) -> Entry:
    event = {"id": f"{type}-{customer}-{at}", "type": type, "customer": customer, "time": iso(at), "properties": {}}
    return entry_of(event, stage.partitions)


@tried_hard
def test_no_run_has_two_codes_and_no_code_two_runs_though_workers_and_secrets_come_and_go(
    stage: CouponStage, effort: Effort
) -> None:
    runs = effort.of(2_000, 30_000)
    stage.load(
        entry(stage, "came", f"c-{n // 2}", START + (n % 2) * 30 * DAY + n) for n in sorted(range(runs), key=odd)
    )
    stage.load(entry(stage, "tick", f"t-{n}", START + 60 * DAY) for n in range(200))  # the clock of every partition
    stage.next_worker()
    stage.kill_between_commit_and_publication(effort.of(4, 30))
    stage.finish(MOST)
    assert stage.in_flight > 0, "no kill came between commit and publication"
    first, reminder = stage.sent("gift"), stage.sent("ends")
    assert len(first) == len(reminder) == runs
    assert first == reminder
    assert {len(codes) for codes in first.values()} == {1}
    of_runs = {run: next(iter(codes)) for run, codes in first.items()}
    assert len({code for code, _ in of_runs.values()}) == runs
    told = {one.identity: one for one in stage.topics.read(stage.derived)}
    assert sorted(map(issued, told.values())) == sorted((run[0], *code) for run, code in of_runs.items())
    assert stage.kept() == first
    run, (code, _) = next(iter(of_runs.items()))
    assert whose(stage, code) == [run[0]]


def run_of(record: Mapping[str, Any]) -> Run:
    return record["customer"], record["occurrence"]


def odd(number: int) -> tuple[int, int]:
    """The runs that begin on the first day, then those that begin a month later."""
    return number % 2, number


def issued(told: Read) -> tuple[str, str, str]:
    """Customer, code and end of what the shop was told."""
    properties = told.json["properties"]
    return told.json["customer"], properties["code"], properties["valid_until"]


def whose(stage: CouponStage, code: str) -> list[str]:
    """The customers whose the code is, by an archive of the outcomes."""
    archive = stage.folder / "archive"
    if not archive.exists():
        named = {f"ENGINE_{name.upper()}": str(value) for name, value in stage.settings.items()}
        ran = engine("archive", "--to", archive, folder=stage.folder, env=named)
        assert ran.code == 0, ran.said
    return [one.customer for one in find_code([archive], code).issued]

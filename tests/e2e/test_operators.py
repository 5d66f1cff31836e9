"""The operators' commands on real servers, beside workers that run."""

import json
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewPartitions

from engine.adapters.redis import connect_sending
from engine.config import load_settings
from engine.model import Outcome
from engine.operate.reasons_not_to_reshard import left_behind
from engine.operate.reshard import Reshard
from engine.ports import DeliveryResult
from engine.ports import Entry as EncodedEntry
from engine.wire.partitioner import crc32_partition, murmur2_partition
from engine.wiring.brokers import KafkaBrokers
from tests.services.processes import wait_until
from tests.support.faults import Stage
from tests.support.job import PARTITIONS, Entry, entry_of, make_job, project
from tests.support.live import BOUGHT, live_project
from tests.support.operators import data, engine, engine_process
from tests.support.post_office import PostOffice, letter
from tests.support.stores import put

pytestmark = [pytest.mark.e2e, pytest.mark.kafka]

LIVE_RULES = """\
version: 1
rules:
  - id: thanks
    when: { event: purchase }
    send: text
  - id: third
    when: { milestone: { count: purchase, reaches: [3] } }
    send: text
  - id: quiet
    when: { inactivity: { of: purchase, for: 30d } }
    send: text
"""


@pytest.fixture
def live(stage: Stage) -> Stage:
    """A stage on wall-clock time, with a worker."""
    stage.settings["clock"] = "live"
    stage.use(project(stage.topics.events, rules=LIVE_RULES))
    stage.start("a")
    return stage


def levels(findings: list[dict[str, str]]) -> dict[str, str]:
    return {one["what"].split()[0]: one["level"] for one in findings}


def record(customer: str, time: int, amount: object = 20, **other: object) -> Entry:
    key = customer.encode()
    body = {"type": "purchase", "customer": customer, "time": time, "properties": {"amount": amount}} | other
    return Entry(time, murmur2_partition(key, PARTITIONS), key, json.dumps(body).encode())


def now() -> int:
    return int(time.time() * 1000)


def rules_sent(stage: Stage, customer: str) -> list[str]:
    return sorted(one.json["rule"] for one in stage.outreach() if one.json["customer"] == customer)


# --- before a worker starts


def test_a_check_says_whether_a_worker_could_start(stage: Stage) -> None:
    stage.use(project(stage.topics.events))
    fine = engine(stage, "run", "--check")
    assert fine.code == 0, fine.said
    assert fine.out.count("ok") >= 5

    found = engine(stage, "run", "--check", outreach_topic=f"{stage.name}elsewhere")
    assert found.code == 1
    assert f"missing, or hidden from us: {stage.name}elsewhere" in found.said
    assert "engine topics create" in found.said

    in_memory = data(stage, "run", "--check", store="memory")
    assert levels(in_memory)["store"] == "warn"
    assert engine(stage, "run", "--check", store="memory").code == 3


def test_a_check_finds_servers_that_are_not_there_and_rules_with_errors(stage: Stage) -> None:
    stage.use(project(stage.topics.events))
    assert levels(data(stage, "run", "--check", store="redis://127.0.0.1:1"))["store"] == "fail"
    stage.use(project(stage.topics.events, rules="version: 1\nrules: [{ id: broken }]\n"))
    found = data(stage, "run", "--check")
    assert levels(found) == {"rules": "fail", "store": "ok", "customers": "ok", "time": "ok"}


def test_topics_are_made_once_and_fit_each_other(stage: Stage) -> None:
    stage.use(project(f"{stage.name}new"))
    ours = ("outreach_topic", "outcomes_topic", "dead_letters_topic", "feedback_topic")
    names = {name: f"{stage.name}new-{name}" for name in ours}
    planned = data(stage, "topics", "create", "--partitions", 3, "--dry-run", **names)
    assert {one["topic"] for one in planned["made"]} == {f"{stage.name}new", *names.values()}
    assert levels(data(stage, "run", "--check", **names))["topics"] == "fail"

    made = data(stage, "topics", "create", "--partitions", 3, **names)
    assert made["made"] == planned["made"]
    assert {one["partitions"] for one in made["made"]} == {3}
    assert all(one["config"]["message.timestamp.type"] == "LogAppendTime" for one in made["made"])
    again = data(stage, "topics", "create", **names)
    assert (again["made"], len(again["there"])) == ([], 5)
    assert levels(data(stage, "run", "--check", **names))["partitions"] == "ok"

    refused = engine(stage, "topics", "create", "--partitions", 5, **names)
    assert refused.code == 2
    assert "need the same number of partitions" in refused.said


def test_rules_that_hear_of_no_feedback_and_a_feedback_topic_that_is_missing_are_told(stage: Stage) -> None:
    stage.use(project(stage.topics.events))
    topic = f"{stage.name}feedback"
    missing = engine(stage, "run", "--check", feedback_topic=topic)
    assert missing.code == 1
    assert f"missing, or hidden from us: {topic}" in missing.said
    assert "engine topics create" in missing.said

    data(stage, "topics", "create", feedback_topic=topic)
    deaf = engine(stage, "doctor", feedback_topic=topic)
    assert deaf.code == 3
    assert f"events.yaml does not read {topic}" in deaf.said
    files = project(stage.topics.events)
    sources = "sources:\n"
    assert sources in files["events.yaml"]
    stage.use(files | {"events.yaml": files["events.yaml"].replace(sources, f"{sources}  - topic: {topic}\n")})
    assert levels(data(stage, "doctor", feedback_topic=topic))["feedback"] == "ok"


@pytest.mark.parametrize("setting", ["outcomes_topic", "dead_letters_topic"])
def test_a_worker_without_a_topic_to_write_to_does_not_start(stage: Stage, setting: str) -> None:
    stage.use(project(stage.topics.events))
    refused = engine_process(stage, "run", **{setting: "nowhere"})
    assert refused.code == 1
    assert "nowhere: does not exist" in refused.said


# --- while workers run


def test_the_doctor_finds_nothing_where_all_is_well_and_lag_where_no_worker_runs(stage: Stage) -> None:
    stage.use(project(stage.topics.events))
    job = make_job(2_000, 300)
    stage.load(map(entry_of, job.events))
    worker = stage.start("a")
    stage.finish()
    found = data(stage, "doctor")
    assert set(levels(found).values()) == {"ok"}, found
    assert any("as murmur2 places them" in one["says"] for one in found)

    worker.stop()
    stage.load(map(entry_of, job.events[:100]))
    found = engine(stage, "doctor", clock="live")
    assert "100 records unread" in found.said
    assert "overdue for " in found.said
    assert found.code == 3


def test_the_doctor_tells_how_much_outreach_no_sender_has_read(stage: Stage) -> None:
    stage.use(project(stage.topics.events))
    bootstrap, store = (str(stage.settings[name]) for name in ("kafka_bootstrap", "store"))
    office = PostOffice(bootstrap, store, stage.folder, f"{stage.name}mail", PARTITIONS)
    office.settings |= {"email_url": f"maildir:{stage.folder / 'mail'}"}
    topic = {"outreach_topic": office.topics.outreach, "send_group": office.settings["send_group"]}

    def senders() -> tuple[str, str]:
        (found,) = (one for one in data(stage, "doctor", clock="live", **topic) if one["what"] == "senders")
        return found["level"], found["says"]

    letters = [letter(number, f"{number}@shop.example") for number in range(30)]
    office.post(letters[:20])
    assert senders() == ("ok", f"no sender of the group {topic['send_group']} has read {office.topics.outreach} yet")
    sender = office.start()
    office.wait_for_all(one.id for one in letters[:20])
    sender.stop()
    assert senders() == ("ok", "everything is read")
    office.post(letters[20:])
    assert senders()[1].startswith("10 records unread, the oldest for ")
    office.close()


def test_the_doctor_tells_producers_that_use_another_partitioner(stage: Stage) -> None:
    stage.use(project(stage.topics.events))
    keys = [f"c-{number}".encode() for number in range(100)]
    stage.load(Entry(0, crc32_partition(key, PARTITIONS), key, b"{}") for key in keys)
    found = engine(stage, "doctor")
    assert found.code == 1
    assert "as CRC32 places them" in found.said
    assert "partitioner=murmur2_random" in found.said

    stage.load([Entry(0, 0, b"", b"{}"), *(Entry(0, murmur2_partition(key, PARTITIONS), key, b"{}") for key in keys)])
    assert "murmur2 explains" in engine(stage, "doctor").said


def test_an_event_sent_by_hand_is_checked_and_counts(live: Stage) -> None:
    sent = data(live, "send-event", "purchase", "--customer", "c-1", "--set", "amount=20", "--set", "order=7")
    assert sent["partition"] == murmur2_partition(b"c-1", PARTITIONS)
    assert sent["offset"] == 0
    live.topics.loaded[sent["partition"]] += 1
    live.finish()
    assert rules_sent(live, "c-1") == ["thanks"]

    for wrong, why in (
        (["purchas", "--customer", "c-1"], "did you mean 'purchase'?"),
        (["purchase", "--customer", "c-1", "--set", "amount=much"], "amount must be a number"),
        (["purchase", "--customer", "c-1", "--set", "amount"], "expected name=value"),
        (["purchase", "--customer", "c-1", "--topic", "nowhere"], "declares no source nowhere"),
        (["purchase", "--customer", "c-1", "--time", "1970-01-02"], "accept.earliest"),
    ):
        refused = engine(live, "send-event", *wrong)
        assert (refused.code, why in refused.said) == (2, True), refused.said


def test_dead_letters_are_listed_and_sent_again_once_when_the_cause_is_mended(live: Stage) -> None:
    live.load([record("c-1", now(), amount="20 euros", id="e-1"), record("c-2", now(), id="e-2")])
    live.load([Entry(0, 0, b"c-3", b"not json")])
    live.finish()
    listed = data(live, "dead-letters", "list")
    assert [(one["code"], one["key"]) for one in listed if one["code"] == "wrong-type"] == [("wrong-type", "c-1")]
    assert len(listed) == 2
    assert listed[0]["topic"] == live.topics.events
    assert "amount must be a number" in engine(live, "dead-letters", "list", "--code", "wrong-type").said
    assert data(live, "dead-letters", "list", "--limit", 1) == listed[-1:]
    assert data(live, "dead-letters", "list", "--since", "2100-01-01") == []

    events = project(live.topics.events)["events.yaml"].replace("amount: number", "amount: any")
    live.use(project(live.topics.events, rules=LIVE_RULES) | {"events.yaml": events})
    live.workers["a"].stop()
    live.workers["a"].start()
    replayed = data(live, "dead-letters", "replay", "--code", "wrong-type", "--yes")
    assert replayed == {"replayed": 1, "left_out": {}}
    live.topics.loaded[murmur2_partition(b"c-1", PARTITIONS)] += 1
    live.finish()
    assert rules_sent(live, "c-1") == ["thanks"]

    assert data(live, "dead-letters", "replay", "--code", "wrong-type", "--yes")["replayed"] == 0
    assert [one["code"] for one in data(live, "dead-letters", "list")] == ["not-decodable"]
    assert len(data(live, "dead-letters", "list", "--all")) == 2


def test_an_erased_customer_stays_erased_beside_a_live_worker_and_may_come_back_as_new(live: Stage) -> None:
    before = now() - 60_000
    live.load([record("c-1", before), record("c-1", before + 1), record("c-2", before)])
    live.finish()
    shown = engine(live, "customer", "show", "c-1")
    assert "2 purchase" in shown.said
    assert "quiet is due" in shown.said
    exported = json.loads(engine(live, "customer", "export", "c-1").out)
    assert exported["partition"] == murmur2_partition(b"c-1", PARTITIONS)
    assert exported["events"]["purchase"]["count"] == exported["state"]["events"]["purchase"]["count"] == 2
    assert {one["rule"] for one in exported["history"]} == {"thanks"}

    asked = engine(live, "customer", "erase", "c-1")
    assert asked.code == 1
    assert engine(live, "customer", "show", "c-1").code == 0
    assert data(live, "customer", "erase", "c-1", "--yes") == {"customer": "c-1", "known": True, "outreach": 0}
    gone = engine(live, "customer", "show", "c-1")
    assert (gone.code, "no customer 'c-1'" in gone.said) == (1, True)

    live.load([record("c-1", before + 2), record("c-2", before + 2)])
    live.finish()
    assert engine(live, "customer", "show", "c-1").code == 1
    live.load([record("c-1", now()), record("c-1", before + 3)])
    live.finish()
    assert data(live, "customer", "show", "c-1")["events"]["purchase"]["count"] == 1
    assert data(live, "customer", "show", "c-2")["events"]["purchase"]["count"] == 2
    assert rules_sent(live, "c-1") == ["thanks"] * 3
    assert b"c-1" not in b"".join(name.encode() for name in live.store.open(exported["partition"]).erased)


def test_a_customer_is_found_wherever_they_are(stage: Stage) -> None:
    stage.use(project(stage.topics.events))
    at = make_job(10, 5).entries[0].at
    misplaced = record("c-1", at)._replace(partition=(murmur2_partition(b"c-1", PARTITIONS) + 1) % PARTITIONS)
    stage.load([misplaced, record("c-2", at)])
    stage.start("a")
    stage.finish()
    assert data(stage, "customer", "show", "c-1")["partition"] == misplaced.partition
    assert data(stage, "explain", "c-2", "milestone")["customer"] == "c-2"
    assert data(stage, "customer", "erase", "c-1", "--yes")["known"]
    assert engine(stage, "customer", "show", "c-1").code == 1


# --- another number of partitions


def test_how_the_sending_ended_is_shown_with_what_fired(live: Stage) -> None:
    live.load([record("c-1", now())])
    live.finish()
    (fired,) = data(live, "explain", "c-1", "thanks")["history"]
    assert fired["ended"] is None
    claims, _ = connect_sending(str(live.settings["store"]), live.name)
    claims.record(
        [DeliveryResult(fired["outreach"], "marketing", Outcome.BOUNCED, 1_767_225_600_000, "550 no such user")]
    )
    claims.close()
    (fired,) = data(live, "customer", "show", "c-1")["history"]
    assert fired["ended"] == {"outcome": "bounced", "at": "2026-01-01T00:00:00Z", "reason": "550 no such user"}
    for command in (("explain", "c-1"), ("customer", "show", "c-1")):
        assert "fired, bounced at 2026-01-01T00:00:00Z (550 no such user)" in engine(live, *command).said


@pytest.fixture
def grown(stage: Stage) -> Iterator[Stage]:
    """The same stage, as it is once its topics have grown."""
    settings = stage.settings
    grown = Stage(str(settings["kafka_bootstrap"]), str(settings["store"]), stage.folder, stage.name, partitions=12)
    yield grown
    grown.close()


def test_workers_refuse_grown_topics_until_the_customers_have_moved(stage: Stage, grown: Stage) -> None:
    job = make_job(12_000, 5_000)
    stage.use(project(stage.topics.events))
    half = len(job.events) // 2
    stage.load(map(entry_of, job.events[:half]))
    stage.start("a", kafka_instance_id="")
    stage.finish()
    customers = {event["customer"] for event in job.events[:half]}
    stage.workers.pop("a").stop()

    _grow(grown)
    refused = engine_process(stage, "run")
    assert refused.code == 1
    assert "engine reshard --to 12" in refused.said
    planned = data(stage, "reshard", "--to", grown.partitions, "--dry-run")
    moved = data(stage, "reshard", "--to", grown.partitions)
    assert moved["moved"] == planned["moved"] > len(customers) // 4
    assert moved["total"] == planned["total"] == len(customers)
    assert "already" in engine(stage, "reshard", "--to", grown.partitions).said

    grown.topics.loaded.update(stage.topics.loaded)
    grown.load(replace(job, events=job.events[half:], partitions=grown.partitions).entries)
    grown.start("b")
    grown.finish()
    verdict = grown.verdict(job.wanted)
    assert verdict.exact, verdict
    assert verdict.repeated == 0
    assert levels(data(grown, "doctor"))["customers"] == "ok"


def test_a_worker_that_was_forgotten_ends_when_the_customers_move_away(live: Stage) -> None:
    live.load([record("c-1", now())])
    live.finish()
    assert data(live, "reshard", "--to", 12, "--force")["total"] == 1
    live.load([record("c-1", now())])
    worker = live.workers["a"]
    wait_until(lambda: worker.died, "the worker ends")
    assert "engine reshard --to" in worker.said


def test_nobody_moves_while_a_worker_runs_or_has_left_events_unread(live: Stage) -> None:
    live.load([record("c-1", now())])
    live.finish()
    refused = engine(live, "reshard", "--to", 12)
    assert refused.code == 1
    assert f"1 member in the workers' group {live.name}" in refused.said
    assert "--force" in refused.said
    assert live.store.meta(0).moving_to == 0

    live.workers.pop("a").kill9()
    live.load([record(f"c-{number}", now()) for number in range(3)])
    assert f"3 records of {live.topics.events} not read yet" in engine(live, "reshard", "--to", 12, "--dry-run").said
    unreachable = engine(live, "reshard", "--to", 12, kafka_bootstrap="127.0.0.1:1")
    assert unreachable.code == 1
    assert "ENGINE_KAFKA_BOOTSTRAP" in unreachable.said


def test_what_workers_have_left_is_decided_and_published_before_anybody_moves(stage: Stage) -> None:
    stage.use(project(stage.topics.events, rules=LIVE_RULES))
    stage.start("a", clock="live", kafka_instance_id="")
    stage.load([record("c-1", now())])
    stage.finish()
    stage.workers.pop("a").stop()
    stage.load([record(f"c-{number}", now()) for number in range(3)])
    assert "3 records of" in engine(stage, "reshard", "--to", 12, "--dry-run").said
    put(
        stage.store,
        murmur2_partition(b"c-1", PARTITIONS),
        outbox=[EncodedEntry("o-1", b'{"rule":"thanks","customer":"c-9"}')],
    )
    moved = data(stage, "reshard", "--to", 12, clock="live")
    assert (moved["records_read"], moved["total"]) == (3, 3)
    assert [len(rules_sent(stage, f"c-{number}")) for number in (0, 1, 2, 9)] == [1, 2, 1, 1]
    assert [stage.store.meta(number).partitions for number in range(12)] == [12] * 12


def test_of_a_topic_that_rules_do_not_read_any_more_it_is_said_how_to_go_on(stage: Stage) -> None:
    """Or the rules are not those of the workers: then nobody may move before the topic has been read."""
    retired = stage.topics.make("retired")
    stage.use(live_project([stage.topics.events, retired], BOUGHT))
    stage.start("a", clock="live", kafka_instance_id="")
    stage.load([record("c-1", now())])
    stage.finish()
    stage.workers.pop("a").stop()
    stage.use(live_project([stage.topics.events], BOUGHT))
    stage.load([record("c-1", now())], retired)
    refused = engine(stage, "reshard", "--to", 12, clock="live").said
    assert f"1 record of {retired} not read yet: events.yaml of these rules does not read it" in refused
    assert "it has come since" not in refused
    assert data(stage, "reshard", "--to", 12, "--force")["total"] == 1


def test_nobody_moves_while_a_producer_writes_by_the_old_number(stage: Stage, grown: Stage) -> None:
    """A record that comes between the reading and the move would be read where its customer is not any more."""
    stage.use(project(stage.topics.events, rules=LIVE_RULES))
    stage.start("a", clock="live", kafka_instance_id="")
    stage.load([record(f"c-{number}", now()) for number in range(50)])
    stage.finish()
    stage.workers.pop("a").stop()
    _grow(grown)
    brokers, job = KafkaBrokers(load_settings(**stage.settings)), Reshard(stage.store, 12, lambda customer, count: 0)
    topic, moving = stage.topics.events, [c for c in map(str, range(50)) if _moves(c)]
    staying = next(c for c in map(str, range(50)) if not _moves(c))
    stage.load([record(staying, now())])
    assert left_behind(brokers, stage.store, job, murmur2_partition) == {}
    stage.load([record(moving[0], now()), record(moving[1], now())])
    assert left_behind(brokers, stage.store, job, murmur2_partition) == {topic: 2}
    assert data(stage, "reshard", "--to", 12, clock="live")["records_read"] == 3


def _moves(customer: str) -> bool:
    return murmur2_partition(customer.encode(), PARTITIONS) != murmur2_partition(customer.encode(), 12)


def test_a_topic_that_ends_with_the_marker_of_a_transaction_is_read_to_its_end(live: Stage) -> None:
    bootstrap = str(live.settings["kafka_bootstrap"])
    producer = Producer({"bootstrap.servers": bootstrap, "transactional.id": live.name, "log_level": 0})
    producer.init_transactions()
    producer.begin_transaction()
    entry = record("c-1", now())
    producer.produce(live.topics.events, entry.value, key=entry.key, partition=entry.partition)
    producer.commit_transaction()
    wait_until(lambda: rules_sent(live, "c-1") == ["thanks"], "the purchase is decided")
    assert levels(data(live, "doctor"))["lag"] == "ok"
    assert "not read yet" not in engine(live, "reshard", "--to", 12, "--dry-run").said


def _grow(stage: Stage) -> None:
    admin = AdminClient({"bootstrap.servers": str(stage.settings["kafka_bootstrap"]), "log_level": 0})
    topics = [NewPartitions(topic, stage.partitions) for topic in (stage.topics.events, stage.topics.outreach)]
    for done in admin.create_partitions(topics).values():
        done.result(10)

"""The operators' commands on real servers, beside workers that run."""

import json

import pytest

from engine.adapters.redis import connect_sending
from engine.model import Outcome
from engine.ports import DeliveryResult
from engine.wire.partitioner import crc32_partition, murmur2_partition
from tests.support.faults import Stage
from tests.support.job import PARTITIONS, Entry, entry_of, make_job, project
from tests.support.operators import (
    LIVE_RULES,
    data,
    engine,
    engine_process,
    levels,
    now,
    record,
    rules_sent,
)
from tests.support.post_office import PostOffice, letter

pytestmark = [pytest.mark.e2e, pytest.mark.kafka]


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

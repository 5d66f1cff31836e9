"""What the operators' commands work out without any server."""

import pytest

from engine.cli.dead_letters import show
from engine.cli.send_event import declared_type, properties_of
from engine.config import load_settings
from engine.core.catalog import Catalog, EventType, Property
from engine.errors import BadRecord, UsageError
from engine.model import WakeUp
from engine.operate.checks import check_names
from engine.operate.dead_letters import FoundLetter, why_not
from engine.operate.findings import Level
from engine.operate.positions import topics_read, unread_spans
from engine.operate.sampling import judge_keys
from engine.ports import Meta, Record
from engine.wire.dead_letters import MAX_EXCERPT, decode_letter, encode_letter, of_failure, of_record, original
from engine.wire.partitioner import crc32_partition, murmur2_partition
from engine.worker.result import Failure

KEYS = [f"c-{number}".encode() for number in range(100)]


def at(key: bytes | None, partition: int) -> Record:
    return Record("events", partition, 1, b"{}", key)


def test_keys_where_murmur2_puts_them_are_fine() -> None:
    finding = judge_keys("events", 8, [at(key, murmur2_partition(key, 8)) for key in KEYS])
    assert finding.level is Level.OK


def test_keys_where_crc32_puts_them_are_told_with_what_to_set() -> None:
    finding = judge_keys("events", 8, [at(key, crc32_partition(key, 8)) for key in KEYS])
    assert finding.level is Level.FAIL
    assert "CRC32" in finding.says
    assert "murmur2_random" in finding.advice


def test_two_producers_that_disagree_are_told() -> None:
    half = [at(key, murmur2_partition(key, 8)) for key in KEYS[:50]]
    other = [at(key, crc32_partition(key, 8)) for key in KEYS[50:]]
    assert judge_keys("events", 8, half + other).level is Level.FAIL


def test_a_topic_that_has_grown_has_customers_where_they_were_and_where_they_are() -> None:
    before = [at(key, murmur2_partition(key, 4)) for key in KEYS[:80]]
    after = [at(key, murmur2_partition(key, 6)) for key in KEYS[80:]]
    finding = judge_keys("events", 6, before + after)
    assert finding.level is Level.OK
    assert "with 4 partitions" in finding.says


def test_a_topic_that_has_grown_twice_has_customers_where_they_were_each_time() -> None:
    """A second reshard made of all old records those of a producer with another partitioner."""
    parts = ((KEYS[:55], 8), (KEYS[55:99], 12), (KEYS[99:], 24))
    finding = judge_keys(
        "events", 24, [at(key, murmur2_partition(key, count)) for keys, count in parts for key in keys]
    )
    assert finding.level is Level.OK
    assert "with 8 or 12 partitions" in finding.says


def test_a_topic_that_has_grown_hides_no_producer_with_another_partitioner() -> None:
    before = [at(key, murmur2_partition(key, 8)) for key in KEYS[:70]]
    other = [at(key, crc32_partition(key, 24)) for key in KEYS[70:]]
    assert judge_keys("events", 24, before + other).level is Level.FAIL


def test_records_without_a_key_are_told() -> None:
    finding = judge_keys("events", 8, [at(b"c-1", murmur2_partition(b"c-1", 8)), at(None, 3)])
    assert finding.level is Level.FAIL
    assert "1 of 2 sampled records have none" in finding.says


@pytest.mark.parametrize(("partitions", "unsure"), [(1, False), (8, True)])
def test_a_few_keys_may_fit_by_chance_unless_there_is_one_partition(partitions: int, unsure: bool) -> None:
    few = [at(key, murmur2_partition(key, partitions)) for key in KEYS[:3]]
    for sample in (few, []):
        finding = judge_keys("events", partitions, sample)
        assert finding.level is Level.OK
        assert ("too few to be sure" in finding.says) is unsure


@pytest.mark.parametrize(
    ("key", "value", "headers"),
    [
        (b"\xff\x00", b"\x00not utf-8\xfe", (("trace", b"\xff"), ("trace", b"again"), ("empty", b""))),
        (None, None, ()),
        (b"", b"", ()),
    ],
)
def test_a_dead_letter_keeps_the_record_as_it_was(
    key: bytes | None, value: bytes | None, headers: tuple[tuple[str, bytes], ...]
) -> None:
    record = Record("shop.events", 3, 43, value, key, 1_767_225_600_000, headers)
    letter = decode_letter(encode_letter(of_record(record, BadRecord("not-decodable", "it is not JSON")), 1_000_000))
    assert original(letter) == (key, value, list(headers))
    assert (letter.source, letter.partition, letter.offset) == ("shop.events", 3, 42)


def test_a_dead_letter_is_shown_without_what_a_terminal_would_obey(capsys: pytest.CaptureFixture[str]) -> None:
    record = Record("shop.events", 3, 43, b"[red]{\n\x1b[2J", b"c-1", 1_767_225_600_000)
    letter = decode_letter(encode_letter(of_record(record, BadRecord("not-decodable", "it is not JSON")), 1_000_000))
    show(FoundLetter(letter, 1_767_225_600_000))
    assert capsys.readouterr().out.splitlines() == [
        "2026-01-01T00:00:00Z  not-decodable  shop.events:3:42  c-1",
        "    it is not JSON",
        "    [red]{\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}[2J",
        "",
    ]


def test_a_record_too_large_for_the_dead_letter_topic_is_told_with_its_beginning_only() -> None:
    record = Record("shop.events", 3, 43, b"x" * 10_000_000, b"c-1", 1_767_225_600_000)
    encoded = encode_letter(of_record(record, BadRecord("too-large", "it is")), 1_000_000)
    assert len(encoded) < 10_000
    letter = decode_letter(encoded)
    assert original(letter) == (b"c-1", b"x" * MAX_EXCERPT, [])
    assert (letter.left_out, letter.offset) == (10_000_000 - MAX_EXCERPT, 42)
    assert "stands in its own topic only" in why_not(letter)


def test_a_record_that_is_kept_whole_can_be_sent_again_and_a_timer_cannot() -> None:
    letter = of_record(Record("shop.events", 3, 43, b"{", b"c-1"), BadRecord("not-decodable", "it is not JSON"))
    assert why_not(letter) == ""
    failure = Failure(WakeUp("c-1"), "it is a bug")
    assert "timer" in why_not(of_failure(None, failure.input.customer, failure.code, failure.reason, 3))


def test_what_is_left_of_a_topic_begins_where_the_last_of_its_readers_stands() -> None:
    metas = [Meta(offsets={"shop": 5, "web": 9, "shop/1": 3, "shop/2": 7}), Meta(offsets={"shop": 2, "shop/2": 4})]
    bounds = {("shop", 0): (0, 6), ("shop", 1): (0, 5), ("shop", 2): (0, 9), ("web", 0): (0, 4), ("web", 1): (1, 2)}
    assert unread_spans(metas, bounds) == {
        ("shop", 0): (5, 6), ("shop", 1): (2, 5), ("shop", 2): (4, 9), ("web", 0): (9, 4), ("web", 1): (1, 2),
    }  # fmt: skip
    assert topics_read([*metas, Meta(topics={"news": "id"})]) == {"shop", "web", "news"}


def test_a_mistyped_setting_is_named_with_the_one_that_was_meant() -> None:
    given = {"ENGINE_BATCHES": "9", "engine_Kafka_bootstrap_servers": "k:9092", "ENGINE_WHATEVER": "1"}
    found = {one.says.split()[0]: one.advice for one in check_names(given)}
    assert found == {
        "ENGINE_BATCHES": "did you mean ENGINE_BATCH?",
        "engine_Kafka_bootstrap_servers": "did you mean ENGINE_KAFKA_BOOTSTRAP?",
        "ENGINE_WHATEVER": "docs/deployment.md lists all settings",
    }


@pytest.mark.parametrize(
    "name",
    [
        "ENGINE_BATCH", "engine_batch", "ENGINE_TOKEN_SECRET_FILE", "ENGINE_KAFKA_CA_FILE", "ENGINE_TEST_REDIS",
        "ENGINE_COMPILE", "ENGINE_SERVICE_HOST", "ENGINE_REDIS_SERVICE_PORT_HTTP", "ENGINE_PORT_6379_TCP_ADDR", "PATH",
    ],
)  # fmt: skip
def test_settings_and_what_others_set_are_no_mistakes(name: str) -> None:
    assert list(check_names({name: "x", "ENGINE_REDIS_PORT": "tcp://10.0.0.1:6379"})) == []


def test_a_secret_file_is_known_for_secrets_only() -> None:
    (found,) = check_names({"ENGINE_EMAIL_URL_FILE": "/run/secrets/email"})
    assert found.advice == "did you mean ENGINE_EMAIL_URL?"


def test_the_address_of_a_kubernetes_service_is_no_setting_and_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENGINE_WEB_PORT", "tcp://10.0.0.1:8080")
    assert load_settings().web_port == 8_080
    (found,) = check_names({"ENGINE_WEB_PORT": "tcp://10.0.0.1:8080"})
    assert found.level is Level.WARN
    assert "ENGINE_WEB_PORT holds the address of a Kubernetes service" in found.says


def test_a_property_that_is_not_declared_is_named_with_the_one_that_was_meant(
    capsys: pytest.CaptureFixture[str],
) -> None:
    declared = EventType("purchase", {"amount": Property("amount", "number")})
    assert properties_of(declared, ["amont=1", "amount=2"]) == {"amont": 1, "amount": 2}
    said = capsys.readouterr().err
    assert said == "warning: events.yaml declares no property amont of purchase; did you mean 'amount'?\n"


def test_an_event_that_only_the_engine_makes_is_not_sent_by_hand_as_workers_would_pass_it_over() -> None:
    events = {"purchase": EventType("purchase"), "points_changed": EventType("points_changed", made=True)}
    assert declared_type(Catalog(events=events), "purchase").name == "purchase"
    for wrong, said in (
        ("points_changed", "only the engine makes points_changed: send what leads to it"),
        ("purchas", "events.yaml declares no event type purchas; it has purchase; did you mean 'purchase'?"),
    ):
        with pytest.raises(UsageError) as refused:
            declared_type(Catalog(events=events), wrong)
        assert str(refused.value) == said

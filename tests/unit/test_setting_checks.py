"""Settings that cannot be right are told by name, before any library sees them."""

from pathlib import Path
from typing import Any

import pytest

from engine.config import BadSetting, load_settings
from engine.core.catalog import Catalog, Source
from engine.operate.topics import check_apart
from tests.support.command import engine
from tests.support.coupons import shop

REFUSED: list[tuple[str, Any, str]] = [
    ("batch", "x", "expected a whole number, not 'x'"),
    ("kafka_session_timeout", "long", "expected a number, not 'long'"),
    ("kafka_session_timeout", 0, "must be greater than or equal to 1"),
    ("kafka_session_timeout", -1, "greater than or equal to 1"),
    ("kafka_session_timeout", "nan", "less than or equal to 1800"),
    ("kafka_session_timeout", 1e9, "less than or equal to 1800"),
    ("kafka_group", "", "needs a name"),
    ("kafka_group", " ", "needs a name"),
    ("kafka_group", "engine-send", "is the same"),
    ("kafka_group", "\udcff", "is not UTF-8"),
    ("kafka_instance_id", "a b", "expected letters"),
    ("kafka_bootstrap", "", "no host"),
    ("kafka_bootstrap", "kafka", "no port"),
    ("kafka_bootstrap", "kafka:99999", "out of range"),
    ("kafka_bootstrap", "kafka:0", "port is 0"),
    ("kafka_bootstrap", "kafka:port", "Port could not be cast"),
    ("kafka_bootstrap", "kafka:9092,", "no host"),
    ("kafka_bootstrap", "[::1:9092", "no address"),
    ("kafka_bootstrap", "ka fka:9092", "no host"),
    ("outreach_topic", "", "at least one"),
    ("outreach_topic", "a/b", "letters, digits"),
    ("outreach_topic", "..", "letters, digits"),
    ("outcomes_topic", "x" * 250, "at most 249"),
    ("dead_letters_topic", "engine.outcomes", "is the same as ENGINE_OUTCOMES_TOPIC"),
    ("feedback_topic", "engine.outreach", "is the same as ENGINE_OUTREACH_TOPIC"),
    ("derived_topic", "", "at least one"),
    ("derived_topic", "a b", "letters, digits"),
    ("derived_topic", "engine.outreach", "is the same as ENGINE_OUTREACH_TOPIC"),
    ("namespace", "", "expected letters"),
    ("namespace", "a{b}", "expected letters"),
    ("http_port", 99_999, "less than or equal to 65535"),
    ("http_port", -1, "greater than or equal to 0"),
    ("web_port", 0, "greater than or equal to 1"),
    ("batch", 0, "greater than or equal to 1"),
    ("batch", 10**7, "less than or equal to 1000000"),
    ("page", -5, "greater than or equal to 1"),
    ("cache_size", -1, "greater than or equal to 0"),
    ("erased_days", 10**9, "less than or equal to 36500"),
    ("link_days", 10**9, "less than or equal to 36500"),
    ("send_claims_days", 10**9, "less than or equal to 36500"),
    ("send_retry_hours", "inf", "less than or equal to 8784"),
    ("send_first_retry", "inf", "less than or equal to 86400"),
    ("public_url", "shop.example", "https://"),
    ("public_url", "https:///path", "no host"),
    ("public_url", "https://größe.example/mail", "of ASCII"),
    ("public_url", "https://shop.example/my mail", "of ASCII"),
    ("public_url", "https://shop.example/mail?shop=1", "of ASCII"),
    ("public_url", "https://shop.example/#mail", "of ASCII"),
    ("public_url", "https://shop.example/mail%20us", "of ASCII"),
    ("public_url", "https://shop.example/{token}", "of ASCII"),
    ("public_url", "https://me:secret@shop.example", "of ASCII"),
    ("kafka_token_url", "https://", "no host"),
    ("webhook_url", "https://hooks..example", "the host is no name"),
    ("sms_url", f"https://{'x' * 64}.example", "the host is no name"),
    ("webhook_url", "https://:443/hook", "no host"),
    ("sms_url", "https://sms.example:99999", "out of range"),
    ("email_url", "smtp://", "no host"),
    ("email_url", "maildir:", "maildir:folder"),
    ("kafka_ca_file", "/nowhere/ca.pem", "no such file"),
    ("pages", "/nowhere/pages", "no such folder"),
    ("kafka_security_protocol", "SASL_SSL", "needs a user"),
]


@pytest.mark.parametrize(("name", "value", "why"), REFUSED)
def test_a_setting_that_makes_no_sense_is_named_with_the_reason(name: str, value: Any, why: str) -> None:
    with pytest.raises(BadSetting) as refused:
        load_settings(**{name: value})
    assert why in refused.value.reason
    if value not in ("SASL_SSL", "engine-send"):
        assert refused.value.name == f"ENGINE_{name.upper()}"


@pytest.mark.parametrize(
    "given",
    [
        {"kafka_bootstrap": "a:1, b:2,[::1]:9092"},
        {"feedback_topic": ""},
        {"http_port": 0},
        {"email_url": "smtps://me:secret@mail.example"},
        {"email_url": "console:"},
        {"public_url": "http://localhost:8080/mail"},
        {"public_url": "https://xn--gre-7la0m.example/mail/of_us-1.0/"},
        {"public_url": "http://[::1]:8080"},
        {"webhook_url": "https://größe.example"},
        {"kafka_security_protocol": "SASL_SSL", "kafka_username": "shop"},
    ],
)
def test_a_setting_that_makes_sense_is_taken(given: dict[str, Any]) -> None:
    load_settings(**given)


def test_no_reason_quotes_a_password() -> None:
    for url in ("smtp://me:s3cret@", "smtp://me:s3cret@host:99999", "smtp://me:s3cret@[", "https://me:s3cret@ h"):
        with pytest.raises(BadSetting) as refused:
            load_settings(email_url=url)
        assert "s3cret" not in str(refused.value)


def test_a_certificate_needs_its_key(tmp_path: Path) -> None:
    (tmp_path / "me.pem").write_text("")
    with pytest.raises(BadSetting, match="ENGINE_KAFKA_KEY_FILE: must be set: the client certificate needs its key"):
        load_settings(kafka_certificate_file=tmp_path / "me.pem")


@pytest.mark.parametrize("topic", ["engine.outreach", "engine.outcomes", "engine.dead-letters"])
def test_what_the_engine_writes_is_no_source_of_events(topic: str) -> None:
    with pytest.raises(BadSetting, match=f"{topic} is a source in events.yaml"):
        check_apart(load_settings(), Catalog(sources=(Source(topic, topic),)))


def test_feedback_may_be_a_source_of_events_and_the_internal_topic_may_not() -> None:
    catalog = Catalog(sources=(Source("raw", "raw", keyed=False), Source("engine.feedback", "engine.feedback")))
    check_apart(load_settings(), catalog)
    with pytest.raises(BadSetting, match="ENGINE_EVENTS_TOPIC"):
        check_apart(load_settings(events_topic="raw"), catalog)


@pytest.mark.parametrize(
    ("command", "given", "missing"),
    [
        ("run", {}, "ENGINE_COUPON_SECRET: must be set"),
        ("send", {}, "ENGINE_EMAIL_URL: no channel is configured"),
        ("send", {"ENGINE_EMAIL_URL": "smtp://localhost:1"}, "ENGINE_MAIL_FROM: mail needs a sender"),
        ("web", {}, "ENGINE_TOKEN_SECRET: links need a secret"),
        ("web", {"ENGINE_FEEDBACK_TOPIC": ""}, "ENGINE_FEEDBACK_TOPIC: the pages have nowhere to tell"),
    ],
)
def test_what_is_missing_among_the_settings_is_told_before_a_server_is_asked(
    tmp_path: Path, command: str, given: dict[str, str], missing: str
) -> None:
    shop(tmp_path)
    nowhere = {"ENGINE_KAFKA_BOOTSTRAP": "localhost:1", "ENGINE_STORE": "redis://localhost:1", "ENGINE_HTTP_PORT": "0"}
    ran = engine(command, folder=tmp_path, env=nowhere | given)
    assert ran.code != 0
    assert missing in ran.said

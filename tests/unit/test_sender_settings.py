"""What a sender makes of its settings before it opens anything: what cannot work is told by the setting's name."""

from typing import Any

import pytest

from engine.config import BadSetting, load_settings
from engine.core.catalog import Catalog
from engine.core.zones import DAY
from engine.operate.topics import topics_wanted
from engine.wiring.sender import equipment_of, limits

SECRET = "whsec_" + "A" * 40


def made(**given: Any) -> None:
    equipment_of(load_settings(**{"email_url": "console:", "mail_from": "news@shop.example", **given}))


@pytest.mark.parametrize(
    ("name", "given", "why"),
    [
        ("email_url", {"email_url": "smtp://mail.example?tls"}, "expected smtp://host:port"),
        ("email_url", {"email_url": "smtp://mail.example?timeout=0"}, "timeout: expected seconds, more than 0"),
        ("email_url", {"email_url": "smtp://mail.example?timeout=-1"}, "timeout: expected seconds"),
        ("email_url", {"email_url": "smtp://mail.example?timeout=nan"}, "timeout: expected seconds"),
        ("email_url", {"email_url": "smtp://mail.example?timeout=inf"}, "timeout: expected seconds"),
        ("email_url", {"email_url": "smtp://mail.example?timeout=soon"}, "timeout: expected seconds"),
        ("email_url", {"email_url": "mail.example"}, "expected one of smtp:"),
        ("email_url", {"email_url": "maildir:/dev/null/mail"}, "/dev/null/mail: "),
        ("sms_url", {"sms_url": "http://sms.example", "webhook_secret": SECRET}, "use https://"),
        ("webhook_secret", {"sms_url": "https://sms.example"}, "at least 24 bytes"),
        ("webhook_secret", {"sms_url": "https://sms.example", "webhook_secret": "letters"}, "whsec_ and base64"),
        ("mail_from", {"email_url": "eml:/tmp", "mail_from": "a, b"}, "not a mail address"),
        ("send_rates", {"send_rates": "emial=5"}, "'emial' is no channel: there are email, sms, push, webhook, and *"),
        ("send_rates", {"send_rates": "email=5 Email=7"}, "Email has two rates"),
        ("send_rates", {"send_rates": "email"}, "expected name=number"),
        ("send_rates", {"send_rates": "email=0"}, "more than 0"),
        ("send_domain_rates", {"send_domain_rates": "ada@gmail.com=5"}, "'ada@gmail.com' is no domain"),
        ("send_domain_rates", {"send_domain_rates": "=5"}, "'' is no domain"),
        ("send_domain_rates", {"send_domain_rates": "bücher.example=5 xn--bcher-kva.example=7"}, "has two rates"),
    ],
)
def test_a_setting_with_which_nothing_could_be_sent_is_named(name: str, given: dict[str, Any], why: str) -> None:
    with pytest.raises(BadSetting) as refused:
        made(**given)
    assert refused.value.name == f"ENGINE_{name.upper()}"
    assert why in refused.value.reason


def test_rates_are_by_the_names_that_mail_goes_to() -> None:
    given = load_settings(send_rates="Email=100, *=5", send_domain_rates="Gmail.com=20 bücher.example=3 *=50")
    rates = limits(given).rates
    assert rates.channels == {"email": 100, "*": 5}
    assert rates.domains == {"gmail.com": 20, "xn--bcher-kva.example": 3, "*": 50}


@pytest.mark.parametrize(("days", "kept"), [(30, 7), (3, 3)])
def test_no_outreach_is_kept_longer_than_what_says_that_it_was_sent(days: int, kept: int) -> None:
    settings = load_settings(send_claims_days=days)
    topics = {topic.name: topic for topic in topics_wanted(settings, Catalog(), 1, None)}
    assert int(topics[settings.outreach_topic].config["retention.ms"]) == kept * DAY

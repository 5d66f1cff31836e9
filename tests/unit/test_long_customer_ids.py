"""A customer's id is as long as it may be everywhere, or is refused where it comes in."""

import json

import pytest

from engine.adapters.mail.message import Letterhead, mail_of
from engine.adapters.mail.reference import reference_headers
from engine.config import load_settings
from engine.core.catalog import Catalog, EventType, Source
from engine.errors import BadRecord
from engine.model import Event, Survey
from engine.ports import Record
from engine.wire.decode import Decoder
from engine.wire.digests import link_token
from engine.wire.link_tokens import SurveyToken, make_token, read_token, read_token_of
from engine.wire.share_codes import read_code
from engine.wiring.sender import links_of
from tests.support.outreach import outreach

SECRET = "for-this-test-only"
LONGEST = pytest.mark.parametrize("customer", ["c" * 256, "é" * 128, "字" * 85, "\U0001f600" * 64])
PLACES = pytest.mark.parametrize("field", ["customer", "who.id"], ids=["at the top", "inside"])


def decoded(customer: str, field: str) -> Event | None:
    source = Source("t", "t", customer=tuple(field.split(".")))
    decoder = Decoder(source, Catalog((source,), {"visit": EventType("visit")}))
    event = {"id": "e", "type": "visit", "customer": customer, "who": {"id": customer}, "time": 1_790_000_000_000}
    return decoder.decode(Record("t", 0, 1, json.dumps(event).encode()), 1_790_000_000_000)


@PLACES
@LONGEST
def test_the_longest_ids_are_customers(customer: str, field: str) -> None:
    event = decoded(customer, field)
    assert event
    assert event.customer == customer


@PLACES
@pytest.mark.parametrize("customer", ["c" * 257, "é" * 129, "字" * 86, "\U0001f600" * 65, "c" * 10_000])
def test_a_longer_id_is_refused_with_its_length_as_it_comes_in(customer: str, field: str) -> None:
    with pytest.raises(
        BadRecord, match=f"customer has {len(customer.encode())} bytes; at most 256 are accepted"
    ) as bad:
        decoded(customer, field)
    assert bad.value.code == "bad-customer"


@LONGEST
def test_every_link_of_the_longest_ids_leads_back_to_them(customer: str) -> None:
    settings = load_settings(token_secret=SECRET, public_url="https://links.example", share_url="https://shop.example")
    links = links_of(settings)(outreach(customer=customer, rule="r" * 64, purpose="p" * 64))
    assert links.survey
    token = links.survey(Survey("s" * 64, 0, 10)).rpartition("/")[2]
    assert read_token_of(SurveyToken, [SECRET], token).customer == customer
    for link in (links.unsubscribe, links.preferences):
        assert read_token([SECRET], link.rpartition("/")[2]).customer == customer
    assert read_code([SECRET], links.share.rpartition("/")[2]) == customer


@pytest.mark.parametrize("provider", ["", "ses", "sendgrid", "mailgun", "postmark"])
@LONGEST
def test_a_mail_to_the_longest_ids_has_its_link_and_its_reference(customer: str, provider: str) -> None:
    letter = outreach(customer=customer, rule="r" * 64, purpose="p" * 64, id="0a" * 16, to="a@b.example")
    token = make_token([SECRET], link_token(letter, 1_790_000_000_000))
    link = f"https://links.{'a' * 60}.example/unsubscribe/{token}"
    head = Letterhead("a@shop.example", "", lambda _: link, lambda _: reference_headers(provider, token))
    content = mail_of(letter, head, 0).content
    assert f"List-Unsubscribe: <{link}>".encode() in content
    assert all(len(line) <= 998 for line in content.split(b"\r\n"))

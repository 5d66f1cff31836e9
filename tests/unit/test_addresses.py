"""A customer is known again by the address that mail goes to, however it is spelled."""

from hashlib import blake2b

import pytest

from engine.adapters.mail.address import parse_address
from engine.adapters.memory import MemorySuppressions
from engine.ports import Suppression
from engine.wire.digests import address_digest, former_digest, link_token, suppression_query
from tests.support.outreach import outreach


def before(channel: str, to: str) -> str:
    """As lists and links have it from before digests were of what goes over the wire."""
    return blake2b(f"{channel}\0{to.strip().casefold()}".encode(), digest_size=16).hexdigest()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ada@bücher.example", "ada@xn--bcher-kva.example"),
        ("ada@BÜCHER.example", "Ada@bücher.EXAMPLE"),
        ("zoë@example.org", "zoe\u0308@example.org"),
        ("ada@bücher.example", "ada@bu\u0308cher.example"),
        ("ada@shop.example", "ada@shop.example\u200b"),
        ("ada@shop.example", "\ufeff ada@shop.example "),
        ("ada@shop.example", "ada@shop\u3002example"),
    ],
)
def test_spellings_of_one_mailbox_are_one(one: str, other: str) -> None:
    assert address_digest("email", one) == address_digest("email", other)
    assert str(parse_address(one)).casefold() == str(parse_address(other)).casefold()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ada@fass.example", "ada@faß.example"),
        ("ada@shop.example", "ida@shop.example"),
        ("ada@shop.example", "ada@shop.example.org"),
        ("+49 170 1", "+49 170 2"),
        ("@", ""),
    ],
)
def test_different_mailboxes_are_not_one(one: str, other: str) -> None:
    assert address_digest("email", one) != address_digest("email", other)


NUMBER = ["+49 170 1234567", "0049170-1234567", "+49 (0)170/123 45 67", " +491701234567\u200b"]


@pytest.mark.parametrize("spelling", NUMBER)
def test_who_wants_no_more_text_messages_gets_none_however_the_number_is_spelled(spelling: str) -> None:
    suppressions = MemorySuppressions()
    suppressions.suppress(address_digest("sms", spelling), "unsubscribed")
    numbers = ("+491701234567", *NUMBER, "+491701234568")
    asked = [suppression_query(outreach(channel="sms", to=to)) for to in numbers]
    assert suppressions.reasons(asked) == ["unsubscribed"] * 5 + [""]


def test_who_said_no_to_text_messages_before_digests_changed_gets_none_now() -> None:
    suppressions = MemorySuppressions()
    suppressions.suppress(before("sms", "+49 170 1234567"), "complained")
    assert suppressions.reasons([suppression_query(outreach(channel="sms", to="+49 170 1234567"))]) == ["complained"]


@pytest.mark.parametrize("to", ["0170 1234567", "12-34", "token-00491701234567-abc", "+49 170"])
def test_what_is_no_whole_number_is_taken_as_it_is(to: str) -> None:
    assert address_digest("push", to) == before("push", to)


@pytest.mark.parametrize("to", ["Ada@Shop.example", "+49 170 123", " Token-ABC ", "ada@", "no address"])
def test_most_digests_are_what_they_always_were(to: str) -> None:
    assert address_digest("email", to) == before("email", to)
    assert former_digest("email", to) == ""


@pytest.mark.parametrize("to", ["ada@bücher.example", "ada@fass.example", "ada@faß.example", "zoe\u0308@shop.example"])
def test_who_said_no_before_digests_changed_is_not_written_to_now(to: str) -> None:
    suppressions = MemorySuppressions()
    suppressions.suppress(before("email", to), "complained")
    assert suppressions.reasons([suppression_query(outreach(to=to))]) == ["complained"]
    assert link_token(outreach(to=to), 1).former == before("email", to)


@pytest.mark.parametrize(("one", "other"), [("ada@fass.example", "ada@faß.example")])
def test_a_complaint_stops_no_mail_to_a_domain_that_is_only_spelled_alike(one: str, other: str) -> None:
    for who, somebody_else in ((one, other), (other, one)):
        suppressions = MemorySuppressions()
        suppressions.change([Suppression(address_digest("email", who), "*", "complained", at=1)])
        doors = [suppression_query(outreach(to=to)) for to in (who, somebody_else)]
        assert suppressions.reasons(doors) == ["complained", ""]

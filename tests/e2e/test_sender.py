"""Outreach to inboxes: `engine send` on a real broker, a real store and a mail server that fails as it is told."""

import email
import email.policy
import random
from functools import partial
from pathlib import Path

import httpx
import pytest
from fast_mail_parser import parse_email

from engine.model import Outreach
from engine.wire.digests import address_digest, customer_digest
from engine.wiring.wall_clock import wall_clock
from tests.services import Broker, RedisServer
from tests.services.mail import MailServer, mail_server
from tests.services.processes import free_ports, wait_until
from tests.support.command import at_another_time
from tests.support.effort import Effort, tried_hard
from tests.support.post_office import NOW, PostOffice, letter

pytestmark = [pytest.mark.e2e, pytest.mark.kafka]


@pytest.mark.parametrize("client", ["confluent", "kafka-python"])
def test_every_outreach_arrives_once_and_reads_back_exactly(office: PostOffice, client: str) -> None:
    office.settings["kafka_client"] = client
    letters = {f"{number}@shop.example": letter(number, f"{number}@shop.example") for number in range(50)}
    office.post(letters.values())
    office.post(letters.values())
    with mail_server() as server:
        office.mailing_to(server).start()
        outcomes = office.wait_for_all(each.id for each in letters.values())
        office.senders[0].stop()
    assert set(map(tuple, outcomes.values())) == {("sent",)}
    assert server.copies() == dict.fromkeys(letters, 1)
    for mail in server.received:
        wanted = letters[mail.to]
        message = email.message_from_bytes(mail.content, policy=email.policy.default)
        other = parse_email(mail.content)
        assert message["subject"] == other.subject == wanted.subject
        text, html = (part.get_content().replace("\r\n", "\n") for part in message.iter_parts())
        assert text == other.text_plain[0].replace("\r\n", "\n") == wanted.text
        assert html == other.text_html[0] == wanted.html
        assert not message.defects
        assert not other.warnings


FAULTS = (
    "421x1",
    "450x2",
    "451x1",
    "stallx1",
    "dropx1",
    "data451x2",
    "550",
    "554",
    "latin",
    "data554",
    "cutx1",
    "lostx1",
)
REFUSED = ("550", "554", "latin", "data554")


def troubled(count: int, seed: int, share: float = 0.2) -> list[Outreach]:
    """That share of them meets a fault, a few are too late, and every third is transactional."""
    chance = random.Random(seed)
    return [_troubled(chance, number, share) for number in range(count)]


def _troubled(chance: random.Random, number: int, share: float) -> Outreach:
    fault = chance.choice(FAULTS) + "+" if chance.random() < share else ""
    purpose = chance.choice(("marketing", "marketing", "transactional"))
    expires_at = NOW - 10**12 if chance.random() < 0.02 else 0
    return letter(number, f"{fault}{number}@shop.example", purpose, expires_at)


def fault_of(outreach: Outreach) -> str:
    return outreach.to.rpartition("+")[0]


def wanted_outcomes(outreach: Outreach) -> list[str]:
    """What anybody who asks must be told of it, in a run in which no sender is killed."""
    fault = fault_of(outreach)
    if outreach.expires_at:
        return ["expired"]
    if fault in REFUSED:
        return ["bounced"] if fault == "550" else ["failed"]
    if fault in ("cutx1", "lostx1"):
        return ["in_doubt", "sent"] if outreach.purpose == "transactional" else ["in_doubt"]
    return ["sent"]


def wanted_copies(outreach: Outreach) -> int:
    taken_unanswered = fault_of(outreach) == "lostx1" and not outreach.expires_at
    return taken_unanswered + ("sent" in wanted_outcomes(outreach))


@tried_hard
def test_whatever_the_mail_server_does_everybody_is_written_to_once_or_accounted_for(
    office: PostOffice, effort: Effort
) -> None:
    letters = troubled(effort.of(2_000, 10_000), effort.seed)
    office.post(letters)
    with mail_server() as server:
        office.mailing_to(server, timeout=10).start()  # some stall for as long; a busy machine answers sooner
        outcomes = office.wait_for_all((each.id for each in letters), effort.of(180, 1_800))
        office.senders[0].stop()
    assert {each.to: outcomes[each.id] for each in letters} == {each.to: wanted_outcomes(each) for each in letters}
    assert dict(server.copies()) == {each.to: copies for each in letters if (copies := wanted_copies(each))}
    refused = {each.id for each in letters if wanted_outcomes(each) in (["bounced"], ["failed"])}
    assert {office.outreach_of(one) for one in office.dead_letters()} == refused
    doubted = {each.id for each in letters if "in_doubt" in wanted_outcomes(each)}
    assert {doubt.id for doubt in office.claims.in_doubt(100_000)} == doubted


@tried_hard
def test_a_sender_killed_again_and_again_repeats_no_marketing_and_loses_no_receipt(
    office: PostOffice, effort: Effort
) -> None:
    kills = effort.of(5, 20)
    letters = [
        letter(number, f"{number}@shop.example", ("marketing", "transactional")[number % 2])
        for number in range(effort.of(2_000, 10_000))
    ]
    office.settings["kafka_instance_id"] = "the-only-one"
    office.post(letters)
    with mail_server() as server:
        office.mailing_to(server)
        for kill in range(kills):
            sender = office.start()
            wanted = (kill + 1) * len(letters) // (kills + 1)
            wait_until(partial(server.has, wanted), f"{wanted} mails are there")
            sender.kill9()
        office.start()
        outcomes = office.wait_for_all((each.id for each in letters), effort.of(180, 1_800))
        office.senders[-1].stop()
    doubts = {doubt.id for doubt in office.claims.in_doubt(100_000)}
    check_accounts(letters, server, outcomes, doubts)
    assert len(doubts) <= kills * 20, "no more than was in the sender's hands"


def check_accounts(
    letters: list[Outreach], server: MailServer, outcomes: dict[str, list[str]], doubts: set[str]
) -> None:
    copies = server.copies()
    for each in letters:
        told, there = outcomes[each.id], copies[each.to]
        assert ("in_doubt" in told) == (each.id in doubts), each.id
        if each.purpose == "transactional":
            assert told[-1] == "sent"
            assert there >= 1
        else:
            assert told == (["in_doubt"] if each.id in doubts else ["sent"])
            assert there <= 1
        if each.id not in doubts:
            assert there == 1, each.id


def test_a_mail_server_that_is_away_for_a_while_costs_nobody_a_mail(office: PostOffice) -> None:
    letters = [letter(number, f"{number}@shop.example") for number in range(500)]
    office.post(letters)
    (office.settings["http_port"],) = free_ports(1)
    with mail_server(refusing=True) as server:
        sender = office.mailing_to(server).start()
        wait_until(lambda: server.sessions > 10, "the sender has tried")
        wait_until(lambda: 'breaker_open{channel="email"} 1.0' in metrics(office), "it tries no more than now and then")
        assert server.copies() == {}
        server.refusing = False
        outcomes = office.wait_for_all(each.id for each in letters)
        measured = metrics(office)
        sender.stop()
    assert 'engine_sender_outcomes_total{channel="email",outcome="sent"} 500.0' in measured
    assert 'engine_sender_breaker_open{channel="email"} 0.0' in measured
    assert "provider down" in sender.log.read_text()
    assert "the mail server refused the sender: 421 4.3.2" in sender.log.read_text()
    assert "shop.example" not in sender.log.read_text()
    assert set(map(tuple, outcomes.values())) == {("sent",)}
    assert server.copies() == {each.to: 1 for each in letters}


def metrics(office: PostOffice) -> str:
    return httpx.get(f"http://localhost:{office.settings['http_port']}/metrics").text


def test_senders_that_come_and_go_leave_no_doubt(office: PostOffice) -> None:
    letters = [letter(number, f"{number}@shop.example") for number in range(2_000)]
    office.post(letters)
    with mail_server() as server:
        office.mailing_to(server)
        first = office.start()
        for share in (2, 4, 6):
            wait_until(partial(server.has, share * len(letters) // 10), "mails are there")
            office.start()
        first.stop()
        outcomes = office.wait_for_all(each.id for each in letters)
        for sender in office.senders:
            sender.stop()
    assert set(map(tuple, outcomes.values())) == {("sent",)}
    assert server.copies() == {each.to: 1 for each in letters}
    assert office.claims.in_doubt() == []


def test_a_store_that_crashes_and_comes_back_costs_nobody_a_mail_and_repeats_none(
    broker: Broker, redis: RedisServer, tmp_path: Path, topic_prefix: str
) -> None:
    office = PostOffice(broker.address, redis.url, tmp_path, topic_prefix)
    letters = [letter(number, f"{number}@shop.example") for number in range(1_000)]
    office.post(letters)
    with mail_server() as server:
        office.settings["send_rates"] = "email=150"  # so that it claims what another sender is to hand over
        sender = office.mailing_to(server).start()
        for share in (2, 5):
            wait_until(partial(server.has, share * len(letters) // 10), "mails are there")
            redis.kill9()
            redis.start()
        sender.stop()
        office.start()
        outcomes = office.wait_for_all(each.id for each in letters)
        office.senders[-1].stop()
    office.close()
    assert set(map(tuple, outcomes.values())) == {("sent",)}
    assert server.copies() == {each.to: 1 for each in letters}


def test_who_unsubscribes_or_is_erased_after_the_decision_gets_nothing_more(office: PostOffice) -> None:
    office.post(
        [
            letter(1, "Unsubscribed@shop.example"),
            letter(2, "unsubscribed@shop.example", "transactional"),
            letter(3, "erased@shop.example", "transactional"),
            letter(4, "nobody-550+x@shop.example"),
            letter(5, "550+gone@shop.example"),
        ]
    )
    office.suppressions.suppress(address_digest("email", "unsubscribed@shop.example"), "unsubscribed", "marketing")
    office.suppressions.suppress(customer_digest("c-000003"), "erased", before=NOW + 1)
    with mail_server() as server:
        office.mailing_to(server).start()
        office.wait_for_all(f"o-00000{number}" for number in range(1, 6))
        office.post([letter(6, "550+gone@shop.example", "transactional")])
        outcomes = office.wait_for_all(f"o-00000{number}" for number in range(1, 7))
        office.senders[0].stop()
    told = {identity[-1]: outcomes for identity, outcomes in outcomes.items()}
    suppressed, sent = ["suppressed"], ["sent"]
    assert told == {"1": suppressed, "2": sent, "3": suppressed, "4": sent, "5": ["bounced"], "6": suppressed}
    assert set(server.copies()) == {"unsubscribed@shop.example", "nobody-550+x@shop.example"}


@pytest.mark.parametrize(("client", "days"), [("confluent", 31), ("confluent", -31), ("kafka-python", 31)])
def test_a_sender_whose_clock_is_a_month_off_sends_what_is_fresh_and_says_so(
    office: PostOffice, client: str, days: int
) -> None:
    office.settings["kafka_client"] = client
    present, hour = wall_clock(), 3_600_000
    fresh = [letter(number, f"{number}@shop.example", expires_at=present + hour) for number in range(20)]
    stale = [letter(number, f"{number}@shop.example", expires_at=present - hour) for number in range(20, 30)]
    office.post(fresh + stale)
    with mail_server() as server:
        sender = office.mailing_to(server).start(at_another_time(days * 86_400))
        outcomes = office.wait_for_all(each.id for each in fresh + stale)
        sender.stop()
    assert {each.id: outcomes[each.id] for each in fresh} == {each.id: ["sent"] for each in fresh}
    assert {each.id: outcomes[each.id] for each in stale} == {each.id: ["expired"] for each in stale}
    assert "the time is in doubt, outreach expires by other clocks" in sender.log.read_text()

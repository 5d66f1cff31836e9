"""Outreach to inboxes: `engine send` on a real broker, a real store and a mail server that fails as it is told."""

import email
import email.policy
from collections.abc import Iterator
from pathlib import Path

import pytest
from fast_mail_parser import parse_email

from tests.e2e.post_office import PostOffice, letter
from tests.services import AnyRedis, Broker
from tests.services.mail import mail_server

pytestmark = [pytest.mark.e2e, pytest.mark.kafka]


@pytest.fixture
def office(broker: Broker, redis_server: AnyRedis, tmp_path: Path, topic_prefix: str) -> Iterator[PostOffice]:
    office = PostOffice(broker.address, redis_server.url, tmp_path, topic_prefix)
    yield office
    office.close()


def test_every_outreach_arrives_once_and_reads_back_exactly(office: PostOffice) -> None:
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

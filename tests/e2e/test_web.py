"""`engine web` as customers meet it: over HTTP, with a real broker and a real store behind it."""

import signal
import socket
from collections.abc import Iterator
from functools import partial
from itertools import product
from pathlib import Path

import httpx
import pytest

from engine.ports import SuppressionQuery
from engine.wire.digests import address_digest
from engine.wire.link_tokens import LinkToken, make_token
from engine.wire.partitioner import murmur2_partition
from engine.wiring.wall_clock import wall_clock
from tests.services import Broker
from tests.services.processes import listens, wait_until
from tests.support.command import at_another_time
from tests.support.post_office import NOW, PostOffice
from tests.support.web_service import ADDRESS, Web, token

pytestmark = [pytest.mark.e2e, pytest.mark.kafka]

FORM = {"form": "preferences"}


@pytest.fixture
def web(office: PostOffice) -> Iterator[Web]:
    web = Web(office).ready()
    yield web
    web.close()


def test_a_customer_looks_and_then_presses_the_button(office: PostOffice, web: Web) -> None:
    link = f"/unsubscribe/{token(office)}"
    assert web.browser.head(link).status_code == 200
    page = web.browser.get(link)
    assert "News, thanks and offers" in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert web.events() == []
    assert web.browser.post(link, data={"List-Unsubscribe": "One-Click"}).status_code == 200
    (read,) = office.topics.read(str(office.settings["feedback_topic"]))
    assert read.partition == murmur2_partition(b"c-1042", office.topics.partitions)
    assert read.identity == read.json["id"] == "o-c-1042:unsubscribed"
    assert read.json["properties"]["marketing"] is False


@pytest.mark.parametrize("client", ["confluent", "kafka-python"])
def test_many_customers_at_once_are_all_heard(office: PostOffice, client: str) -> None:
    web = Web(office, kafka_client=client).ready()
    customers = [f"c-{number}" for number in range(100)]
    try:
        for customer in customers:
            assert web.browser.post(f"/unsubscribe/{token(office, customer)}").status_code == 200
        assert sorted(event["customer"] for event in web.events()) == sorted(customers)
        assert web.total("feedback_total", type="outreach_unsubscribed") == 100
    finally:
        web.close()


def test_what_a_customer_chose_is_on_the_page_when_they_come_back(office: PostOffice, web: Web) -> None:
    office.settings["email_url"] = f"maildir:{office.folder / 'mail'}"
    office.start()
    link = f"/preferences/{token(office)}"
    assert web.browser.get(link).text.count(" checked>") == 3

    def are_ticked(wants: list[str]) -> bool:
        return web.browser.get(link).text.count(" checked>") == len(wants)

    for wants in (["service"], [], ["service", "marketing"]):
        assert "Saved" in web.browser.post(link, data=FORM | {"wants": wants}).text
        wait_until(partial(are_ticked, wants), f"{wants} are ticked")
    assert [event["type"] for event in web.events()] == ["preferences_changed"] * 3


@pytest.mark.parametrize("hours", [-2, 2])
def test_the_last_choice_holds_whichever_copy_took_it_and_whatever_its_clock_says(
    office: PostOffice, hours: int
) -> None:
    copies = Web(office).ready(), Web(office, at_another_time(hours * 3_600)).ready()
    office.settings["email_url"] = f"maildir:{office.folder / 'mail'}"
    office.start()
    wanted = dict[str, bool]()
    for first, second, last in product(copies, copies, [True, False]):
        digest = address_digest("email", f"{len(wanted)}@shop.example")
        link = token(office, f"c-{len(wanted)}", wall_clock(), digest)
        for copy, choice in ((first, not last), (second, last)):
            assert _choose(copy, link, choice).status_code == 200
        wanted[digest] = last
    ends = [address_digest("email", f"last-{number}@shop.example") for number in range(20)]  # in every partition
    for number, digest in enumerate(ends):
        _choose(copies[0], token(office, f"last-{number}", wall_clock(), digest), False)

    def reaches(digest: str) -> bool:
        return office.suppressions.reasons([SuppressionQuery("marketing", wall_clock(), [digest])]) == [""]

    wait_until(lambda: not any(map(reaches, ends)), "the sender has heard all")
    assert {digest: reaches(digest) for digest in wanted} == wanted
    for copy in copies:
        copy.close()


def _choose(copy: Web, link: str, wanted: bool) -> httpx.Response:
    """Tick the box, or unsubscribe."""
    if wanted:
        return copy.browser.post(f"/preferences/{link}", data=FORM | {"wants": ["marketing"]})
    return copy.browser.post(f"/unsubscribe/{link}")


@pytest.mark.kills_brokers
def test_while_the_broker_is_away_customers_are_asked_to_try_again_and_then_it_works(
    office: PostOffice, web: Web, broker: Broker
) -> None:
    link = f"/unsubscribe/{token(office)}"
    broker.kill9()
    answer = web.browser.post(link)
    assert answer.status_code == 503
    assert "Please try again" in answer.text
    assert web.browser.get(link).status_code == 200
    assert web.operator("/healthz").status_code == web.operator("/readyz").status_code == 200
    broker.start()
    wait_until(lambda: web.browser.post(link).status_code == 200, "the broker takes it")
    assert {event["id"] for event in web.events()} == {"o-c-1042:unsubscribed"}
    assert web.total("failed_total", page="unsubscribe") >= 1


def test_an_operator_sees_what_goes_on_and_not_who(office: PostOffice, web: Web) -> None:
    links = token(office), token(office, at=0), make_token(["somebody-else's"], LinkToken("c-7", "", "", "", "", NOW))
    for link in links:
        web.browser.get(f"/unsubscribe/{link}?email=zoe@shop.example", headers={"Referer": "https://mail.example/zoe"})
        web.browser.post(f"/unsubscribe/{link}")
    web.browser.post(f"/preferences/{links[0]}", content=b"x" * 100_000)
    web.browser.post(f"/preferences/{links[0]}", content=iter([b"x" * 50_000] * 100))
    assert web.total("answers_total", page="unsubscribe", status="200") == 2
    assert web.total("answers_total", page="unsubscribe", status="410") == 2
    assert web.total("refused_total", page="unsubscribe", code="forged-token") == 2
    assert web.total("answers_total", page="preferences", status="413") == 2
    web.signal(signal.SIGTERM)
    assert web.code() == 0
    assert {line["event"] for line in web.lines} == {"refused", "asked to stop"}
    for secret in (*links, "c-1042", ADDRESS, "zoe", "127.0.0.1", "/unsubscribe"):
        assert secret not in web.said


def test_who_has_asked_is_answered_before_it_stops(office: PostOffice, web: Web) -> None:
    link = f"/mail/unsubscribe/{token(office)}"
    with socket.create_connection(("127.0.0.1", web.port), timeout=30) as connection:
        connection.sendall(f"POST {link} HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 4\r\n\r\nab".encode())
        wait_until(lambda: web.operator("/readyz").status_code == 200, "it answers")
        web.browser.get(f"/unsubscribe/{token(office)}")  # what came before has begun
        web.signal(signal.SIGTERM)
        wait_until(lambda: not listens(web.port), "nobody else comes in")
        connection.sendall(b"cd")
        assert connection.recv(100).startswith(b"HTTP/1.1 200")
    assert web.code() == 0
    assert [event["customer"] for event in web.events()] == ["c-1042"]


def test_a_setting_that_cannot_work_is_told_at_the_start(office: PostOffice, web: Web, tmp_path: Path) -> None:
    (tmp_path / "unsubscribe.html").write_text("{{ nonsense }}")
    wrong: dict[str, object] = {
        "token_secret": "short", "feedback_topic": "", "web_port": web.port, "http_port": web.operators,
        "pages": tmp_path, "rules": tmp_path,
    }  # fmt: skip
    for name, value in wrong.items():
        other = Web(office, **{name: value})
        assert other.code() == 1
        assert f"ENGINE_{name.upper()}" in other.said or name == "rules"
        assert "Traceback" not in other.said
    missing = Web(office, feedback_topic="nobody.has.made.it")
    assert missing.code() == 1
    assert "nobody.has.made.it" in missing.said

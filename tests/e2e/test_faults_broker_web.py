"""The brokers go away for long under the pages: who is told "saved" finds it saved, and nobody else is told so."""

import signal
from collections.abc import Iterator
from time import monotonic

import pytest

from tests.services import Broker
from tests.services.processes import wait_until
from tests.support.kafka_clients import CLIENTS
from tests.support.post_office import PostOffice
from tests.support.web_service import Web, token

pytestmark = [pytest.mark.e2e, pytest.mark.kafka, pytest.mark.kills_brokers]

LONG = 45
"""Seconds: longer than a producer of either library waits for anything that it is not told to wait for."""
SAVED, TRY_AGAIN = 200, 503


class Customers:
    """Those who unsubscribe at one `engine web`, and what each was told."""

    def __init__(self, web: Web, client: str) -> None:
        self.web = web
        self._client = client
        self.told: dict[str, int] = {}

    def unsubscribes(self) -> int:
        """One more. The status of the answer."""
        return self.tries(f"{self._client}-{len(self.told)}")

    def tries(self, customer: str) -> int:
        answer = self.web.browser.post(f"/unsubscribe/{token(self.web.office, customer)}")
        self.told[customer] = answer.status_code
        assert answer.status_code == SAVED or "Please try again" in answer.text
        return answer.status_code

    def who_were_told(self, status: int) -> set[str]:
        return {customer for customer, told in self.told.items() if told == status}


@pytest.fixture
def everybody(office: PostOffice) -> Iterator[list[Customers]]:
    """At pages on either client."""
    everybody = [Customers(Web(office, kafka_client=client), client) for client in CLIENTS]
    for customers in everybody:
        customers.web.ready()
    yield everybody
    for customers in everybody:
        customers.web.close()


def heard(office: PostOffice) -> list[str]:
    """Of whom the feedback topic has it, in order."""
    return [read.json["customer"] for read in office.topics.read(str(office.settings["feedback_topic"]))]


def test_who_unsubscribes_while_brokers_are_away_for_long_is_asked_to_try_again_and_then_heard(
    office: PostOffice, broker: Broker, everybody: list[Customers]
) -> None:
    assert {customers.unsubscribes() for customers in everybody} == {SAVED}
    broker.kill9()
    ends = monotonic() + LONG
    while monotonic() < ends:
        assert {customers.unsubscribes() for customers in everybody} == {TRY_AGAIN}
    assert {customers.web.browser.get("/unsubscribe/x").status_code for customers in everybody} == {403}
    broker.start()
    for customers in everybody:
        web, waiting = customers.web, customers.who_were_told(TRY_AGAIN)
        wait_until(lambda: customers.unsubscribes() == SAVED, "it is saved again")  # noqa: B023, called here
        assert web.operator("/readyz").status_code == 200
        assert {customers.tries(customer) for customer in waiting} == {SAVED}
        assert web.total("failed_total", page="unsubscribe") >= len(waiting) > 1
    saved = {customer for customers in everybody for customer in customers.who_were_told(SAVED)}
    assert saved <= set(heard(office))


def test_pages_that_stop_while_brokers_are_away_have_told_nobody_that_it_is_saved(
    office: PostOffice, broker: Broker, everybody: list[Customers]
) -> None:
    broker.kill9()
    assert {customers.unsubscribes() for customers in everybody} == {TRY_AGAIN}
    for customers in everybody:
        customers.web.signal(signal.SIGTERM)
    assert [customers.web.code() for customers in everybody] == [0, 0]
    assert not any("Traceback" in customers.web.said for customers in everybody)
    broker.start()
    assert heard(office) == []

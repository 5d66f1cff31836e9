"""The whole chain, as customers see it: what they do, the mail that comes of it, what they say of it in a browser."""

import re
import subprocess
from collections.abc import Iterator
from email.message import EmailMessage
from time import time
from unittest import SkipTest
from uuid import uuid4

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.services import AnyRedis, Broker
from tests.services.browser import browser_page, quiet_page
from tests.services.processes import wait_until
from tests.support.live_shop import LiveShop, body_of, live_shop, unsubscribe_link
from tests.support.mail_providers import SendGridOffice

pytestmark = [pytest.mark.e2e, pytest.mark.kafka]

SENDGRID = SendGridOffice()


@pytest.fixture(scope="module")
def shop(the_broker: Broker, redis_server: AnyRedis, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveShop]:
    the_broker.start()
    folder, name = tmp_path_factory.mktemp("shop"), f"shop-{uuid4().hex[:8]}."
    provider = {"ENGINE_MAIL_PROVIDER": SENDGRID.name, "ENGINE_FEEDBACK_SENDGRID_KEY": SENDGRID.public}
    with live_shop(the_broker.address, redis_server.url, folder, name, **provider) as shop:
        yield shop


@pytest.fixture
def page(shop: LiveShop) -> Iterator[Page]:
    with quiet_page(lambda url: url.startswith(shop.url)) as page:
        yield page


def sign_up(shop: LiveShop, customer: str, to: str = "") -> EmailMessage:
    """Returns the welcome."""
    to = to or f"{customer}@shop.example"
    shop.happens("signup", customer, email=to, first_name=customer.title(), email_opt_in="true")
    welcome = shop.wait_for_mail(to, 1)
    assert welcome["Subject"] == "Hello from Northfold"
    return welcome


def read_in(page: Page, mail: EmailMessage) -> None:
    """As a mail program shows it."""
    page.set_content(body_of(mail, "html"))


def buy(shop: LiveShop, customer: str) -> None:
    shop.happens("purchase", customer, amount=20, currency="EUR")


def test_who_presses_the_button_gets_receipts_and_no_more_news(shop: LiveShop, page: Page) -> None:
    sign_up(shop, "bob")
    read_in(page, sign_up(shop, "ada"))
    page.get_by_role("link", name="unsubscribe").click()
    expect(page.get_by_role("heading")).to_have_text("Unsubscribe?")
    assert shop.feedback("ada") == []

    page.get_by_role("button", name="Unsubscribe").click()
    expect(page.get_by_role("heading")).to_have_text("You are unsubscribed")
    assert shop.feedback("ada") == ["outreach_unsubscribed"]
    wait_until(lambda: shop.explain("ada")["profile"].get("wants_marketing") is False, "the worker knows")

    for customer in ("ada", "bob"):
        buy(shop, customer)
    shop.wait_for_mail("bob@shop.example", 3)
    shop.wait_for_mail("ada@shop.example", 2)
    assert shop.outcome("bob", "first-order")[0] == "fired"
    reason = "suppressed for marketing: profile.unsubscribed or profile.wants_marketing == false"
    assert shop.outcome("ada", "first-order") == ("suppressed", reason)
    subjects = [str(mail["Subject"]) for mail in shop.mails("ada@shop.example")]
    assert subjects == ["Hello from Northfold", "We have your order, €20.00"]
    receipt = shop.mails("ada@shop.example")[1]
    assert "unsubscribe" not in body_of(receipt, "plain").lower() + body_of(receipt, "html").lower()


def test_every_way_to_unsubscribe_that_a_mail_offers_leads_to_its_customer(shop: LiveShop, page: Page) -> None:
    mail = sign_up(shop, "fay")
    read_in(page, mail)
    page.get_by_role("link", name="choose what we write about").click()
    expect(page.get_by_role("button", name="Save")).to_be_visible()
    (in_text,) = re.findall(r"Unsubscribe.*: (\S+)", body_of(mail, "plain"))
    for link in (in_text, unsubscribe_link(mail)):
        page.goto(link)
        expect(page.get_by_role("heading")).to_have_text("Unsubscribe?")
    assert shop.feedback("fay") == []


def test_who_comes_to_unsubscribe_can_choose_what_to_get_instead(shop: LiveShop, page: Page) -> None:
    page.goto(unsubscribe_link(sign_up(shop, "cy")))
    page.get_by_role("link", name="choose what you get").click()
    news, reminders = (page.get_by_label(title) for title in ("News, thanks and offers", "Reminders of a cart"))
    expect(news).to_be_checked()
    reminders.uncheck()
    assert shop.feedback("cy") == []

    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_have_text("Saved.")
    expect(reminders).not_to_be_checked()
    assert shop.feedback("cy") == ["preferences_changed"]
    wait_until(lambda: shop.explain("cy")["profile"].get("wants_reminder") is False, "the worker knows")
    wait_until(lambda: shop.obeyed("preferences_changed") == 1, "the sender knows")
    page.goto(page.url)
    expect(news).to_be_checked()
    expect(reminders).not_to_be_checked()

    buy(shop, "cy")
    shop.wait_for_mail("cy@shop.example", 3)
    assert shop.outcome("cy", "first-order")[0] == "fired"


def test_who_calls_it_spam_is_written_to_under_no_name(shop: LiveShop) -> None:
    sign_up(shop, "dee", to="family@shop.example")
    (welcome,) = shop.mails("family@shop.example")
    now = int(time() * 1000)
    headers = {name: str(value) for name, value in welcome.items()}
    complaint = SENDGRID.complaint(headers) | {"timestamp": now // 1000}
    body, signature = SENDGRID.report(complaint, at=now)
    assert httpx.post(f"{shop.url}/feedback/sendgrid", content=body, headers=signature).status_code == 200
    wait_until(lambda: shop.obeyed("outreach_complained") == 1, "the sender knows")

    shop.happens("signup", "eli", email="family@shop.example", email_opt_in="true")
    wait_until(lambda: shop.outcome("eli", "welcome")[0] == "fired", "the worker welcomes eli, whom it knows")
    wait_until(lambda: shop.suppression_query("eli") == [("suppressed", "complained")], "the sender does not")
    assert len(shop.mails("family@shop.example")) == 1


def test_without_a_browser_a_test_is_skipped_and_fails_where_it_must_not_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("ENGINE_TEST_CHROMIUM", raising=False)
    for ci, raised in {"": SkipTest, "true": RuntimeError}.items():
        monkeypatch.setenv("CI", ci)
        with pytest.raises(raised, match="install the package chromium"), browser_page():
            pass


def test_nobody_moves_while_senders_write_to_the_feedback_topic_that_workers_read(shop: LiveShop) -> None:
    """They and the pages would go on by the old number of partitions for a minute: who unsubscribed then was a second
    customer, of whom rules heard nothing."""
    sign_up(shop, "moving")
    ran = subprocess.run(shop.command("reshard", "--to", "8", "--dry-run"), capture_output=True, text=True, check=True)
    said = " ".join(ran.stderr.split())
    group, topic = shop.settings["ENGINE_SEND_GROUP"], shop.settings["ENGINE_FEEDBACK_TOPIC"]
    assert f"1 member in the senders' group {group}: stop `engine send` and `engine web`; workers read {topic}" in said

"""What `make demo-live` tells: Ada and Bob sign up, Ada unsubscribes, both order, and Bob alone hears more."""

import subprocess
from email.message import EmailMessage
from unittest import SkipTest

import httpx
from playwright.sync_api import expect
from rich.console import Console, Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from tests.services.browser import browser_page
from tests.services.processes import wait_until
from tests.support.live_shop import LiveShop, body_of, event_words, unsubscribe_link


def mail_panel(mail: EmailMessage) -> Panel:
    """As a mail program shows it, and the header behind its unsubscribe button."""
    head = Table.grid(padding=(0, 1))
    for name in ("From", "To", "Subject"):
        head.add_row(Text(name, "dim"), Text(str(mail[name])))
    if link := unsubscribe_link(mail):
        head.add_row(Text("List-Unsubscribe", "dim"), Text(link, no_wrap=True, overflow="ellipsis"))
    return Panel(Group(head, "", Text(body_of(mail, "plain").strip())), title="mail", expand=False)


class Story:
    """Each chapter raises TimeoutError or AssertionError where it does not come as it is told."""

    def __init__(self, shop: LiveShop, console: Console) -> None:
        self._shop = shop
        self._console = console
        self._chapter = 0

    def tell(self) -> None:
        """About half a minute."""
        link = self._they_sign_up()
        self._a_scanner_opens_the_link(link)
        self._ada_presses_the_button(link)
        self._both_order()
        self._why()

    def _they_sign_up(self) -> str:
        """Returns the link in Ada's welcome."""
        self._title("Ada and Bob sign up, and are welcomed")
        for name in ("Bob", "Ada"):
            self._happens("signup", name.lower(), email=_address(name), first_name=name, email_opt_in="true")
        self._shop.wait_for_mail(_address("Bob"), 1)
        welcome = self._shop.wait_for_mail(_address("Ada"), 1)
        self._console.print(mail_panel(welcome))
        return unsubscribe_link(welcome)

    def _a_scanner_opens_the_link(self, link: str) -> None:
        self._title("A virus scanner opens every link in it")
        answer = httpx.get(link)
        assert answer.status_code == 200
        assert self._shop.feedback("ada") == []
        self._say("GET: 200, a page with a button. Nobody is unsubscribed by that: nothing is on the feedback topic.")

    def _ada_presses_the_button(self, link: str) -> None:
        self._title("Ada presses Unsubscribe")
        self._say(_press(link))
        assert self._shop.feedback("ada") == ["outreach_unsubscribed"]
        self._say("outreach_unsubscribed is on the feedback topic, for the rules and for the sender.")
        wait_until(lambda: self._shop.explain("ada")["profile"].get("wants_marketing") is False, "the worker knows")

    def _both_order(self) -> None:
        self._title("Both order something, for the first time")
        for customer in ("ada", "bob"):
            self._happens("purchase", customer, amount=20, currency="EUR")
        self._shop.wait_for_mail(_address("Bob"), 3)
        self._shop.wait_for_mail(_address("Ada"), 2)
        assert self._shop.outcome("ada", "first-order")[0] == "suppressed"
        table = Table("to", "subject", title="All mail until now", title_justify="left", box=None, pad_edge=False)
        for name in ("Ada", "Bob"):
            for mail in self._shop.mails(_address(name)):
                table.add_row(str(mail["To"]), str(mail["Subject"]))
        self._console.print(table)
        self._say("A receipt is not marketing, so Ada gets hers. The thanks for a first order she does not get.")

    def _why(self) -> None:
        self._title("Why not?")
        self._show_command("explain", "ada", "first-order")
        subprocess.run(self._shop.command("explain", "ada", "first-order"), check=True)

    def _happens(self, type: str, customer: str, **properties: object) -> None:
        self._show_command(*event_words(type, customer, **properties))
        self._shop.happens(type, customer, **properties)

    def _show_command(self, *words: str) -> None:
        self._console.print(f"$ engine {' '.join(words)}", style="bold", markup=False, highlight=False)

    def _title(self, text: str) -> None:
        self._chapter += 1
        self._console.print()
        self._console.rule(f"[bold]{self._chapter}. {text}", align="left")

    def _say(self, text: str) -> None:
        self._console.print(text, highlight=False)


def _address(name: str) -> str:
    return f"{name.lower()}@shop.example"


def _press(link: str) -> str:
    """Says how it was done, and what came of it."""
    try:
        return _press_in_chromium(link)
    except (SkipTest, RuntimeError):
        assert httpx.post(link, data={"List-Unsubscribe": "One-Click"}).status_code == 200
        return "There is no Chromium here, so it is the POST that a mail program's own unsubscribe button sends: 200."


def _press_in_chromium(link: str) -> str:
    with browser_page() as page:
        page.goto(link)
        page.get_by_role("button", name="Unsubscribe").click()
        expect(page.get_by_role("heading")).to_have_text("You are unsubscribed")
        return f"In Chromium, the page says then: {page.get_by_role('status').inner_text()}"

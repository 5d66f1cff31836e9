"""What every Channel promises."""

import asyncio
import io
from base64 import b64encode
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from shutil import rmtree
from typing import NamedTuple

import httpx
import msgspec
import pytest
from rich.console import Console

from engine.adapters.console import ConsoleChannel
from engine.adapters.mail.maildir import FolderChannel
from engine.adapters.mail.message import Letterhead
from engine.adapters.mail.smtp import MailServer, SmtpChannel
from engine.adapters.webhook import Endpoint, WebhookChannel
from engine.errors import PermanentFailure, TemporaryFailure
from engine.model import Outreach
from engine.ports import Channel
from tests.services.hooks import hook_server
from tests.services.mail import mail_server
from tests.services.processes import free_ports
from tests.support.outreach import outreach

NOW = 1_790_000_000_000
SECRET = "whsec_" + b64encode(b"k" * 32).decode()
HEAD = Letterhead("Größe & Söhne <news@shop.example>", link=lambda _: "https://shop.example/u/abc")


class Arrived(NamedTuple):
    """A message on the other side."""

    subject: str
    text: str


class World(NamedTuple):
    """A channel, what has arrived at its other side by outreach id, and how to take the other side away."""

    channel: Channel
    arrived: Callable[[], dict[str, Arrived]]
    break_it: Callable[[], None] | None


def now() -> int:
    return NOW


def _mail(content: bytes) -> tuple[str, Arrived]:
    message = message_from_bytes(content, policy=default)
    assert isinstance(message, EmailMessage)
    body = message.get_body(("plain",))
    assert body is not None
    text = body.get_content().replace("\r\n", "\n")
    return message["message-id"].strip("<>").partition("@")[0], Arrived(message["subject"], text)


def smtp(stack: ExitStack, folder: Path) -> World:
    running = stack.enter_context(ExitStack())
    server = running.enter_context(mail_server())
    channel = SmtpChannel(MailServer("localhost", server.port, "none", timeout=5), HEAD, now)
    return World(channel, lambda: dict(_mail(mail.content) for mail in server.received), running.close)


def folder(stack: ExitStack, folder: Path, *, maildir: bool) -> World:
    def arrived() -> dict[str, Arrived]:
        place = folder / "new" if maildir else folder
        return dict(_mail(path.read_bytes()) for path in place.iterdir() if path.is_file())

    return World(FolderChannel(folder, HEAD, now, maildir=maildir), arrived, lambda: rmtree(folder))


def webhook(stack: ExitStack, folder: Path) -> World:
    running = stack.enter_context(ExitStack())
    server = running.enter_context(hook_server())

    def arrived() -> dict[str, Arrived]:
        found = {}
        for posted in server.received:
            data = msgspec.json.decode(posted.body)["data"]
            assert data["id"] == posted.headers["webhook-id"]
            found[data["id"]] = Arrived(data["subject"], data["text"])
        return found

    return World(WebhookChannel(Endpoint(httpx.URL(server.url), SECRET, private=True), now), arrived, running.close)


def console(stack: ExitStack, folder: Path) -> World:
    screen = io.StringIO()

    def arrived() -> dict[str, Arrived]:
        shown = screen.getvalue()
        wanted = (outreach(id=f"o-{number}", text=f"text {number}\nend") for number in range(1, 30))
        return {one.id: Arrived(one.subject, one.text) for one in wanted if f" {one.id} " in shown}

    return World(ConsoleChannel(Console(file=screen, width=100)), arrived, None)


KINDS: dict[str, Callable[[ExitStack, Path], World]] = {
    "smtp": smtp,
    "maildir": lambda stack, path: folder(stack, path, maildir=True),
    "eml": lambda stack, path: folder(stack, path, maildir=False),
    "webhook": webhook,
    "console": console,
}


@pytest.fixture(params=KINDS)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    with ExitStack() as stack:
        yield KINDS[request.param](stack, tmp_path / "out")


def letter(number: int, **changes: object) -> Outreach:
    return outreach(**{"id": f"o-{number}", "text": f"text {number}\nend", "to": f"{number}@shop.example"} | changes)


def through(channel: Channel, work: Callable[[], Awaitable[None]]) -> None:
    """In a loop of its own, closing the channel as a sender does."""

    async def run() -> None:
        try:
            await work()
        finally:
            await channel.close()

    asyncio.run(run())


def send(channel: Channel, *letters: Outreach) -> None:
    async def deliver() -> None:
        await asyncio.gather(*(channel.deliver(each) for each in letters))

    through(channel, deliver)


def test_what_is_handed_over_is_on_the_other_side(world: World) -> None:
    send(world.channel, letter(1))
    assert world.arrived() == {"o-1": Arrived("Grüße 🙂", "text 1\nend")}


def test_many_at_once_all_arrive(world: World) -> None:
    send(world.channel, *(letter(number) for number in range(1, 30)))
    assert world.arrived().keys() == {f"o-{number}" for number in range(1, 30)}


def test_a_repeat_can_be_told_by_its_id(world: World) -> None:
    send(world.channel, letter(1), letter(1))
    assert world.arrived().keys() == {"o-1"}


@pytest.mark.parametrize("field", ["subject", "to", "id", "purpose"])
def test_a_line_break_in_a_field_begins_nothing_new(world: World, field: str) -> None:
    hostile = letter(1, **{field: "a@shop.example\r\nBcc: everybody@shop.example\r\n\r\n<b>"})
    try:
        send(world.channel, hostile)
    except PermanentFailure:
        assert world.arrived() == {}
    else:
        assert not isinstance(world.channel, SmtpChannel | FolderChannel) or field == "purpose"


def test_while_the_other_side_is_away_another_try_may_help(world: World) -> None:
    if world.break_it is None:
        pytest.skip("a screen is always there")
    world.break_it()
    with pytest.raises(TemporaryFailure) as failed:
        send(world.channel, letter(1))
    assert failed.value.down
    assert not failed.value.uncertain


def test_an_unused_channel_can_be_closed(world: World) -> None:
    async def nothing() -> None:
        await world.channel.close()

    through(world.channel, nothing)


def test_a_port_that_nobody_listens_on_is_no_bounce() -> None:
    channel = SmtpChannel(MailServer("localhost", free_ports(1)[0], "none"), HEAD, now)
    with pytest.raises(TemporaryFailure):
        send(channel, letter(1))

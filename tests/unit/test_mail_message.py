"""What goes into a mail comes out again, whoever reads it; and nothing gets in that was not meant to."""

from email import message_from_bytes
from email.message import EmailMessage, Message
from email.policy import default

import pytest
from fast_mail_parser import parse_email
from hypothesis import given, strategies as st

from engine.adapters.mail.address import parse_address, parse_mailbox
from engine.adapters.mail.message import Letterhead, mail_of
from engine.errors import PermanentFailure
from tests.support.outreach import outreach

HEAD = Letterhead("Größe & Söhne <news@shop.example>", link=lambda _: "https://shop.example/u/abc")
anything = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=3_000)
one_line = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1, max_size=300)


def lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def payload(part: "Message[str, str]") -> str:
    data = part.get_payload(decode=True)
    assert isinstance(data, bytes)
    return data.decode()


@given(subject=one_line, text=anything, html=anything.filter(bool))
def test_two_parsers_read_back_what_was_written(subject: str, text: str, html: str) -> None:
    content = mail_of(outreach(subject=subject, text=text, html=html, to="a@b.example"), HEAD, 0).content
    message = message_from_bytes(content, policy=default)
    assert isinstance(message, EmailMessage)
    plain, rich = map(payload, message.iter_parts())
    other = parse_email(content)
    assert (lines(plain), lines(rich)) == (lines(text), lines(html))
    assert [lines(part) for part in (*other.text_plain, *other.text_html)] == [lines(text), lines(html)]
    assert other.warnings == []
    assert message.defects == []
    if subject == subject.strip():  # readers take away space around a header's value
        assert message["subject"] == other.subject == subject


@given(text=anything, html=anything)
def test_no_line_is_longer_than_mail_servers_take(text: str, html: str) -> None:
    content = mail_of(outreach(subject="x " * 400, text=text, html=html, to="a@b.example"), HEAD, 0).content
    assert all(len(line) <= 78 and b"\r" not in line and b"\n" not in line for line in content.split(b"\r\n"))
    assert content.isascii()


def test_a_mail_without_html_is_plain_text() -> None:
    content = mail_of(outreach(html="", text="Hello 🙂", to="a@b.example"), HEAD, 0).content
    message = message_from_bytes(content, policy=default)
    assert message.get_content_type() == "text/plain"
    assert message.get_payload(decode=True) == "Hello 🙂".encode()


@pytest.mark.parametrize("breaking", ["\r\n", "\n", "\r", "\0", "\x0b", "\x85", "\u2028"])
def test_a_subject_of_two_lines_is_refused(breaking: str) -> None:
    with pytest.raises(PermanentFailure):
        mail_of(outreach(subject=f"Hello{breaking}Bcc: all@shop.example", to="a@b.example"), HEAD, 0)


@pytest.mark.parametrize(
    "to",
    [
        "", "a", "@b.example", "a@", "a@b@c.example", "a b@c.example", "a@b.example,c@d.example", "a@b.example\n",
        "<a@b.example>", "A <a@b.example>", "a@-b.example", "a@b..example", "a@b.example>\r\nRCPT TO:<c@d.example",
        "a" * 65 + "@b.example", "a@" + "b" * 64 + ".example", "a@b\u2028.example", "a\u2028@b.example",
        "a@[127.0.0.1]",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused_without_being_quoted(to: str) -> None:
    with pytest.raises(PermanentFailure) as refused:
        parse_address(to)
    assert len(to) < 3 or to not in str(refused.value)


@pytest.mark.parametrize(
    ("to", "wanted"),
    [
        ("Anna.B+x@Shop.Example", "Anna.B+x@shop.example"),
        (" a@b.example ", "a@b.example"),
        ("zoë@exämple.org", "zoë@xn--exmple-cua.org"),
        ("a@例え.テスト", "a@xn--r8jz45g.xn--zckzah"),
    ],
)
def test_an_address_is_written_as_the_wire_wants_it(to: str, wanted: str) -> None:
    assert str(parse_address(to)) == wanted


@pytest.mark.parametrize(
    ("setting", "name"),
    [
        ("news@shop.example", ""),
        ("<news@shop.example>", ""),
        ("Shop <news@shop.example>", "Shop"),
        ("Shop, Inc. <news@shop.example>", "Shop, Inc."),
        ("Acme: Deals <news@shop.example>", "Acme: Deals"),
        ('"Shop, Inc." <news@shop.example>', "Shop, Inc."),
        (r'"The \"Shop\" \\ Co" <news@shop.example>', r'The "Shop" \ Co'),
        ('"a@b, c@d" <news@shop.example>', "a@b, c@d"),
        ("Shop (DE) <news@shop.example>", "Shop (DE)"),
        ("Größe, Söhne: <news@shop.example>", "Größe, Söhne:"),
    ],
)
def test_a_senders_name_is_read_as_it_is_written(setting: str, name: str) -> None:
    assert (parse_mailbox(setting)[0], str(parse_mailbox(setting)[1])) == (name, "news@shop.example")
    content = mail_of(outreach(to="a@b.example"), Letterhead(setting), 0).content
    message = message_from_bytes(content, policy=default)
    (sender,) = message["from"].addresses
    assert (sender.display_name, sender.addr_spec) == (name, "news@shop.example")
    assert all(len(line) <= 78 for line in content.split(b"\r\n"))


@pytest.mark.parametrize(
    "setting",
    ["a@b.example, Shop <news@shop.example>", 'The "Shop <news@shop.example>', "a <b@c.example> <news@shop.example>"],
)
def test_a_name_that_could_be_more_than_one_wants_quotes(setting: str) -> None:
    with pytest.raises(PermanentFailure, match="put the name in double quotes"):
        parse_mailbox(setting)

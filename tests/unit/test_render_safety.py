"""Whatever a customer's data says, it stays inside the header and inside the html text it was put in."""

import unicodedata
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from tempfile import mkdtemp

import pytest
from hypothesis import example, given, strategies as st

from engine.core.state.model import State
from engine.render import JinjaRenderer
from engine.render.renderer import MAX_SUBJECT
from tests.support.rendering import mail, outreach, purchase, reason_of, renderer

VALUE = st.text(st.characters() | st.sampled_from("\r\n\0\x85\u2028<>&\"'{}% 🎉"), max_size=60)
HTML = """<p title="{{ profile.name }}">{{ event.note }}{{ (profile.name ~ event.note) | upper | trim }}</p>"""


@cache
def shop() -> JinjaRenderer:
    return renderer(Path(mkdtemp()), mail("Hello {{ profile.name }} {{ event.note }}", "{{ profile.name }}.", HTML))


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, list[str]]] = []
        self.title = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, [name for name, _ in attrs]))
        self.title = attrs[0][1] or ""


@given(VALUE, VALUE)
@example("a\r\nBcc: everyone@example.org\r\n\r\n<script>", "{{ 7 * 7 }}{% raw %}")
@example('" onload="x()', "</p><script>alert(1)</script>")
@example("\ud800", "\udfff🎉")
def test_no_value_ends_the_subject_or_becomes_markup(name: str, note: str) -> None:
    made = outreach("email", purchase(note=note))
    shop().render(made, State(profile={"name": name}))

    assert not [character for character in made.subject if unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp")]
    assert made.subject.startswith("Hello")
    sent = EmailMessage(policy.SMTP)
    sent["Subject"] = made.subject
    sent.set_content(made.text)
    assert message_from_bytes(sent.as_bytes(), policy=policy.default).keys() == sent.keys()

    tags = Tags()
    tags.feed(made.html)
    tags.close()
    assert tags.found == [("p", ["title"])]
    made.html.encode()


def test_line_ends_in_a_subject_become_spaces(tmp_path: Path) -> None:
    made = outreach("email")
    files = mail("  {{ profile.name }}\n\n  welcome ")
    renderer(tmp_path, files).render(made, State(profile={"name": "A\r\nBcc: x@y\u2028\x00\x1bB"}))
    assert made.subject == "A Bcc: x@y B welcome"


@pytest.mark.parametrize("block", ["subject", "text", "html"])
def test_half_a_surrogate_pair_is_replaced(tmp_path: Path, block: str) -> None:
    made = outreach("email")
    renderer(tmp_path, mail(**{block: "a{{ profile.name }}b"})).render(made, State(profile={"name": "\ud83c"}))
    assert getattr(made, block) == "a\ufffdb"


def test_a_subject_has_a_largest_length(tmp_path: Path) -> None:
    render = renderer(tmp_path, mail("{{ profile.name }}")).render
    render(outreach("email"), State(profile={"name": "x" * MAX_SUBJECT}))
    reason = reason_of(render, outreach("email"), State(profile={"name": "x" * (MAX_SUBJECT + 1)}))
    assert reason == "the subject has 999 characters, at most 998 are sent"


def test_data_that_looks_like_a_template_is_only_text(tmp_path: Path) -> None:
    made = outreach("email")
    renderer(tmp_path, mail(text="{{ profile.name }}")).render(made, State(profile={"name": "{{ 7 * 7 }}{% if %}"}))
    assert made.text == "{{ 7 * 7 }}{% if %}"

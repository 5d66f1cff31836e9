"""The links in a message: what a template prints for them, and what a customer gets instead."""

import re
from html import unescape
from pathlib import Path

import pytest

from engine.config import BadSetting, Settings, load_settings
from engine.core.state.model import State
from engine.model import PREFERENCES_LINK, TRANSACTIONAL, UNSUBSCRIBE_LINK, Outreach
from engine.operate.checks import check_links
from engine.operate.findings import Level
from engine.render import inspect_templates
from engine.sender.links import Links, has_placeholder, with_links
from engine.wire.link_tokens import SurveyToken, read_token, read_token_of
from engine.wire.records import decode_outreach, encode_outreach
from engine.wire.share_codes import read_code
from engine.wiring.sender import links_of
from tests.support.outreach import outreach
from tests.support.project_files import write_files
from tests.support.rendering import mail, outreach as to_render, renderer

SECRET = "for-this-test-only"
LINKS = Links("https://shop.example/?a=1&unsubscribe=t", "https://shop.example/?a=1&preferences=t")
LINKED = mail(
    text="{{ outreach.unsubscribe_link }} {{ outreach.preferences_link | urlencode }}",
    html='<a href="{{ outreach.unsubscribe_link }}">{{ outreach.preferences_link }}</a>',
)
GUARDED = mail(text="Thanks.{% if outreach.unsubscribe_link %} Enough? {{ outreach.unsubscribe_link }}{% endif %}")


def rendered(folder: Path, files: dict[str, str], purpose: str = "marketing", **profile: str) -> Outreach:
    made = to_render("email")
    made.purpose = purpose
    renderer(folder, files).render(made, State(profile=dict(profile)))
    return made


def settings(**given: str) -> Settings:
    return load_settings(token_secret=SECRET, **given)


def test_a_customer_gets_links_where_the_template_asks_for_them(tmp_path: Path) -> None:
    letter = with_links(decode_outreach(encode_outreach(rendered(tmp_path, LINKED)).value), LINKS)
    assert letter.text == f"{LINKS.unsubscribe} {LINKS.preferences}"
    href, shown = re.fullmatch('<a href="(.*)">(.*)</a>', letter.html).groups()  # type: ignore[union-attr]
    assert (unescape(href), unescape(shown)) == LINKS[:2]
    assert "&amp;" in href


def test_links_are_anew_for_every_try(tmp_path: Path) -> None:
    made = rendered(tmp_path, LINKED)
    assert with_links(made, Links("a", "b")).text == "a b"
    assert with_links(made, Links("c", "d")).text == "c d"


def test_a_placeholder_outlives_whatever_is_done_to_links() -> None:
    for placeholder in (UNSUBSCRIBE_LINK, PREFERENCES_LINK):
        assert re.fullmatch("[a-z_]{1,30}", placeholder), "letters that URLs and HTML keep, and on one line of a mail"
    assert UNSUBSCRIBE_LINK not in PREFERENCES_LINK


def test_transactional_outreach_has_no_link_and_its_template_can_tell(tmp_path: Path) -> None:
    receipt = rendered(tmp_path, GUARDED, TRANSACTIONAL)
    assert receipt.text == "Thanks."
    assert not has_placeholder(receipt)
    assert rendered(tmp_path, GUARDED).text == f"Thanks. Enough? {UNSUBSCRIBE_LINK}"


def test_who_calls_themselves_like_the_placeholder_gets_their_own_link_and_no_markup(tmp_path: Path) -> None:
    hello = mail("{{ profile.name }}", "{{ profile.name }}", "{{ profile.name }}")
    letter = with_links(rendered(tmp_path, hello, name=UNSUBSCRIBE_LINK), Links('https://x/"><b>', ""))
    assert letter.html == "https://x/&quot;&gt;&lt;b&gt;"
    assert letter.subject == letter.text == 'https://x/"><b>'


def test_the_links_of_an_outreach_are_signed_and_lead_to_the_public_address() -> None:
    about = outreach(purpose="marketing")
    links = links_of(settings(public_url="https://shop.example/mail/"))(about)
    for page, link in zip(("unsubscribe", "preferences"), links[:2], strict=True):
        base, _, token = link.rpartition("/")
        assert base == f"https://shop.example/mail/{page}"
        read = read_token([SECRET], token)
        assert (read.customer, read.purpose, read.outreach) == (about.customer, about.purpose, about.id)


EACH = '{% for answer in survey_links("how_was_it_", 1, 5) %}'
SURVEY = mail(
    text=EACH + "{{ answer.score }}={{ answer.link }}_end\n{% endfor %}",
    html=EACH + '<a href="{{ answer.link }}">{{ answer.score }}</a>{% endfor %}',
)


@pytest.mark.parametrize("purpose", ["survey", TRANSACTIONAL])
def test_each_answer_of_a_survey_is_a_link_of_its_own(tmp_path: Path, purpose: str) -> None:
    asked = decode_outreach(encode_outreach(rendered(tmp_path, SURVEY, purpose)).value)
    assert has_placeholder(asked)
    letter = with_links(asked, links_of(settings(public_url="https://shop.example/mail"))(asked))
    found = re.findall("([0-9])=https://shop.example/mail/survey/([^/]+)/([0-9])_end", letter.text)
    assert [(score, answer) for score, _, answer in found] == [(str(score), str(score)) for score in range(1, 6)]
    about = read_token_of(SurveyToken, [SECRET], found[0][1])
    assert (about.customer, about.outreach, about.rule) == (asked.customer, asked.id, asked.rule)
    assert (about.survey, about.low, about.high) == ("how_was_it_", 1, 5)
    assert len(re.findall('<a href="https://shop.example/mail/survey/[^"/]+/[1-5]">[1-5]</a>', letter.html)) == 5
    assert with_links(asked, Links()).text.splitlines()[0] == "1=_end", "without a public address"


def test_the_share_link_is_the_same_in_every_message_and_does_not_tell_whose_it_is(tmp_path: Path) -> None:
    shared = rendered(tmp_path, mail(text="{{ outreach.share_link }}"), TRANSACTIONAL)
    public = settings(public_url="https://shop.example/mail", share_url="https://shop.example/welcome")
    links = {with_links(shared, links_of(public)(shared)).text for _ in range(2)}
    (link,) = links
    base, _, code = link.rpartition("/")
    assert base == "https://shop.example/mail/share"
    assert read_code([SECRET], code) == shared.customer
    assert with_links(shared, links_of(settings(public_url="https://shop.example"))(shared)).text == ""


def test_no_text_of_a_customer_makes_a_scale_that_no_template_could_ask_for(tmp_path: Path) -> None:
    hello = mail("Hi", "{{ profile.name }}")
    evil = rendered(tmp_path, hello, name="engine_survey_link_0_999_7_nps_end engine_survey_link_5_5_5_nps_end")
    public = links_of(settings(public_url="https://shop.example"))
    assert with_links(evil, public(evil)).text == " "


def test_without_a_public_address_and_for_transactional_outreach_there_are_none() -> None:
    assert not any(links_of(settings())(outreach(purpose="marketing")))
    public = settings(public_url="https://shop.example")
    assert links_of(public)(outreach(purpose=TRANSACTIONAL))[:2] == ("", "")


def test_links_that_nobody_could_check_are_not_made() -> None:
    with pytest.raises(BadSetting, match="ENGINE_TOKEN_SECRET"):
        links_of(load_settings(public_url="https://shop.example"))


def test_who_sends_with_links_that_would_be_empty_is_warned_before(tmp_path: Path) -> None:
    linked, without = (
        inspect_templates(write_files(tmp_path / name, files)) for name, files in {"a": GUARDED, "b": mail()}.items()
    )
    (finding,) = check_links(settings(email_url="console:"), linked)
    assert finding.level is Level.WARN
    assert "ENGINE_PUBLIC_URL" in finding.says
    assert not list(check_links(settings(email_url="console:"), without))
    assert not list(check_links(settings(), linked)), "nothing is sent from here"
    shared = inspect_templates(write_files(tmp_path / "c", mail(text="{{ outreach.share_link }}")))
    (finding,) = check_links(settings(email_url="console:", public_url="https://shop.example"), shared)
    assert "ENGINE_SHARE_URL" in finding.says
    assert not list(check_links(settings(email_url="console:", public_url="https://shop.example"), linked))

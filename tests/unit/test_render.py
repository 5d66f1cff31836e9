from pathlib import Path

import pytest

from engine.core.actions.send import Send
from engine.core.book import Rule, RuleBook
from engine.core.catalog import Catalog
from engine.core.state.model import History, Memory, State
from engine.core.triggers.inactivity import Inactivity
from engine.model import KeptEvent
from engine.render import JinjaRenderer
from engine.testing import Simulator
from tests.support.project_files import write_files
from tests.support.rendering import NOON, mail, outreach, purchase, push, reason_of, renderer, text_of
from tests.support.rule_files import compiled

ANNA = State(profile={"first_name": "Anna & <Co>"})
DAY = 86_400_000


def test_a_customers_name_is_escaped_in_html_and_left_alone_in_text_and_subject(tmp_path: Path) -> None:
    name = "{{ profile.first_name }}"
    made = outreach("email")
    renderer(tmp_path, mail(name, name, name)).render(made, ANNA)
    assert (made.subject, made.text, made.html) == ("Anna & <Co>", "Anna & <Co>", "Anna &amp; &lt;Co&gt;")


def test_a_template_without_html_leaves_it_empty(tmp_path: Path) -> None:
    assert text_of(tmp_path, "Hi") == "Hi"


def test_tags_on_lines_of_their_own_leave_no_empty_lines(tmp_path: Path) -> None:
    source = "\nA\n  {% if true %}{# two #}\nB{% if true %}b{% endif %}\n\n  {% endif -%}\r\nC\n"
    assert text_of(tmp_path, source) == "A\nBb\n\nC"


def test_lines_of_tags_still_count_when_a_fault_is_located(tmp_path: Path) -> None:
    source = "\n{% if true %}\n{% if true %}\n{{ nobody }}\n{% endif %}{% endif %}\n"
    assert reason_of(text_of, tmp_path, source) == "line 4: 'nobody' is undefined"


def test_a_customer_without_a_name_gets_the_default(tmp_path: Path) -> None:
    source = (
        "{{ profile.first_name | default('friend') }}{% if profile.city is defined %} of {{ profile.city }}{% endif %}"
    )
    assert text_of(tmp_path, source) == "friend"


def test_a_name_that_is_null_counts_as_absent(tmp_path: Path) -> None:
    state = State(profile={"first_name": None})
    assert text_of(tmp_path, "{{ profile.first_name | default('friend') }}", state) == "friend"
    assert text_of(tmp_path, "{{ event.coupon | default('none') }}", event=purchase(coupon=None)) == "none"
    assert text_of(tmp_path, "{{ event.a.b | default('none') }}", event=purchase(a={"b": None})) == "none"


def test_a_missing_name_without_a_default_fails_and_says_where(tmp_path: Path) -> None:
    reason = reason_of(text_of, tmp_path, "Hi\n\n{{ profile.first_name }}")
    assert reason == "line 3: profile has no 'first_name'"


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (
            "{% set words = {'de': 'Ja', 'en': 'Yes'} %}{{ words[event.locale] }}",
            "there is no words[event.locale]; the keys are 'de', 'en'",
        ),
        (
            "{% set words = {'de': 'Ja'} %}{% for words in [event] %}{{ words['a'] }}{% endfor %}",
            "there is no words['a']",
        ),
        ("{{ event['coupon'] }}", "there is no event['coupon']"),
        ("{{ event.lines[1].items }}", "there is no event.lines[1]; the list has 1 element"),
        ("{{ event.lines[0]['sku'] }}", "there is no event.lines[0]['sku']"),
        ("{{ (event.lines | list)[3] }}", "there is no …[3]; the list has 1 element"),
    ],
)
def test_an_element_that_is_not_there_is_named_as_the_template_has_it(tmp_path: Path, source: str, reason: str) -> None:
    event = purchase(locale="fr-secret", lines=[{"items": 2}])
    assert reason_of(text_of, tmp_path, f"\n{source}", event=event) == f"line 2: {reason}"


def test_the_event_that_fired_is_there_with_its_properties(tmp_path: Path) -> None:
    event = purchase(amount=20.0, lines=[{"items": 2}])
    assert (
        text_of(tmp_path, "{{ event.type }} {{ event.amount }} {{ event.lines[0].items }}", event=event)
        == "purchase 20 2"
    )


def test_a_rule_that_fires_without_an_event_has_none(tmp_path: Path) -> None:
    assert reason_of(text_of, tmp_path, "{{ event.amount }}") == "line 1: 'event' is undefined"
    assert text_of(tmp_path, "{% if event is defined %}no{% endif %}yes") == "yes"


def test_history_is_counted_and_summed_over_all_time_and_over_windows(tmp_path: Path) -> None:
    history = History(
        KeptEvent("e", "purchase", NOON - DAY, {"amount": 20}),
        {"amount": 60.0},
        [NOON - 9 * DAY, NOON - DAY],
        {"amount": [40.0, 20.0]},
        span=30 * DAY,
    )
    state = State(events={"purchase": Memory(3, NOON - DAY, NOON - DAY - 1, history)})
    source = (
        "{% set p = events.purchase %}{{ p.count() }} {{ p.count('7d') }} {{ p.sum('amount') }}"
        " {{ p.sum('amount', '7d') }}"
        " {{ p.last.amount }} {{ p.first.time }} {{ events['purchase'].count() }} {{ events.visit.count() }}"
    )
    assert text_of(tmp_path, source, state) == "3 1 60 20 20 1 3 0"


def test_an_event_that_never_happened_can_be_asked_for(tmp_path: Path) -> None:
    source = "{{ events.visit.last.page | default('none') }}{% if not events.visit.last %} at all{% endif %}"
    assert text_of(tmp_path, source) == "none at all"


def test_rule_and_outreach_are_there(tmp_path: Path) -> None:
    rule = Rule(
        "win-back", Inactivity("win-back", of=frozenset({"visit"}), after=DAY), Send("t", "push"), why="Come back."
    )
    folder = write_files(
        tmp_path, push("{{ rule.id }} {{ rule.why }} {{ rule.purpose }} {{ outreach.customer }} {{ outreach.at }}")
    )
    made = outreach()
    JinjaRenderer(folder, RuleBook((rule,), Catalog())).render(made, State())
    assert made.text == f"win-back Come back. marketing c-1 {NOON}"


def test_a_layout_gives_the_frame_and_the_child_fills_it(tmp_path: Path) -> None:
    files = {
        "_base.j2": (
            "{% block text %}Dear {{ profile.first_name }},\n{% block content %}nothing{% endblock %}\nBye{%"
            " endblock %}"
        ),
        "_mail.email.j2": (
            "{% extends '_base.j2' %}{% block html %}<i>{% block body %}-{% endblock %}</i>{% endblock %}"
        ),
        "t.email.j2": (
            "{% extends '_mail.email.j2' %}{% block subject %}S{% endblock %}{% block content %}more than {{ super() }}"
            "{% endblock %}{% block body %}{{ super() }}{{ profile.first_name }}{{ self.subject() }}{% endblock %}"
        ),
    }
    made = outreach("email")
    renderer(tmp_path, files).render(made, ANNA)
    assert made.text == "Dear Anna & <Co>,\nmore than nothing\nBye"
    assert made.html == "<i>-Anna &amp; &lt;Co&gt;S</i>"


def test_what_is_set_and_imported_beside_the_blocks_is_seen_in_them(tmp_path: Path) -> None:
    files = {
        "_parts.j2": "{% macro button(label) %}<{{ label }}>{% endmacro %}",
        "_base.j2": "{% import '_parts.j2' as parts %}{% block text %}{% endblock %}",
        "t.push.j2": (
            "{% extends '_base.j2' %}{% set shop = 'Shop' %}"
            "{% block text %}{{ parts.button(shop) }}{% include '_foot.j2' %}{% endblock %}"
        ),
        "_foot.j2": " {{ shop }} {{ profile.first_name }}",
    }
    assert text_of(tmp_path, "", ANNA, files=files) == "<Shop> Shop Anna & <Co>"


def test_a_template_that_fails_fills_nothing(tmp_path: Path) -> None:
    made = outreach("email")
    made.subject = "before"
    assert (
        reason_of(renderer(tmp_path, mail(html="{{ nobody }}")).render, made, State())
        == "line 3: 'nobody' is undefined"
    )
    assert (made.subject, made.text) == ("before", "")


def test_a_template_that_fails_for_one_customer_works_for_the_next(tmp_path: Path) -> None:
    made = outreach()
    render = renderer(tmp_path, push("{{ profile.first_name }}")).render
    reason_of(render, made, State())
    render(made, ANNA)
    assert made.text == "Anna & <Co>"


def test_the_reason_names_the_layouts_line_when_the_fault_is_there(tmp_path: Path) -> None:
    files = {"_base.j2": "\n{% block text %}{{ nobody }}{% endblock %}", "t.push.j2": "{% extends '_base.j2' %}"}
    assert reason_of(text_of, tmp_path, "", files=files) == "_base.j2 line 2: 'nobody' is undefined"


def test_the_reason_never_quotes_the_customer(tmp_path: Path) -> None:
    files = {
        "int.push.j2": push("{{ range(profile.first_name) }}")["t.push.j2"],
        "key.push.j2": push("{{ {'a': 1}[profile.first_name] }}")["t.push.j2"],
        "field.push.j2": push("{{ event[profile.first_name] }}")["t.push.j2"],
        "date.push.j2": push("{{ profile.first_name | date }}")["t.push.j2"],
        "money.push.j2": push("{{ 1 | money(profile.first_name) }}")["t.push.j2"],
        "sum.push.j2": push("{{ profile.first_name + 1 }}")["t.push.j2"],
    }
    for name in files:
        made = outreach(template=name.partition(".")[0], event=purchase())
        assert "Anna" not in reason_of(renderer(tmp_path, files).render, made, ANNA)


def test_a_template_that_does_not_exist_or_does_not_parse_fails_each_time(tmp_path: Path) -> None:
    render = renderer(tmp_path, push("{% if %}")).render
    for _ in range(2):
        assert reason_of(render, outreach(template="lost"), State()) == "there is no file 'lost.push.j2'"
        assert reason_of(render, outreach(), State()).startswith("line 1: Expected an expression")


def test_a_mail_needs_a_subject_and_every_message_a_text(tmp_path: Path) -> None:
    assert (
        reason_of(renderer(tmp_path, push("x")).render, outreach("email"), State()) == "there is no file 't.email.j2'"
    )
    files = {"t.email.j2": "{% block text %}x{% endblock %}"}
    assert reason_of(renderer(tmp_path, files).render, outreach("email"), State()) == "t.email.j2 has no block subject"
    assert (
        reason_of(renderer(tmp_path, mail(subject=" \n ")).render, outreach("email"), State()) == "the subject is empty"
    )
    assert reason_of(text_of, tmp_path, " \n") == "the text is empty"


def test_a_changed_file_waits_for_the_next_renderer(tmp_path: Path) -> None:
    made = outreach()
    old = renderer(tmp_path, push("old"))
    new = renderer(tmp_path, push("new"))
    old.render(made, State())
    assert made.text == "old"
    new.render(made, State())
    assert made.text == "new"


@pytest.mark.parametrize(
    ("printed", "text"),
    [
        ("19.99 | round(2, 'floor')", "19.99"),
        ("0.57 | round(2, 'ceil')", "0.57"),
        ("-0.571 | round(2, 'floor')", "-0.58"),
        ("1234 | round(-2, 'ceil')", "1300"),
        ("2.345 | round(1)", "2.3"),
    ],
)
def test_a_price_that_is_rounded_up_or_down_keeps_its_cents(tmp_path: Path, printed: str, text: str) -> None:
    assert text_of(tmp_path, f"{{{{ {printed} }}}}") == text


def test_a_message_of_a_journey_knows_what_the_run_has_sent_before_also_when_it_is_the_last(tmp_path: Path) -> None:
    files = {
        "events.yaml": "version: 1\nevents: { signup: {} }\nprofile: { plan: string }\n",
        "rules.yaml": (
            "version: 1\nrules:\n  - id: j\n    when: { event: signup }\n    steps:\n      - send: hello\n"
            "      - { send: offer, if: profile.plan == 'pro' }\n      - send: bye\n"
        ),
        "hello.email.j2": mail("Hi", "Hi")["t.email.j2"],
        "offer.email.j2": mail("Offer", "Offer")["t.email.j2"],
        "bye.email.j2": mail("{{ steps.hello.sent }} {{ steps.offer.sent }}", "Bye")["t.email.j2"],
    }
    book = compiled(tmp_path, files)
    sim = Simulator(book, JinjaRenderer(tmp_path / "templates", book), strict=True)
    sim.event("signup", "0d")
    assert [one.subject for one in sim.outreach] == ["Hi", "True False"]

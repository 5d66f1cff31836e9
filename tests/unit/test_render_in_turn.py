"""One renderer serves customer after customer: nothing of a message is left for the next."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, strategies as st

from engine.core.policy import Policy
from engine.core.state.model import State
from engine.errors import RenderFailed
from engine.model import KeptEvent, Outreach
from engine.render import JinjaRenderer
from tests.support.rendering import mail, outreach, purchase, reason_of, renderer

NAME = "{{ profile.name | default('nobody') }}"
MACROS = {
    "_greeting.j2": "{% macro hi(note) %}<b>" + NAME + "</b> {{ note }}{% endmacro %}{% set city = 'Rome' %}",
    "_more.j2": '{% from "_greeting.j2" import hi, city with context %}{% macro ho() %}{{ hi(city) }}{% endmacro %}',
    "_alone.j2": "{% macro alone() %}{{ profile is defined }}{% endmacro %}",
    "_asks.j2": "{% if event is defined %}{% macro hi(note) %}{{ event.id }}{% endmacro %}{% endif %}",
    "_layout.j2": "{% set sign = 'Bea' %}{% block text %}" + NAME + " {{ sign }}{% endblock %}",
}
BEGINNINGS = [
    "",
    '{% from "_greeting.j2" import hi with context %}',
    '{% set sign = "Ada" %}{% from "_more.j2" import ho with context %}',
    '{% import "_greeting.j2" as all with context %}{% macro hi(note) %}{{ all.hi(note ~ all.city) }}{% endmacro %}',
    '{% from "_alone.j2" import alone as hi %}',
    '{% from "_asks.j2" import hi with context %}',
    "{% set profile = namespace(name=event.id | default('new')) %}",
    "{% set ns = namespace(n=1) %}{% macro hi(note) %}{% set ns.n = ns.n + 1 %}{{ ns.n }}{% endmacro %}",
    "{% macro event() %}{{ profile.name }}{% endmacro %}{% macro hi(note) %}{{ event() }}{% endmacro %}",
    '{% set list = ["a", ("b" ~ 1)] %}{% macro hi(note) %}{{ list | join(profile.name) }}{% endmacro %}',
    "{% if profile.name %}{% macro hi(note) %}{{ note }}{% endmacro %}{% endif %}",
    '{% extends "_layout.j2" %}',
    '{% extends "_layout.j2" %}{% set a = profile.name %}',
    '{% from "_greeting.j2" import hi with context %}{% if event is defined %}{% set sign = event.id %}{% endif %}',
    "{% set sign = 1 %}{% macro hi(note) %}{{ sign }}{% endmacro %}{% set sign = profile.name %}",
    "{% macro hi(note) %}{{ note }}{% endmacro %}{% set sign = hi(profile.name) %}",
]
BODIES = [
    NAME + " {{ event.id | default('-') }}",
    "{{ hi(profile.name) }}{{ hi(1) if event is defined else hi(2) }}",
    "{{ ho() }}{{ sign }}",
    '{% autoescape false %}{{ profile.name }}{{ event.id ~ "<" }}{% endautoescape %}{{ profile.name }}',
    '{% from "_greeting.j2" import hi with context %}{{ hi(event.id) }}',
    "{{ hi(sign | default('-')) }}",
]
STATES = st.sampled_from([State(), State(profile={"name": "<Ada>"}), State(profile={"name": ["no text"]})])
EVENTS = st.sampled_from([None, purchase(), purchase(amount=3)])


def told(render: JinjaRenderer, state: State, made: Outreach) -> tuple[str, ...]:
    try:
        render.render(made, state)
    except RenderFailed as error:
        return (error.reason,)
    return made.subject, made.text, made.html


@given(
    st.sampled_from(BEGINNINGS), st.sampled_from(BODIES), st.lists(st.tuples(STATES, EVENTS), min_size=2, max_size=4)
)
def test_a_customer_reads_the_same_whoever_came_before(
    beginning: str, body: str, customers: list[tuple[State, KeptEvent | None]]
) -> None:
    with TemporaryDirectory() as folder:
        files = MACROS | {"t.email.j2": beginning + mail("Hello", "Hello", body)["t.email.j2"]}
        one = renderer(Path(folder), files)
        for state, event in customers:
            alone = renderer(Path(folder), files)
            assert told(one, state, outreach("email", event)) == told(alone, state, outreach("email", event))


def test_what_a_message_has_set_is_not_there_for_the_next(tmp_path: Path) -> None:
    begin = "{% set ns = namespace(told=0) %}"
    one = renderer(
        tmp_path, {"t.push.j2": begin + "{% block text %}{% set ns.told = ns.told + 1 %}{{ ns.told }}{% endblock %}"}
    )
    assert [told(one, State(), outreach())[1] for _ in range(2)] == ["1", "1"]


def test_a_message_that_breaks_off_leaves_the_next_one_escaped(tmp_path: Path) -> None:
    one = renderer(tmp_path, mail(html="{{ profile.name }}{% autoescape false %}{{ event.id }}{% endautoescape %}"))
    state = State(profile={"name": "<Ada>"})
    assert reason_of(one.render, outreach("email"), state) == "line 3: 'event' is undefined"
    assert told(one, state, outreach("email", purchase()))[2] == "&lt;Ada&gt;e-1"


@pytest.mark.parametrize("context", ["with context", "without context"])
def test_what_a_layout_costs_is_charged_to_each_message(tmp_path: Path, context: str) -> None:
    files = {"_long.j2": "\n{% macro hi() %}" + "x" * 800_000 + "{% endmacro %}"}
    files |= mail(text="{{ profile.name * 100000 }}", html="{{ profile.name }}")
    files["t.email.j2"] = f'{{% from "_long.j2" import hi {context} %}}\n' + files["t.email.j2"]
    one = renderer(tmp_path, files)
    assert told(one, State(profile={"name": "a"}), outreach("email"))[2] == "a"
    for _ in range(2):
        reason = reason_of(one.render, outreach("email"), State(profile={"name": "ab"}))
        assert reason == "_long.j2 line 1: the template makes too much text or loops for too long"


REMEMBERING = (
    "{% set ns = namespace(name='nobody') %}{% macro keep(name) %}{% set ns.name = name %}{% endmacro %}"
    "{% macro kept() %}{{ ns.name }}{% endmacro %}"
)
PRICE = "{% set price = 1.5 | money('EUR') %}{{ price }}"


@pytest.mark.parametrize(
    ("module", "begin", "text", "expected"),
    [
        (REMEMBERING, '{% import "_m.j2" as m %}', "{{ m.kept() }}{{ m.keep(profile.name) }}", ["nobody", "nobody"]),
        (PRICE, '{% from "_m.j2" import price %}', "{{ price }}", ["1,50\xa0€", "€1.50"]),
        (PRICE, "", '{% include "_m.j2" without context %}', ["1,50\xa0€", "€1.50"]),
    ],
)
@pytest.mark.parametrize("beside", [True, False])
def test_a_file_without_the_messages_context_is_run_for_each_message(
    tmp_path: Path, module: str, begin: str, text: str, expected: list[str], beside: bool
) -> None:
    source = begin + "{% block text %}" if beside else "{% block text %}" + begin
    files = {"_m.j2": module, "t.push.j2": source + text + "{% endblock %}"}
    one = renderer(tmp_path, files, Policy(locale_field="locale"))
    states = [State(profile={"name": "Ada", "locale": "de"}), State(profile={"name": "Bea", "locale": "en"})]
    assert [told(one, state, outreach())[1] for state in states] == expected


@pytest.mark.parametrize(
    ("begin", "said"),
    [
        ("{% set sign = 'Ada' %}{% set x = profile.name %}{% macro hi() %}{{ sign }}{% endmacro %}", "Ada"),
        ("{% macro hi() %}{{ sign }}{% endmacro %}{% set x = sign | default(profile.name) %}", "'sign' is undefined"),
        (
            "{% macro hi() %}{% set ns.n = 2 %}{% endmacro %}{% set ns = namespace(n=profile.name) %}"
            "{% set x = hi() %}{% macro hi() %}{{ ns.n }}{% endmacro %}",
            "2",
        ),
    ],
)
def test_a_macro_reads_what_its_own_file_has_set_and_not_what_a_layout_sets(
    tmp_path: Path, begin: str, said: str
) -> None:
    layout = "{% set sign = 'Bea' %}{% set ns = namespace(n=0) %}{% block text %}{% endblock %}"
    files = {
        "_l.j2": layout,
        "t.push.j2": f'{{% extends "_l.j2" %}}{begin}{{% block text %}}{{{{ hi() }}}}{{% endblock %}}',
    }
    found = told(renderer(tmp_path, files), State(profile={"name": "Cy"}), outreach())
    assert found[1:2] == (said,) or found == (f"line 1: {said}",)


@pytest.mark.parametrize("name", ["Ada", "Bea"])
def test_threads_render_beside_each_other(tmp_path: Path, name: str) -> None:
    one = renderer(tmp_path, mail(text="{% for n in range(300) %}{{ profile.name }}{% endfor %}"))
    with ThreadPoolExecutor(2) as threads:
        states = [State(profile={"name": name}), State(profile={"name": name[::-1]})] * 20
        found = list(threads.map(lambda state: told(one, state, outreach("email"))[1], states))
    assert found == [state.profile["name"] * 300 for state in states]

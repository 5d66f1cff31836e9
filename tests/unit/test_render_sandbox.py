"""What templates must not read, and that none runs for ever or makes more than a message."""

from pathlib import Path
from time import process_time

import pytest

from engine.core.state.model import State
from engine.errors import RenderFailed
from engine.render.renderer import MAX_BLOCK
from engine.render.views import READABLE
from tests.support.rendering import outreach, purchase, push, reason_of, renderer, text_of

STATE = State(profile={"first_name": "Anna", "long": "x" * 200_000})

FORBIDDEN = [
    "{{ ''.__class__ }}",
    "{{ ''['__class__'] }}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ events.purchase._state }}",
    "{{ events._state.profile }}",
    "{{ event._event.properties }}",
    "{{ event['_event'] }}",
    "{{ profile._fields }}",
    "{{ profile['__init__'] }}",
    "{{ outreach.__init__.__globals__ }}",
    "{{ outreach.reason }}",
    "{{ outreach.event }}",
    "{{ self._TemplateReference__context }}",
    "{{ self.__init__ }}",
    "{{ range.__globals__ }}",
    "{{ namespace.__init__ }}",
    "{{ (1).to_bytes(9, 'big') }}",
    "{{ 'x'.join(['a', 'b']) }}",
    "{{ 'x'.ljust(1000000000) }}",
    "{{ '{:>1000000000}'.format(1) }}",
    "{{ '%1000000000d' % 1 }}",
    "{{ ''.encode }}",
    "{{ events.purchase.count.__func__ }}",
    "{{ [1].append(2) }}",
    "{{ [profile] | map(attribute='_fields') | first }}",
    "{{ loop.__init__ }}",
    "{% macro m() %}{% endmacro %}{{ m.name }}",
    "{% for x in [1] %}{{ loop._iterator }}{% endfor %}",
]

UNKNOWN_FILTERS = ["attr('x')", "center(1000000000)", "format(1)", "batch(9)", "pprint", "random", "xmlattr", "indent"]

ENDLESS = [
    "{% for i in range(10000) %}{% for j in range(10000) %}{% endfor %}{% endfor %}",
    "{% for i in range(10000) %}{% for j in range(10000) if false %}{% endfor %}{% endfor %}",
    (
        "{% for i in range(10000) %}{{ range(10000) | list | sum }}{% for j in range(10) %}{{ profile.long }}"
        "{% endfor %}{% endfor %}"
    ),
    "{% for i in range(10000) %}{{ profile.long }}{% endfor %}",
    "{% set x %}{% for i in range(10000) %}{{ profile.long }}{% endfor %}{% endset %}x",
    "{% set x %}{% for i in range(9999) %}{% include '_long.j2' %}{% endfor %}{% endset %}x",
    "{% macro m() %}"
    + "y" * 9_000
    + "{% endmacro %}{% set x %}{% for i in range(9999) %}{{ m() }}{% endfor %}{% endset %}x",
    "{% macro m(n) %}{{ m(n - 1) if n }}{{ m(n - 1) if n }}{% endmacro %}{{ m(60) }}",
    "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "{{ self.text() }}{{ self.text() }}",
    "{% include '_itself.j2' %}",
    "{% set n = namespace(s='xx') %}{% for i in range(64) %}{% set n.s = n.s ~ n.s %}{% endfor %}x",
    "{% set n = namespace(s='xx') %}{% for i in range(64) %}{% set n.s = n.s + n.s %}{% endfor %}x",
    "{% set n = namespace(s='xx') %}{% for i in range(64) %}{% set n.s %}{{ n.s }}{{ n.s }}{% endset %}{% endfor %}x",
    "{% set n = namespace(s='\"') %}{% for i in range(64) %}{% set n.s = n.s | tojson %}{% endfor %}x",
    "{% set n = namespace(l=[1]) %}{% for i in range(64) %}{% set n.l = n.l + n.l %}{% endfor %}x",
    "{% set n = namespace(l=[1]) %}{% for i in range(64) %}{% set n.l = [n.l, n.l] %}{% endfor %}{{ n.l | tojson }}",
    "{% set n = namespace(i=7) %}{% for i in range(64) %}{% set n.i = n.i * n.i %}{% endfor %}x",
    "{{ 9 ** 999999999 }}",
    "{{ 'a' * 10000000000 }}",
    "{{ [1] * 10000000000 }}",
    "{{ range(1000000000) | list }}",
    "{{ profile.long | replace('', profile.long) }}",
    "{{ range(10000) | join(profile.long) }}",
    "{{ range(10000) | map(attribute='x', default=profile.long) | join }}",
    "{{ 1.5 | round(1000000000, 'floor') }}",
    "{{ 1 | number(1000000000) }}",
    "{{ 1 | date('y' * 1000000) }}",
]


@pytest.mark.parametrize("source", FORBIDDEN)
def test_a_template_cannot_reach_what_it_must_not(tmp_path: Path, source: str) -> None:
    with pytest.raises(RenderFailed):
        text_of(tmp_path, source, STATE, purchase())


@pytest.mark.parametrize("name", UNKNOWN_FILTERS)
def test_filters_that_blow_up_or_read_anything_are_absent(tmp_path: Path, name: str) -> None:
    assert "No filter named" in reason_of(text_of, tmp_path, "{{ 'x' | " + name + " }}")


@pytest.mark.parametrize("source", ENDLESS)
def test_a_template_without_an_end_is_stopped_soon(tmp_path: Path, source: str) -> None:
    files = {"_long.j2": "z" * 9_000, "_itself.j2": "{% include '_itself.j2' %}{% include '_itself.j2' %}"}
    before = process_time()
    with pytest.raises(RenderFailed):
        text_of(tmp_path, source, STATE, files=files)
    assert process_time() - before < 30


def test_the_budget_cannot_be_raised_from_within(tmp_path: Path) -> None:
    refill = "{% for i in range(10000) %}{% set x = -1000000 | _spend %}{% endfor %}"
    assert "too long" in reason_of(text_of, tmp_path, refill)


def test_each_customer_has_a_budget_of_their_own(tmp_path: Path) -> None:
    render = renderer(tmp_path, push("{% for i in range(9000) %}{{ i }}{% endfor %}")).render
    for _ in range(40):
        render(outreach(), State())


def test_a_recursive_loop_is_refused(tmp_path: Path) -> None:
    source = "{% for i in [[1]] recursive %}{{ loop(i) }}{% endfor %}"
    assert reason_of(text_of, tmp_path, source) == "line 1: recursive loops are not available"


def test_a_text_has_a_largest_size(tmp_path: Path) -> None:
    assert len(text_of(tmp_path, "x" * MAX_BLOCK)) == MAX_BLOCK
    assert "more than" in reason_of(text_of, tmp_path, "x" * (MAX_BLOCK + 1))


def test_what_is_no_text_is_not_printed_by_accident(tmp_path: Path) -> None:
    call = reason_of(text_of, tmp_path, "{{ events.purchase.count }}")
    assert call == "line 1: cannot print a function; write it with parentheses"
    assert "print one of its parts" in reason_of(text_of, tmp_path, "{{ events.purchase }}")
    assert "print one of its parts" in reason_of(text_of, tmp_path, "{{ 'a' ~ [1] }}")
    assert "not finite" in reason_of(text_of, tmp_path, "{{ event.amount }}", event=purchase(amount=float("nan")))


def test_ordinary_loops_and_filters_work(tmp_path: Path) -> None:
    source = (
        "{% for line in event.lines if line.price > 1 %}{{ loop.index }}/{{ loop.length }} {{ line.name | upper }}"
        "{{ '' if loop.last else ', ' }}{% endfor %}; {{ event.lines | map(attribute='name') | join(' & ') }};"
        " {{ event.lines | sum(attribute='price') }}; {{ 2.345 | round(1) }}; {{ event.lines[0] | tojson }};"
        " {{ 'a-b' | replace('-', '+') | title }}; {{ event.lines | join('+', 'price') }}; {{ 'a' * 3 }}; {{ 7 % 4 }}"
    )
    grouped = (
        "{% for group in event.lines | groupby('price') %}{{ group.grouper }}:{{ group.list | length }} {% endfor %}"
    )
    event = purchase(lines=[{"name": "tea", "price": 2.5}, {"name": "mug", "price": 1}, {"name": "pot", "price": 9}])
    assert text_of(tmp_path, source, event=event) == (
        '1/2 TEA, 2/2 POT; tea & mug & pot; 12.5; 2.3; {"name": "tea", "price": 2.5}; A+b; 2.5+1+9; aaa; 3'
    )
    assert text_of(tmp_path, grouped, event=event) == "1:1 2.5:1 9:1"


def test_a_macro_beside_the_blocks_can_be_called_with_a_body(tmp_path: Path) -> None:
    files = {
        "t.push.j2": (
            "{% set greeting = 'Hi' %}{% macro box(n) %}[{{ greeting }} {{ n }} {{ caller() }}]{% endmacro %}"
            "{% block text %}{% call box(2) %}{{ profile.first_name | lower }}{% endcall %}{% endblock %}"
        )
    }
    assert text_of(tmp_path, "", STATE, files=files) == "[Hi 2 anna]"


def test_no_type_lists_a_name_that_begins_with_an_underscore_as_readable() -> None:
    named = [name for names in READABLE.values() if isinstance(names, frozenset) for name in names]
    assert named
    assert not [name for name in named if name.startswith("_")]

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, strategies as st
from jinja2 import TemplateSyntaxError, nodes

from engine.render.files import read_sources
from engine.render.outline import Outline
from engine.render.rendering import Rendering
from engine.render.sandbox import Sandbox

SANDBOX = Sandbox({}, Rendering(), autoescape=True)
REPOSITORY = Path(__file__).parents[2]
EXPRESSIONS = (
    "a",
    "loop.index",
    "a.b[0]",
    "a[1:2]",
    "'x' ~ 1.5",
    "{'k': (1, none)}",
    "[1] if not a else -2",
    "f(1, *a, k=2, **b)",
    "f(k=1, k=2)",
    "f(class=1)",
    "a | replace('x', new='y')",
    "a | upper(s=1, s=2)",
    "a | nothing",
    "a is defined and a is divisibleby(3)",
    "a is unheard_of",
    "9" * 5_000,
    "1e400",
    "ﬁ",
    "2 ** 3 // 4 % 5",
)
AROUND = (
    "{% for a in b if c %}@{% else %}.{% endfor %}",
    "{% for a, loop in b %}@{% endfor %}",
    "{% for a in b recursive %}@{{ loop(a) }}{% endfor %}",
    "{% if a %}@{% elif b %}.{% else %}@{% endif %}",
    "{% with a = 1, b = a %}@{% endwith %}",
    "{% block one %}@{% endblock %}",
    "{% block two %}{{ super() }}@{% endblock %}",
    "{% macro m(a, b=1) %}@{{ caller() }}{% endmacro %}",
    "{% macro m(a, a) %}@{% endmacro %}",
    "{% macro m(caller) %}@{% endmacro %}",
    "{% call(a, b) m(1) %}@{% endcall %}",
    "{% call(a, a) m(1) %}@{% endcall %}",
    "{% set a %}@{% endset %}",
    "{% set ns.a = b %}@",
    "{% set a, b = c %}@",
    "{% set loop = 1 %}@",
    "{% filter upper %}@{% endfilter %}",
    "{% extends 'x' %}@",
    "{% extends a %}@",
    "{% include ['x', 'y'] ignore missing %}@",
    "{% include a %}@",
    "{% import 'x' as loop %}@",
    "{% from 'x' import y as z with context %}@",
    "{{ 'x' }} text @ @",
)


def outline(source: str) -> Outline:
    return Outline(SANDBOX.parse(source))


def is_certain(source: str) -> bool:
    try:
        return outline(source).certainly_compiles(SANDBOX.filters, SANDBOX.tests)
    except (TemplateSyntaxError, RecursionError):  # it is not even parsed
        return False


def is_refused(source: str) -> bool:
    try:
        SANDBOX.compile(source)
    except (TemplateSyntaxError, RecursionError):
        return True
    return False


def written(around: Sequence[str], expressions: Sequence[str]) -> str:
    """The statements in each other, the expressions in turn where one has room."""
    text = "@"
    for number, statement in enumerate(around):
        text = statement.replace("@", text, 1).replace("@", f"{{{{ {expressions[number % len(expressions)]} }}}}")
    return text.replace("@", f"{{{{ {expressions[-1]} }}}}")


@given(st.lists(st.sampled_from(AROUND), max_size=30), st.lists(st.sampled_from(EXPRESSIONS), min_size=1, max_size=3))
def test_what_certainly_compiles_does(around: list[str], expressions: list[str]) -> None:
    source = written(around, expressions)
    assert not (is_certain(source) and is_refused(source))


@pytest.mark.parametrize("statement", AROUND)
def test_nothing_that_is_nested_too_deeply_for_python_is_certain(statement: str) -> None:
    for number in (*range(4), *range(12, 24), 100):
        source = written([statement] * number, ["a"])
        assert not (is_certain(source) and is_refused(source)), number


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_an_expression_that_is_refused_is_not_certain(expression: str) -> None:
    source = f"{{{{ {expression} }}}}"
    assert not (is_certain(source) and is_refused(source))


def test_a_block_that_is_there_twice_is_not_certain() -> None:
    assert not is_certain("{% block a %}{% endblock %}{% block a %}{% endblock %}")


@pytest.mark.parametrize("folder", ["templates", "examples/loyalty-club/templates"])
def test_templates_as_people_write_them_need_not_be_compiled_to_know_that_they_do(folder: str) -> None:
    for name, source in read_sources(REPOSITORY / folder).items():
        assert is_certain(source), name
        assert not is_refused(source), name


def test_every_kind_of_node_that_a_template_of_today_may_have_is_found_in_one_pass() -> None:
    source = written(AROUND[:2], EXPRESSIONS[:6])
    tree = SANDBOX.parse(source)
    assert sorted(map(repr, Outline(tree).nodes)) == sorted(map(repr, [tree, *tree.find_all(nodes.Node)]))

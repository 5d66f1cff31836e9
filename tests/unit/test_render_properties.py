"""Templates of every kind, customer after customer: a renderer that serves them all says what one of its own would say.

And it says what plain Jinja says, which has none of its shortcuts: there each message runs the whole template.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import example, given, strategies as st
from jinja2 import DictLoader, StrictUndefined
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import pass_context

from engine.core.policy import Policy
from engine.core.scope import EventsView, RecordView
from engine.core.state.model import State
from engine.core.zones import Zones
from engine.errors import RenderFailed
from engine.model import KeptEvent
from engine.render.filters import allowed_filters
from engine.render.local import customer_filters
from engine.render.renderer import JinjaRenderer
from engine.render.rendering import Rendering
from engine.render.sandbox import GLOBALS
from engine.render.views import CustomerView, ProfileView
from tests.support.examples import examples
from tests.support.rendering import NOON, outreach, purchase, renderer

POLICY = Policy(zones=Zones("UTC", "zone"), locale_field="locale")
NAMES = ("sign", "price", "x")
# fmt: off
ATOMS = st.sampled_from([
    "'<&\"'", "'b'", "1", "-2.5", "true", "[1, '<']", "profile.name", "profile.name", "profile.n", "profile.none",
    "event.id", "event.amount", "customer.id", "outreach.id", "events.purchase.count()", "sign", "sign", "price", "x",
    "x | default('-')", "event.id | default('&')", "ns.n", "m.sign", "m.hi(1)", "hi(x)", "hi(profile.name, 2)", "hi()",
    "nothing", "namespace(n=x)", "self.subject()", "super()", "loop.index", "caller()",
])
FILTERS = st.sampled_from([
    "upper", "safe", "e", "string", "default('-')", "default('-', true)", "money('EUR')", "number", "date('short')",
    "time", "length", "join('<')", "tojson", "replace('b', '<')", "title", "first", "list", "days_until", "striptags",
    "truncate(3)",
])
# fmt: on


def _wider(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds("{} | {}".format, inner, FILTERS),
        st.builds("({}) {} ({})".format, inner, st.sampled_from(["~", "~", "+", "==", "and", "or"]), inner),
        st.builds("(({}) if ({}) else ({}))".format, inner, inner, inner),
        st.builds("({}) is {}".format, inner, st.sampled_from(["defined", "string", "none"])),
        st.builds("[{}, {}]".format, inner, inner),
        st.builds("hi({}, b={})".format, inner, inner),
    )


EXPRESSIONS = st.recursive(ATOMS, _wider, max_leaves=4)
CONSTANTS = st.sampled_from(["'Ada'", "'<' ~ 1", "[1, ('b', -2)]", "{'n': 'b'}", "not 1", "-2"])
CONTEXT = st.sampled_from([" with context", " with context", " without context"])
PRINTED = st.one_of(
    st.sampled_from(["<p>", "b", " & "]),
    st.builds("{{{{ {} }}}}".format, EXPRESSIONS),
    st.builds('{{% include "_m.j2"{} %}}'.format, CONTEXT),
)


def _joined(parts: st.SearchStrategy[str], most: int = 3) -> st.SearchStrategy[str]:
    return st.lists(parts, max_size=most).map("".join)


def _enclosed(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    body = _joined(inner)
    return st.one_of(
        st.builds("{{% if {} %}}{}{{% else %}}{}{{% endif %}}".format, EXPRESSIONS, body, body),
        st.builds("{{% for {} in [1, profile.name] %}}{}{{% endfor %}}".format, st.sampled_from(NAMES), body),
        st.builds("{{% autoescape {} %}}{}{{% endautoescape %}}".format, EXPRESSIONS | st.just("false"), body),
        st.builds("{{% filter {} %}}{}{{% endfilter %}}".format, FILTERS, body),
        st.builds("{{% with x = {} %}}{}{{% endwith %}}".format, EXPRESSIONS, body),
        st.builds("{{% set {} %}}{}{{% endset %}}".format, st.sampled_from(NAMES), body),
        st.builds("{{% call hi({}) %}}{}{{% endcall %}}".format, EXPRESSIONS, body),
        st.builds("{{% macro hi(a, b={}) %}}{}{{% endmacro %}}".format, EXPRESSIONS, body),
        st.builds("{{% macro x() %}}{}{{% endmacro %}}".format, body),
    )


SET = st.one_of(
    st.builds("{{% set {} = {} %}}".format, st.sampled_from(NAMES), CONSTANTS),
    st.builds("{{% set {} = {} %}}".format, st.sampled_from(NAMES), EXPRESSIONS),
    st.builds("{{% set profile = namespace(name={}) %}}".format, EXPRESSIONS),
    st.builds("{{% set ns = namespace(n={}) %}}".format, EXPRESSIONS),
    st.builds("{{% set ns.n = {} %}}".format, EXPRESSIONS),
    st.builds('{{% import "_m.j2" as m{} %}}'.format, CONTEXT),
    st.builds('{{% from "_m.j2" import hi, sign{} %}}'.format, CONTEXT),
)
STATEMENTS = st.recursive(SET | PRINTED, _enclosed, max_leaves=4)
MACRO = st.builds(
    "{{% macro hi(a, b={}) %}}{}{{{{ a }}}}{}{{% endmacro %}}".format,
    EXPRESSIONS,
    _joined(STATEMENTS),
    st.just("{{ b }}"),
)
BESIDE = st.one_of(SET, SET, MACRO, _enclosed(STATEMENTS))
"""What stands beside the blocks; what a file prints there is in no message."""


BODY = _joined(STATEMENTS)
CONSTANT = st.builds("{{% set {} = {} %}}".format, st.sampled_from(NAMES), CONSTANTS)
IMPORT = st.sampled_from(['{% import "_m.j2" as m', '{% from "_m.j2" import hi, sign'])
STEADY = st.builds("{}{} %}}".format, IMPORT, CONTEXT) | CONSTANT | MACRO
NAMESPACE = st.sampled_from(["", "{% set ns = namespace(n=profile.name) %}"])
FIRST = st.builds("{}{}{}".format, _joined(STEADY), NAMESPACE, _joined(BESIDE))
USUAL = (
    "{% macro hi(a='-', b=profile.name) %}{{ a }}<{{ b }}{{ caller() if caller is defined }}{% endmacro %}"
    "{% set sign = '&' %}"
)
MODULE = st.builds("{}{}{}".format, st.sampled_from(["", USUAL, USUAL]), _joined(CONSTANT | MACRO), st.just("") | BODY)


def _shown(subject: str, text: str, html: str) -> str:
    """The outermost file's blocks; the conditions are for plain Jinja, the renderer runs blocks alone."""
    plain = f"\1{{% block subject %}}Hi{subject}{{% endblock %}}\2\1{{% block text %}}Hi{text}{{% endblock %}}\2"
    return (
        f"{{% if wanted == 'plain' %}}{plain}{{% endif %}}"
        f"{{% if wanted == 'html' %}}\1{{% block html %}}{html}{{% endblock %}}\2{{% endif %}}"
    )


ALONE = st.builds(lambda begin, blocks: begin + blocks, FIRST, st.builds(_shown, st.just(""), BODY, BODY))
EXTENDING = st.builds(
    '{{% extends "_l.j2" %}}{}{{% block text %}}Ho{}{{% endblock %}}{{% block html %}}{}{{% endblock %}}'.format,
    FIRST,
    BODY,
    BODY,
)
FILES = st.fixed_dictionaries({"_m.j2": MODULE, "_l.j2": ALONE, "t.email.j2": ALONE | EXTENDING})

PROFILES = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from(["Ada", "<b>'&\"", ["no text"]]),
        "n": st.sampled_from([0, -0.0, 1_234.5, NOON, True, "2026-03-01"]),
        "locale": st.sampled_from(["de", "en", "pl"]),
        "zone": st.sampled_from(["Asia/Tokyo", "America/New_York"]),
    },
)
EVENTS = st.sampled_from([None, purchase(), purchase(amount=3.25), purchase(amount="<i>")])
CUSTOMERS = st.lists(st.tuples(PROFILES, EVENTS), min_size=2, max_size=4)
Told = tuple[str, ...]


def told(render: JinjaRenderer, profile: dict[str, Any], event: KeptEvent | None) -> Told:
    made = outreach("email", event)
    try:
        render.render(made, State(profile=profile))
    except RenderFailed as error:
        return (error.reason,)
    return made.subject, made.text, made.html


class PlainJinja(ImmutableSandboxedEnvironment):
    """With the renderer's filters, and nothing else of it."""

    def __init__(self, files: Mapping[str, str], rendering: Rendering, *, autoescape: bool) -> None:
        @pass_context
        def finalize(_: Context, value: Any) -> Any:
            return rendering.text(value)

        super().__init__(
            loader=DictLoader(files),
            undefined=StrictUndefined,
            autoescape=autoescape,
            finalize=finalize,
            optimized=False,
            lstrip_blocks=True,
        )
        self.globals = dict(GLOBALS)
        self.filters = allowed_filters(rendering) | customer_filters(rendering)

    def getattr(self, obj: Any, attribute: str) -> Any:
        value = super().getattr(obj, attribute)
        return self.undefined(name=attribute) if value is None else value


def told_plainly(files: Mapping[str, str], profile: dict[str, Any], event: KeptEvent | None) -> Told | None:
    """None where it fails."""
    rendering, made = Rendering(), outreach("email", event)
    rendering.begin(POLICY, profile, made.at)
    state = State(profile=profile)
    variables: dict[str, Any] = {
        "profile": ProfileView(profile),
        "customer": CustomerView(made.customer),
        "outreach": made,
        "events": EventsView(state, made.at),
    }
    if event is not None:
        variables["event"] = RecordView(event)
    try:
        found = []
        for wanted, autoescape in (("plain", False), ("html", True)):
            jinja = PlainJinja(files, rendering, autoescape=autoescape)
            whole = jinja.get_template("t.email.j2").render(variables, wanted=wanted)
            found += re.findall("\1([^\2]*)\2", whole)
    except Exception:
        return None
    subject, text, html = found
    return (" ".join(subject.split()), text.strip(), html.strip()) if subject and text.strip() else None


TEXT = "{{ profile.name }}{{ m.hi(1, m.ns.n) }}{{ all.hi('<') }}{{ m.keep(profile.name) }}{{ m.ns.n ~ m.sign }}"
KEEPS = "{% set ns = namespace(n=1) %}{% macro keep(n) %}{% set ns.n = n %}{% endmacro %}"


@examples(25)
@example(
    {
        "_m.j2": USUAL + KEEPS,
        "t.email.j2": '{% import "_m.j2" as m %}{% import "_m.j2" as all with context %}' + _shown("", TEXT, TEXT),
    },
    [({"name": "<b>"}, None), ({"name": "Bea"}, None)],
)
@given(FILES, CUSTOMERS)
def test_a_message_is_what_a_renderer_of_its_own_and_plain_jinja_make(
    files: dict[str, str], customers: list[tuple[dict[str, Any], KeptEvent | None]]
) -> None:
    with TemporaryDirectory() as folder:
        one = renderer(Path(folder), files, POLICY)
        for profile, event in customers:
            found = told(one, profile, event)
            assert found == told(renderer(Path(folder), files, POLICY), profile, event)
            plainly = told_plainly(files, profile, event)
            assert plainly == (found if len(found) > 1 else None), found

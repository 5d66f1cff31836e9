"""What is known of a template without rendering it: what it reads, the history it needs, what is wrong with it."""

from pathlib import Path

import pytest

from engine.core.expression import EVERY, Keeps, Needs, Reads
from engine.core.template_facts import TemplateFacts
from engine.render import inspect_templates
from tests.support.project_files import write_files
from tests.support.rendering import facts_of, mail, push

DAY = 86_400_000


def reads(facts: TemplateFacts) -> list[tuple[str, int]]:
    return [(".".join(read.path), read.line) for read in facts.reads]


def paths(facts: TemplateFacts) -> list[str]:
    return [path for path, _ in reads(facts)]


def problems(facts: TemplateFacts) -> list[tuple[str, int]]:
    return [(problem.code, problem.line) for problem in facts.problems]


def test_a_template_is_known_by_its_files_name(tmp_path: Path) -> None:
    files = {
        **push("x"),
        **mail(),
        "win.back.sms.j2": push("y")["t.push.j2"],
        "_base.j2": "",
        "parts/a.j2": "",
        "b.txt": "",
    }
    found = inspect_templates(write_files(tmp_path, files))
    assert [(facts.template, facts.channel) for facts in found] == [("t", "email"), ("t", "push"), ("win.back", "sms")]
    assert found[1].source == files["t.push.j2"]
    assert found[1].path == f"{tmp_path.as_posix()}/t.push.j2"
    assert not any(facts.problems for facts in found)


def test_no_folder_means_no_templates(tmp_path: Path) -> None:
    assert inspect_templates(tmp_path / "nowhere") == []


def test_every_read_has_its_path_and_line(tmp_path: Path) -> None:
    source = (
        "\n{{ profile.first_name | default('x') }}\n{{ profile['last_name'].upper() }} {{ event.lines[0].name }}"
        "\n{% if profile.city is defined %}{{ rule.id }}{{ outreach.at | date }}{% endif %}{{ foo }}{{ bar() }}"
    )
    assert reads(facts_of(tmp_path, push(source))) == [
        ("profile.first_name", 2),
        ("profile.last_name", 3),
        ("event.lines", 3),
        ("profile.city", 4),
        ("rule.id", 4),
        ("outreach.at", 4),
        ("foo", 4),
        ("bar", 4),
    ]


def test_the_templates_own_names_are_no_reads(tmp_path: Path) -> None:
    source = (
        "{% set a = 1 %}{% set b %}{{ a }}{% endset %}{% for c, d in {}.items() %}{{ c }}{{ d }}"
        "{{ loop.index }}{% endfor %}"
        "{% macro m(e, f=a) %}{{ e }}{{ f }}{{ caller() }}{% endmacro %}{% call m(b) %}{{ a }}{% endcall %}"
        "{% with g = a %}{{ g }}{% endwith %}{{ range(3) | join }}{{ self.text }}{% set n = namespace(x=1) %}"
        "{% set n.x = 2 %}"
    )
    assert paths(facts_of(tmp_path, push(source))) == []


def test_a_name_of_an_inner_scope_is_unknown_outside(tmp_path: Path) -> None:
    source = (
        "{% for a in [1] %}{{ a }}{% endfor %}{{ a }}{% macro m(b) %}{% endmacro %}{{ b }}{% with c = 1 %}"
        "{% endwith %}{{ c }}"
    )
    assert paths(facts_of(tmp_path, push(source))) == ["a", "b", "c"]


def test_what_a_template_asks_of_history_is_needed(tmp_path: Path) -> None:
    source = (
        "{{ profile.name }}{{ event.amount }}{{ events.purchase.count() }}{{ events.purchase.count('7d') }}"
        "{{ events.purchase.sum('amount') }}{{ events.purchase.sum('amount', span='30d') }}"
        "{{ events['visit'].last.page }}"
        "{{ events.login.last.time }}{{ events.login.first.time }}{{ events.order.last is defined }}"
    )
    facts = facts_of(tmp_path, push(source))
    assert facts.needs == Needs(
        Reads(fields=frozenset({"name"}), event=True, properties=frozenset({"amount"})),
        Keeps(
            last=frozenset({"visit"}),
            sums=frozenset({("purchase", "amount")}),
            windows=frozenset({("purchase", None, 7 * DAY), ("purchase", "amount", 30 * DAY)}),
        ),
    )
    assert paths(facts)[2:] == [
        "events.purchase.count",
        "events.purchase.count",
        "events.purchase.sum.amount",
        "events.purchase.sum.amount",
        "events.visit.last.page",
        "events.login.last.time",
        "events.login.first.time",
        "events.order.last",
    ]


def test_needs_are_seen_through_names_the_template_gives(tmp_path: Path) -> None:
    source = (
        "{% set p = events.purchase %}{{ p.count('7d') }}{% set last = events.visit.last %}"
        "{% if profile.x %}{% set last = events.login.last %}{% endif %}{{ last.page }}{% with q = p %}"
        "{{ q.sum('a') }}{% endwith %}"
    )
    facts = facts_of(tmp_path, push(source))
    assert facts.needs.keeps.windows == {("purchase", None, 7 * DAY)}
    assert facts.needs.keeps.sums == {("purchase", "a")}
    assert facts.needs.keeps.last == {"visit", "login"}
    assert "events.visit.last.page" in paths(facts)
    assert "events.login.last.page" in paths(facts)
    assert facts.problems == ()


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("{{ events[profile.x].count() }}", "template-dynamic"),
        ("{{ events.purchase.count(profile.span) }}", "template-dynamic"),
        ("{{ events.purchase.count(*['7d']) }}", "template-dynamic"),
        ("{{ events.purchase.sum() }}", "template-dynamic"),
        ("{{ events.purchase.sum('a', '7d', 1) }}", "template-dynamic"),
        ("{{ events.purchase.count(days='7d') }}", "template-dynamic"),
        ("{{ [events.purchase] | first }}", "template-dynamic"),
        ("{% for t in events %}{% endfor %}", "template-dynamic"),
        ("{{ profile[event.field] }}", "template-dynamic"),
        ("{{ events.purchase.count('a week') }}", "template-duration"),
        ("{{ events.purchase.count }}", "template-call"),
        ("{{ ''.__class__ }}", "template-sandbox"),
        ("{{ events.purchase._state }}", "template-sandbox"),
        ("{{ events.purchase.count('0d') }}", "template-duration"),
        ("{{ points.stars.earned('0d') }}", "template-duration"),
        ("{{ 1 | mony('EUR') }}", "template-filter"),
        ("{{ [1] | map('mony', 'EUR') | list }}", "template-filter"),
        ("{{ [1] | selectattr('a', 'purple') | list }}", "template-filter"),
        ("{{ 1 | attr('x') }}", "template-filter"),
        ("{{ 1 | _spend }}", "template-filter"),
        ("{{ 1 is purple }}", "template-filter"),
        ("{{ [1, -1e400] }}", "template-syntax"),
        ("{% if %}", "template-syntax"),
        ("{% for a in [] recursive %}{% endfor %}", "template-syntax"),
        ("{% include '_gone.j2' %}", "template-include"),
        ("{% import '_gone.j2' as x %}", "template-include"),
        ("{% include profile.x %}", "template-dynamic"),
        ("{% block a %}{% endblock %}{% block a %}{% endblock %}", "template-syntax"),
    ],
)
def test_what_is_wrong_is_found_at_its_line(tmp_path: Path, source: str, code: str) -> None:
    assert problems(facts_of(tmp_path, push(f"\n{source}"))) == [(code, 2)]


@pytest.mark.parametrize("beside", ["time('H')", "time('ah')", "default('a')", "time(\"'a'\")"])
def test_an_hour_of_twelve_is_odd_where_nothing_beside_it_says_which_half(tmp_path: Path, beside: str) -> None:
    facts = facts_of(tmp_path, push(f"{{{{ event.time | time('h:mm') }}}} {{{{ event.time | {beside} }}}}"))
    assert problems(facts)[:1] == [("odd-argument", 1)]


def test_a_macro_of_the_template_may_be_called_range(tmp_path: Path) -> None:
    source = "{% macro range(low, high) %}{{ low }} to {{ high }}{% endmacro %}{{ range(9.9, 19.9) }}"
    assert facts_of(tmp_path, push(source)).problems == ()


def test_a_template_with_an_odd_argument_is_compiled_nevertheless(tmp_path: Path) -> None:
    source = "{{ event.time | date('MM.YYYY') }}{% block a %}{% endblock %}{% block a %}{% endblock %}"
    assert problems(facts_of(tmp_path, push(source))) == [("odd-argument", 1), ("template-syntax", 1)]


LOOPS = 30  # Python compiles 20 of them within each other


@pytest.mark.parametrize(
    "source", ["{{ " + "(" * 5000, "{% for i in [1] %}" * LOOPS + "{% endfor %}" * LOOPS, "{{ " + "9" * 5000 + " }}"]
)
def test_a_template_nested_too_deeply_or_with_too_long_a_number_is_a_problem(tmp_path: Path, source: str) -> None:
    assert problems(facts_of(tmp_path, push(source))) == [("template-syntax", 1)]


def test_a_misspelt_filter_or_file_has_a_suggestion(tmp_path: Path) -> None:
    facts = facts_of(tmp_path, push("{{ 1 | mony('EUR') }}{% include '_foot.j2' %}") | {"_food.j2": ""})
    assert [problem.help for problem in facts.problems] == ["did you mean 'money'?", "did you mean '_food.j2'?"]


def test_a_mail_needs_subject_and_text_and_a_push_only_text(tmp_path: Path) -> None:
    assert problems(facts_of(tmp_path, {"a.email.j2": "{% block html %}{% endblock %}"})) == [("template-block", 1)] * 2
    assert problems(facts_of(tmp_path / "b", {"b.push.j2": "{% block html %}{% endblock %}"})) == [
        ("template-block", 1)
    ]


def test_a_block_or_text_that_nobody_would_ever_see_is_a_problem(tmp_path: Path) -> None:
    files = {
        "t.push.j2": (
            "{% block text %}x{% endblock %}\n{# fine #}\n\n stray\n{% block txt %}{% endblock %}{{ profile.a }}"
        )
    }
    assert problems(facts_of(tmp_path, files)) == [("template-block", 4), ("template-block", 5), ("template-block", 5)]


def test_a_wrongly_named_file_and_one_that_is_not_text_are_problems(tmp_path: Path) -> None:
    assert problems(facts_of(tmp_path, {"welcome.j2": push("x")["t.push.j2"]})) == [("template-name", 1)]
    (tmp_path / "a.push.j2").write_bytes(b"{% block text %}\n\xff{% endblock %}")
    assert problems(inspect_templates(tmp_path)[0]) == [("template-encoding", 2)]


def test_a_byte_order_mark_and_windows_line_ends_are_fine(tmp_path: Path) -> None:
    (tmp_path / "a.push.j2").write_bytes(b"\xef\xbb\xbf{% block text %}\r\n{{ profile.a }}\r\n{% endblock %}\r\n")
    facts = inspect_templates(tmp_path)[0]
    assert (reads(facts), facts.problems) == ([("profile.a", 2)], ())


def test_what_layouts_and_partials_read_the_template_reads(tmp_path: Path) -> None:
    files = {
        "t.push.j2": (
            "\n{% extends '_base.j2' %}\n{% block content %}\n{% include '_foot.j2' %}{{ shop }}{% endblock %}"
        ),
        "_base.j2": (
            "{% set shop = profile.shop %}{% block text %}{{ profile.top }}{% block content %}"
            "{{ profile.replaced }}{% endblock %}"
            "{% block end %}{{ profile.end }}{% endblock %}{% endblock %}{{ profile.outside }}"
        ),
        "_foot.j2": "\n\n\n\n{{ profile.foot }}{{ shop }}",
    }
    facts = facts_of(tmp_path, files)
    assert reads(facts) == [("profile.shop", 2), ("profile.foot", 4), ("profile.top", 2), ("profile.end", 2)]
    assert facts.needs.reads.fields == {"shop", "foot", "top", "end"}
    assert facts.problems == ()


def test_a_replaced_block_counts_when_the_child_shows_it_too(tmp_path: Path) -> None:
    files = {
        "t.push.j2": "{% extends '_base.j2' %}{% block text %}{{ super() }}{% endblock %}",
        "_base.j2": "{% block text %}{{ profile.base }}{% endblock %}",
    }
    assert paths(facts_of(tmp_path, files)) == ["profile.base"]


def test_a_problem_of_a_layout_or_partial_is_told_where_the_template_names_it(tmp_path: Path) -> None:
    files = {
        "t.push.j2": "\n{% extends '_base.j2' %}{% block text %}\n{% include '_foot.j2' %}{% endblock %}",
        "_base.j2": "{% block text %}{% endblock %}{% block x %}\n{{ 1 | nope }}{% endblock %}",
        "_foot.j2": "\n{% if %}",
    }
    facts = facts_of(tmp_path, files)
    assert problems(facts) == [("template-syntax", 3), ("template-filter", 2)]
    assert facts.problems[0].message.startswith("_foot.j2 line 2: Expected an expression")
    assert facts.problems[1].message == "_base.j2 line 2: there is no filter 'nope'"


@pytest.mark.parametrize(
    "base", ["{% extends '_base.j2' %}", "{% extends 't.push.j2' %}", "{% if %}", "{% extends '_lost.j2' %}"]
)
def test_a_broken_or_circular_layout_is_a_problem_of_its_template(tmp_path: Path, base: str) -> None:
    facts = facts_of(tmp_path, {"t.push.j2": "\n{% extends '_base.j2' %}", "_base.j2": base})
    assert [line for _, line in problems(facts)] == [2]


def test_partials_that_include_each_other_are_read_once(tmp_path: Path) -> None:
    files = push("{% include '_a.j2' %}") | {
        "_a.j2": "{{ profile.a }}{% include '_b.j2' %}",
        "_b.j2": "{% include '_a.j2' %}",
    }
    assert paths(facts_of(tmp_path, files)) == ["profile.a"]


def test_an_imported_macro_sees_the_profile_only_with_context(tmp_path: Path) -> None:
    files = push("{% import '_m.j2' as m %}{{ m.hi() }}") | {"_m.j2": "{% macro hi() %}{{ profile.a }}{% endmacro %}"}
    facts = facts_of(tmp_path, files)
    assert (problems(facts), facts.problems[0].help) == (
        [("template-include", 1)],
        "end the import with `with context`",
    )
    files = files | push("{% from '_m.j2' import hi as hey with context %}{{ hey() }}")
    facts = facts_of(tmp_path, files)
    assert (paths(facts), facts.problems) == (["profile.a"], ())


def test_a_file_that_may_be_missing_is_no_problem(tmp_path: Path) -> None:
    source = "{% include '_gone.j2' ignore missing %}{% include ['_gone.j2', '_here.j2'] %}"
    assert facts_of(tmp_path, push(source) | {"_here.j2": ""}).problems == ()


def test_links_that_are_only_read_where_there_are_any_are_told_apart(tmp_path: Path) -> None:
    source = (
        "{% if outreach.unsubscribe_link and rule.id %}\n{{ outreach.preferences_link }}{{ rule.id }}"
        "\n{% elif outreach.preferences_link %}\n{{ outreach.preferences_link }}"
        "\n{% else %}\n{{ outreach.unsubscribe_link }}{% endif %}"
        "\n{{ outreach.unsubscribe_link if outreach.unsubscribe_link else outreach.preferences_link }}"
    )
    found = [(read.path[1], read.line, read.asked) for read in facts_of(tmp_path, push(source)).reads]
    assert found == [
        ("unsubscribe_link", 1, True),
        ("id", 1, False),
        ("preferences_link", 2, True),
        ("id", 2, False),
        ("preferences_link", 3, True),
        ("preferences_link", 4, True),
        ("unsubscribe_link", 6, False),
        ("unsubscribe_link", 7, True),
        ("unsubscribe_link", 7, True),
        ("preferences_link", 7, False),
    ]


@pytest.mark.parametrize(
    ("source", "kept"),
    [
        ('{% for c in events.a.list("7d") %}{{ c.text }}{% endfor %}', {"text"}),
        ('{% for c in events.a.list("7d")[:3] | reverse %}{{ c.text }}{{ c.by }}{% endfor %}', {"text", "by"}),
        ('{% set all = events.a.list("7d") %}{{ all | length }}{{ all[0].text }}', {"text"}),
        ('{{ events.a.list("7d")[0].text }}', {"text"}),
        ('{{ events.a.list("7d") | map(attribute="text") | join }}', {EVERY}),
        ('{% for c in events.a.list("7d") | sort(attribute="by") %}{{ c.text }}{% endfor %}', {"text", EVERY}),
    ],
)
def test_a_list_keeps_what_is_read_of_its_events(tmp_path: Path, source: str, kept: set[str]) -> None:
    lists = facts_of(tmp_path, push(source)).needs.keeps.lists
    assert {type_ for type_, _, _ in lists} == {"a"}
    assert {span for _, _, span in lists if span} == {7 * DAY}
    assert {name for _, name, span in lists if not span} == kept


def test_a_list_without_a_span_or_parentheses_is_a_problem(tmp_path: Path) -> None:
    source = "{{ events.a.list() | length }}{{ events.a.list | length }}"
    assert [code for code, _ in problems(facts_of(tmp_path, push(source)))] == ["template-call", "template-call"]

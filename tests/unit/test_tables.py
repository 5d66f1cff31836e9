"""Reference tables: what templates read of them, what is refused, and what a new table changes."""

import json
from pathlib import Path
from typing import Any

import pytest

from engine.core.book import RuleBook
from engine.lang.project import Loaded, load
from engine.lang.rule_tests import load_tests
from engine.lang.tables import MAX_BYTES, MAX_ROWS, read_table
from engine.render import JinjaRenderer, inspect_templates
from engine.testing import Simulator, run_test_file
from tests.support.project_files import write_files

POT = {"sku": "pot", "name": "Pot & lid", "url": "https://shop.example/pot"}
TEA = {"sku": "tea", "name": "Tea"}
ROWS: dict[str, list[dict[str, Any]]] = {"mug": [POT, TEA], "7": [TEA], "none": []}
EVENTS = "version: 1\nevents: { buy: { properties: { sku: any, parts: any } }, visit: {} }\n"
RULES = "version: 1\nrules:\n  - { id: also, when: { event: buy }, purpose: transactional, send: also }\n"
LOOP = "{% for other in tables.recommend[event.sku] %}{{ other.name }};{% else %}nothing{% endfor %}"


def project(folder: Path, text: str = LOOP, rows: Any = ROWS, html: str = "") -> Path:
    blocks = f"{{% block subject %}}x{{% endblock %}}{{% block text %}}{text}{{% endblock %}}"
    blocks += f"{{% block html %}}{html}{{% endblock %}}" if html else ""
    table = json.dumps({"version": 1, "made": "today", "rows": rows})
    files = {"rules/events.yaml": EVENTS, "rules/rules.yaml": RULES, "rules/recommend.table.json": table}
    return write_files(folder, files | {"templates/also.email.j2": blocks})


def loaded(folder: Path) -> Loaded:
    return load(folder / "rules", inspect_templates(folder / "templates"))


def book_of(folder: Path) -> RuleBook:
    found = loaded(folder)
    assert found.book, [each.human() for each in found.diagnostics]
    return found.book


def simulator(folder: Path) -> Simulator:
    book = book_of(folder)
    return Simulator(book, JinjaRenderer(folder / "templates", book), strict=True)


def told(folder: Path, **properties: Any) -> str:
    """The text of the letter for a purchase; why there is none."""
    sim = simulator(folder)
    sim.event("buy", "0d", **properties)
    return sim.outreach[0].text if sim.outreach else sim.outcomes[-1].reason


@pytest.mark.parametrize(
    ("sku", "text"),
    [
        ("mug", "Pot & lid;Tea;"),
        (7, "Tea;"),
        (7.0, "Tea;"),
        ("lamp", "nothing"),
        ("none", "nothing"),
        (True, "nothing"),
    ],
)
def test_a_letter_lists_what_goes_with_what_the_customer_bought(tmp_path: Path, sku: Any, text: str) -> None:
    assert told(project(tmp_path), sku=sku) == text


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{% for other in tables.recommend[event.sku][:1] %}{{ other.name }}{% endfor %}", "Pot & lid"),
        ("{{ tables.recommend['mug'][1].sku }}", "tea"),
        ("{{ tables.recommend[event.sku] | map(attribute='sku') | join(', ') }}", "pot, tea"),
        ("{% set others = tables.recommend[event.sku] %}{{ others | length }} {{ others[0].url }}", f"2 {POT['url']}"),
        ("{{ tables.recommend[event.sku][1].url | default('no page') }}", "no page"),
        ("{{ tables.recommend[event.sku][1]['name'] }}", "Tea"),
        (
            "{% for sku in event.parts %}{% for one in tables.recommend[sku] %}{{ one.sku }} {% endfor %}{% endfor %}",
            "pot tea tea",
        ),
    ],
)
def test_rows_are_read_as_any_list_in_a_template(tmp_path: Path, text: str, says: str) -> None:
    assert told(project(tmp_path, text), sku="mug", parts=["mug", 7]) == says


def test_values_of_a_table_are_escaped_in_html(tmp_path: Path) -> None:
    sim = simulator(project(tmp_path, html=LOOP))
    sim.event("buy", "0d", sku="mug")
    assert sim.outreach[0].html == "Pot &amp; lid;Tea;"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (LOOP, "line 1: the event has no 'sku'"),
        ("{{ tables.recommend['mug'][1].url }}", "line 1: the row has no 'url'"),
        (
            "{{ tables.recommend['lamp'][0].url }}",
            "line 1: there is no tables.recommend['lamp'][0]; the list has no elements",
        ),
        (
            "{{ tables.recommend['mug'][7].url }}",
            "line 1: there is no tables.recommend['mug'][7]; the list has 2 elements",
        ),
    ],
)
def test_what_is_not_in_a_table_is_an_error_unless_it_is_asked_for(tmp_path: Path, text: str, reason: str) -> None:
    assert told(project(tmp_path, text)).endswith(reason)


@pytest.mark.parametrize("text", ["_table", "find", "rows", "__class__"])
def test_a_table_shows_a_template_nothing_but_its_rows(tmp_path: Path, text: str) -> None:
    folder = project(tmp_path, f"{{% set all = [tables.recommend] %}}{{{{ all[0].{text} }}}}")
    found = loaded(folder)
    assert found.book is None
    renderer = JinjaRenderer(folder / "templates", book_of(project(tmp_path / "other")))
    sim = Simulator(book_of(tmp_path / "other"), renderer)
    sim.event("buy", "0d", sku="mug")
    assert "is not for templates to read" in sim.outcomes[-1].reason


def test_a_new_table_is_a_new_revision_and_no_customer_meets_the_rules_again(tmp_path: Path) -> None:
    before = book_of(project(tmp_path))
    after = book_of(project(tmp_path, rows={"mug": [TEA]}))
    assert before.revision != after.revision
    assert before.mark == after.mark


TESTS = """\
version: 1
tables: { recommend: { mug: [{ sku: cup, name: Cup }] } }
tests:
  - name: a customer who bought a mug hears of cups
    given: [{ 0d: { buy: { sku: mug } } }]
    until: 1d
    expect: [{ at: 0d, rule: also, text: Cup; }]
"""


def test_rule_tests_fix_their_tables_so_that_a_new_fit_does_not_break_them(tmp_path: Path) -> None:
    folder = project(tmp_path)
    write_files(folder / "rules", {"rules.test.yaml": TESTS})
    found = loaded(folder)
    file, findings = load_tests(folder / "rules" / "rules.test.yaml", found)
    assert found.book
    assert file, findings
    results = run_test_file(file, JinjaRenderer(folder / "templates", found.book))
    assert [one.problems for one in results] == [[]]


def test_a_row_that_many_items_have_is_kept_once(tmp_path: Path) -> None:
    table = book_of(project(tmp_path)).catalog.tables["recommend"]
    assert table.find("mug")[1] is table.find("7")[0]


def test_a_table_without_bounds_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "recommend.table.json"
    path.write_text(json.dumps({"version": 1, "rows": {"mug": [TEA] * (MAX_ROWS + 1)}}))
    assert [each.code for each in read_table(path)[2]] == ["too-large"]
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    assert [each.code for each in read_table(path)[2]] == ["too-large"]


LATIN_1 = '{"version": 1, "rows": {"tea": [{"name": "Kännchen"}]}}'
DEEP = '{"version": 1, "rows": {"tea": ' + "[" * 100_000


@pytest.mark.parametrize(
    "text", ["", "[]", "nonsense", '{"version": 1, "rows": {"a": 1}}', '{"rows": {}}', "\xff", LATIN_1, DEEP]
)
def test_a_broken_table_is_an_error_and_its_templates_are_not_blamed(tmp_path: Path, text: str) -> None:
    folder = project(tmp_path)
    (folder / "rules" / "recommend.table.json").write_text(text, encoding="latin-1")
    found = loaded(folder)
    assert found.book is None
    assert {Path(each.file).name for each in found.diagnostics} == {"recommend.table.json"}

"""Scores in rule files: conditions, templates, rule tests, and the file that `engine fit` writes."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from engine.arithmetic.bg_nbd import BgNbd
from engine.arithmetic.history import PurchaseHistory
from engine.arithmetic.pareto_nbd import ParetoNbd
from engine.cli.main import app
from engine.core.book import RuleBook
from engine.lang.project import load
from engine.lang.rule_tests import load_tests
from engine.render import JinjaRenderer, inspect_templates
from engine.testing import Simulator, run_test_file
from tests.support.project_files import write_files
from tests.support.shop_history import FILE

DAY = 86_400_000
PARAMETERS = {"r": 0.553277, "alpha": 10.577684, "s": 0.606240, "beta": 11.668731}
MODEL = ParetoNbd(**PARAMETERS)
SCORES = {"version": 1, "model": "pareto_nbd", "parameters": PARAMETERS, "purchase": "buy", "made": "2026", "check": {}}
EVENTS = "version: 1\nevents: { buy: {}, visit: {} }\n"
POLICY = "version: 1\nfresh_for: off\n"
LEAVING = "{ id: leaving, when: { score: alive, below: 0.5 }, send: note }"
NOTE = "{% block subject %}Hello{% endblock %}{% block text %}TEXT{% endblock %}\n"
ROUNDED = """\
{% if scores.alive is defined %}{{ scores.alive | round(3) }} {{ scores.buys_within("39w") | round(3) }}
{% else %}new{% endif %}"""


def project(folder: Path, *rules: str, text: str = "Hello", scores: dict[str, Any] | None = SCORES) -> Path:
    listed = "".join(f"  - {rule}\n" for rule in rules)
    files = {"events.yaml": EVENTS, "policy.yaml": POLICY, "rules.yaml": f"version: 1\nrules:\n{listed}"}
    write_files(folder / "rules", {**files, **({"scores.json": json.dumps(scores)} if scores else {})})
    write_files(folder / "templates", {"note.email.j2": NOTE.replace("TEXT", text)})
    return folder


def book_of(folder: Path) -> RuleBook:
    loaded = load(folder / "rules", inspect_templates(folder / "templates"))
    assert loaded.book, [each.human() for each in loaded.diagnostics]
    return loaded.book


def simulator(folder: Path) -> Simulator:
    book = book_of(folder)
    return Simulator(book, JinjaRenderer(folder / "templates", book), strict=True)


@pytest.mark.parametrize(
    ("condition", "silence", "fires"),
    [
        ("scores.alive < 0.5", 100, False),
        ("scores.alive < 0.5", 200, True),
        ('scores.buys_within("39w") < 0.2', 20, False),
        ('scores.buys_within("39w") < 0.2', 200, True),
        ("1 - scores.alive > 0.5 and scores.alive != null", 200, True),
    ],
)
def test_a_condition_reads_the_scores_of_the_moment(tmp_path: Path, condition: str, silence: int, fires: bool) -> None:
    rule = f"{{ id: seen, when: {{ event: visit }}, if: '{condition}', send: note }}"
    sim = simulator(project(tmp_path, rule))
    sim.event("buy", "0d")
    sim.event("visit", f"{silence}d")
    assert bool(sim.outreach) is fires


def test_a_customer_who_has_bought_nothing_has_no_scores(tmp_path: Path) -> None:
    rules = [
        f"{{ id: {id_}, when: {{ event: visit }}, if: {condition}, send: note }}"
        for id_, condition in {
            "low": "scores.alive < 2",
            "high": "scores.alive >= 0",
            "none": "scores.alive == null",
        }.items()
    ]
    sim = simulator(project(tmp_path, *rules, text=ROUNDED))
    sim.event("visit", "1d")
    assert [(one.rule, one.text) for one in sim.outreach] == [("none", "new")]


def test_a_template_says_how_likely_the_customer_is_to_come_back(tmp_path: Path) -> None:
    sim = simulator(project(tmp_path, "{ id: seen, when: { event: visit }, send: note }", text=ROUNDED))
    for day in (0, 20, 50):
        sim.event("buy", f"{day}d")
    sim.event("visit", "120d")
    history = PurchaseHistory(2, 50 / 7, 120 / 7)
    assert sim.outreach[0].text == f"{round(MODEL.alive(history), 3)} {round(MODEL.buys_within(history, 39), 3)}"


def test_without_a_fit_every_score_is_missing_and_check_says_so(tmp_path: Path) -> None:
    rules = ["{ id: seen, when: { event: visit }, if: scores.alive == null, send: note }", LEAVING]
    folder = project(tmp_path, *rules, text=ROUNDED, scores=None)
    loaded = load(folder / "rules", inspect_templates(folder / "templates"))
    assert {(each.severity, each.code) for each in loaded.diagnostics} == {("warning", "no-scores")}
    sim = simulator(folder)
    sim.event("buy", "0d")
    sim.event("visit", "900d")
    assert [(one.rule, one.text) for one in sim.outreach] == [("seen", "new")]


def test_a_fit_is_in_the_revision_and_what_is_told_of_it_is_not(tmp_path: Path) -> None:
    other = SCORES | {"parameters": PARAMETERS | {"r": 0.6}}
    one = book_of(project(tmp_path / "one", LEAVING))
    told = book_of(project(tmp_path / "told", LEAVING, scores=SCORES | {"made": "2027", "check": {"brier": 0.1}}))
    fitted = book_of(project(tmp_path / "fitted", LEAVING, scores=other))
    assert one.revision == told.revision != fitted.revision
    assert one.mark == told.mark != fitted.mark
    assert one.marks == told.marks == fitted.marks


def test_rules_without_a_score_trigger_do_not_meet_customers_again_for_a_new_fit(tmp_path: Path) -> None:
    rule = "{ id: seen, when: { event: visit }, if: scores.alive < 0.5, send: note }"
    before = book_of(project(tmp_path / "a", rule))
    assert (
        before.mark
        == book_of(project(tmp_path / "b", rule, scores=SCORES | {"parameters": PARAMETERS | {"r": 1.0}})).mark
    )


TESTS = """\
version: 1
scores: { purchase: buy, parameters: { r: 0.553277, alpha: 10.577684, s: 0.60624, beta: 11.668731 } }
tests:
  - name: a customer who bought once is reached after seventeen weeks of silence
    given:
      - 0d: buy
    until: 365d
    expect:
      - { at: AT, rule: leaving }
  - name: a purchase in time disarms it
    given:
      - 0d: buy
      - 110d: buy
    until: 150d
    expect: []
"""


def test_rule_tests_fix_their_scores_so_that_a_new_fit_does_not_break_them(tmp_path: Path) -> None:
    other = SCORES | {"parameters": PARAMETERS | {"alpha": 3.0}}
    folder = project(tmp_path, LEAVING, scores=other)
    text = TESTS.replace("AT", "121d17h51m58s")
    (folder / "rules" / "rules.test.yaml").write_text(text)
    loaded = load(folder / "rules", inspect_templates(folder / "templates"))
    file, findings = load_tests(folder / "rules" / "rules.test.yaml", loaded)
    assert file, findings
    results = run_test_file(file, JinjaRenderer(folder / "templates", file.book))
    assert [one.problems for one in results] == [[], []]


def test_explain_says_when_the_score_falls_and_since_when_it_has(tmp_path: Path) -> None:
    sim = simulator(project(tmp_path, LEAVING))
    sim.event("buy", "0d")
    told = sim.book.by_id["leaving"].trigger.explain
    assert told(sim.states["c-1"]).startswith("scores.alive falls below 0.5 at 2026-05-02T17:51:58Z")
    sim.run("200d")
    assert told(sim.states["c-1"]).startswith("has come true for the silence since 2026-01-01T00:00:00Z")


def test_a_fit_beside_rules_that_wait_for_it_is_read_by_them(tmp_path: Path) -> None:
    folder = project(tmp_path, LEAVING, scores={"version": 7})
    source = '{ topic: shop, id: event_id, customer: customer_id, time: ts, properties: "." }'
    write_files(folder / "rules", {"events.yaml": f"version: 1\nsources: [{source}]\nevents: {{ purchase: {{}} }}\n"})
    where = ["--rules", str(folder / "rules"), "--templates", str(folder / "templates"), "--until", "1997-10-01"]
    made = CliRunner().invoke(app, ["fit", str(FILE), *where, "--model", "bg_nbd"])
    assert made.exit_code == 0, made.output
    scores = book_of(folder).catalog.scores
    assert scores is not None
    assert isinstance(scores.model, BgNbd)
    assert scores.model.alpha == pytest.approx(4.413602, rel=1e-4)
    assert scores.purchase == "purchase"

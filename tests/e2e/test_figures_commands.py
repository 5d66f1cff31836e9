"""`engine metrics` and `engine fit` on the record shop, as they are typed."""

import json
from dataclasses import asdict
from functools import partial
from html.parser import HTMLParser
from pathlib import Path

import pytest
from typer.testing import CliRunner

from engine.cli.main import app
from engine.cli.scores_file import fit_beside
from tests.support.shop_history import FILE

exactly = partial(pytest.approx, abs=1e-6, rel=0)


class Outside(HTMLParser):
    """Everything in a page that a browser would fetch or run."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = dict(attrs)
        self.found += [tag] if tag in ("script", "link", "img", "iframe") or {"src", "href"} & names.keys() else []


def test_the_page_loads_nothing_and_has_every_section(tmp_path: Path) -> None:
    target = tmp_path / "page.html"
    ran = CliRunner().invoke(app, ["metrics", str(FILE), "--source", "cdnow", "--zone", "UTC", "--html", str(target)])
    assert ran.exit_code == 0, ran.output
    parser = Outside()
    parser.feed(target.read_text(encoding="utf-8"))
    assert parser.found == []
    for title in ("Who buys", "Who stays", "To the second purchase", "Cohorts", "Recency", "What they will do"):
        assert title in target.read_text(encoding="utf-8")


def test_the_command_prints_the_same_figures_for_a_person_and_a_program() -> None:
    options = ["--source", "cdnow", "--zone", "UTC", "--from", "1997-07-01", "--to", "1997-10-01", "--no-predict"]
    told = CliRunner().invoke(app, ["metrics", str(FILE), *options, "--json"])
    assert told.exit_code == 0, told.output
    sections = {one["id"]: one for one in json.loads(told.stdout)["sections"]}
    figures = {one["id"]: one["value"] for one in sections["retention"]["figures"]}
    assert (figures["retention_strict"], figures["resurrected"]) == (exactly(0.405039), 199)
    assert all(one["definition"] for one in sections.values())
    shown = CliRunner().invoke(app, ["metrics", str(FILE), *options])
    assert "40.5 %" in shown.stdout
    assert "it says 79.1 %" in " ".join(shown.stdout.split())


def test_a_fit_is_written_beside_the_rules_with_its_check(tmp_path: Path) -> None:
    rules = tmp_path / "rules"
    rules.mkdir()
    for name in ("events.yaml", "policy.yaml"):
        (rules / name).write_text((Path("rules") / name).read_text(encoding="utf-8"), encoding="utf-8")
    ran = CliRunner().invoke(
        app, ["fit", str(FILE), "--source", "cdnow", "--rules", str(rules), "--until", "1998-07-01"]
    )
    assert ran.exit_code == 0, ran.output
    told = json.loads((rules / "scores.json").read_text())
    assert (told["version"], told["model"], told["fit"]["customers"]) == (1, "pareto_nbd", 2357)
    assert set(told["parameters"]) == {"r", "alpha", "s", "beta"}
    assert told["check"]["brier"] < told["check"]["brier_of_chance"]
    assert "check: 31 weeks" in ran.output
    read = fit_beside(rules, "purchase")
    assert read is not None
    assert asdict(read.purchases.model) == told["parameters"]
    assert fit_beside(rules, "order") is None

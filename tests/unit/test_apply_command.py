"""`engine apply` at the command line: what it says of a roll-out, its codes, and the options that it refuses."""

import json
from pathlib import Path

from engine.plan.build import Plan
from engine.ports import Meta, Rollout
from engine.wiring.apply import read_plan
from engine.worker.rollout_rules import revision_for
from tests.support.backtests import write_lines
from tests.support.command import engine
from tests.support.plans import STORE, files, one_rule, purchases
from tests.support.project_files import write_project


def tried(plan: Plan, share: int) -> dict[str, str]:
    """Revision -> one of the customers of `purchases` whom it decides."""
    meta = Meta(revision=plan.base.revision, rollout=Rollout(plan.base.revision, plan.revision, share))
    return {revision_for(meta, customer): customer for customer in (f"c-{n}" for n in range(60))}


def test_the_command_applies_a_plan_file_tells_how_it_goes_and_ends_it(tmp_path: Path) -> None:
    write_project(tmp_path, files(one_rule()))
    write_project(tmp_path / "new", files(one_rule(when="inactivity: { of: purchase, for: 60d }")))
    write_lines(tmp_path / "events.jsonl", sorted(purchases(60), key=lambda one: str(one["ts"])))
    assert engine("replay", "events.jsonl", "--until", "2026-01-31", *STORE, folder=tmp_path).code == 0
    assert "no roll-out: workers run what their folders have" in engine("apply", *STORE, folder=tmp_path).out
    planned = engine("plan", "new", "--against", "rules", *STORE, "--out", "plan.json", folder=tmp_path)
    assert planned.code == 0, planned.said
    assert read_plan(tmp_path / "plan.json").files
    began = engine("apply", "plan.json", "--share", 10, "--most", 5, *STORE, folder=tmp_path)
    assert began.code == 0, began.said
    assert "is being tried" in began.out
    held = engine("apply", "--finish", *STORE, folder=tmp_path)
    assert held.code == 1
    assert "no data means hold" in held.said
    assert "complaints are not known" in held.said
    told = json.loads(engine("apply", "--json", *STORE, folder=tmp_path).out)
    assert (told["rollout"]["share"], told["rollout"]["limits"]["most"]) == (1_000, 5)
    for revision, customer in tried(read_plan(tmp_path / "plan.json"), 1_000).items():
        explained = engine("explain", customer, *STORE, folder=tmp_path)
        assert f"revision {revision} decides this customer: see `engine apply`" in explained.out, explained.said
    gone = engine("apply", "--back", *STORE, folder=tmp_path)
    assert (gone.code, "has been taken back" in gone.out) == (4, True), gone.said


def test_a_span_that_is_none_is_refused_by_its_option(tmp_path: Path) -> None:
    for given, wanted in {
        ("--share", 20): "--share: say that with a plan",
        ("--finish", "--share", 50, "--most", 9): "--share, --most: say that with a plan",
        ("--back", "--spread", "1d"): "--spread: say that with a plan or --finish",
        ("--regardless",): "--regardless: say that with a plan or --finish",
    }.items():
        ran = engine("apply", *given, *STORE, folder=tmp_path)
        assert (ran.code, ran.said.strip()) == (2, wanted)
    ran = engine("apply", "plan.json", "--spread", "soon", *STORE, folder=tmp_path)
    assert ran.code == 2
    assert ran.said.startswith("--spread: 'soon' is not a duration; write a number and a unit")


def test_a_plan_that_is_not_there_is_told_in_words(tmp_path: Path) -> None:
    write_project(tmp_path, files(one_rule()))
    refused = engine("apply", "plan.json", *STORE, folder=tmp_path)
    assert (refused.code, refused.err.startswith("plan.json: No such file or directory. `engine plan")) == (1, True), (
        refused
    )

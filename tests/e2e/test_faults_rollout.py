"""A change that is tried with some customers while workers are killed and come and go: always the same ones."""

import random
from collections.abc import Collection
from pathlib import Path

import msgspec
import pytest

from engine.operate.rollout import begin, end
from engine.ports import Limits, Rollout
from engine.testing import load_project
from engine.wiring.books import files_of, packed
from engine.worker.context import Rules
from engine.worker.rollout_rules import PASSES, RolloutRules
from tests.support.effort import Effort, tried_hard
from tests.support.faults import Stage, moments
from tests.support.job import Firing, make_job, project
from tests.support.project_files import write_project

pytestmark = [pytest.mark.e2e, pytest.mark.kafka]

SLOWLY = {"kafka_instance_id": "", "kafka_session_timeout": 3, "batch": 100}
SHARE = 2_000
ADDED = "  - { id: thanks, when: { event: purchase }, send: text }\n"


class Trial:
    """The job's rules, and the same with a message for each purchase, given to a fifth of the customers."""

    def __init__(self, stage: Stage, tmp_path: Path) -> None:
        self.stage = stage
        self.files = project(stage.topics.events)
        changed = {**self.files, "lifecycle.yaml": self.files["lifecycle.yaml"] + ADDED}
        self.books, sides = {}, []
        for name, files in (("old", self.files), ("new", changed)):
            folder = write_project(tmp_path / name, files)
            opened = load_project(folder / "rules", folder / "templates")
            sides.append(Rules(opened.book, opened.renderer))
            self.books[opened.book.revision] = packed(files_of(folder / "rules", folder / "templates"))
        old, new = self.books
        self.rollout = Rollout(old, new, SHARE, 1)
        self.change = RolloutRules(self.rollout, *sides)
        stage.use(self.files)

    def begin(self, limits: Limits) -> None:
        begin(self.stage.store, msgspec.structs.replace(self.rollout, limits=limits), self.books)

    def has_new(self, customer: str) -> bool:
        return self.change.has_new(customer, PASSES)

    def phases(self) -> set[str]:
        metas = [self.stage.store.meta(number) for number in range(self.stage.partitions)]
        return {meta.rollout.phase if meta.rollout else "" for meta in metas}

    def check(self, wanted: Collection[Firing]) -> set[Firing]:
        """Nobody outside the canary hears of the change. Returns the messages of the added rule."""
        told = self.stage.told()
        added = {one for one in told if one[0] == "thanks"}
        assert all(self.has_new(customer) for _, customer, _ in added)
        assert told - added == set(wanted), "what the old rules say is sent to everybody as ever"
        return added


@tried_hard
def test_a_canary_has_the_same_customers_though_workers_are_killed_and_come_and_go(
    stage: Stage, effort: Effort, tmp_path: Path
) -> None:
    job = make_job(effort.events, 3_000)
    trial, chance = Trial(stage, tmp_path), random.Random(effort.seed)
    for name in "ab":
        stage.start(name, **SLOWLY)
    stage.until_members(2)
    middle = len(job.entries) // 3
    stage.load(job.entries[:middle])
    stage.finish()
    before = len(stage.told())
    trial.begin(Limits(factor=1_000_000, expected={"thanks": (1_000_000, 0)}))
    stage.load(job.entries[middle:])
    for moment in moments(chance, effort.of(4, 20), middle, effort.events * 9 // 10):
        stage.until_processed(moment)
        worker = stage.workers[chance.choice("ab")]
        if not worker.running:
            stage.start(worker.name, **SLOWLY)
        elif chance.random() < 0.5:
            stage.kill9(worker)
        else:
            worker.stop()
        if not any(worker.running for worker in stage.workers.values()):
            stage.start("a", **SLOWLY)
    stage.finish()
    assert len(stage.told()) > before
    assert trial.phases() == {"canary"}
    later = [one for one in job.events[middle:] if one["type"] == "purchase"]
    bought = {(one["customer"], one["time"]) for one in later if trial.has_new(one["customer"])}
    assert bought
    added = trial.check(job.wanted)
    assert {customer for _, customer, _ in added} == {customer for customer, _ in bought}
    assert len(added) == len(bought), "one for each purchase since"


@tried_hard
def test_a_bad_rule_is_taken_back_by_every_worker_and_all_goes_on_as_if_it_had_never_been(
    stage: Stage, effort: Effort, tmp_path: Path
) -> None:
    job = make_job(effort.events, 3_000)
    trial = Trial(stage, tmp_path)
    for name in "ab":
        stage.start(name, **SLOWLY)
    stage.until_members(2)
    middle = len(job.entries) // 3
    stage.load(job.entries[:middle])
    stage.finish()
    trial.begin(Limits())
    stage.load(job.entries[middle : middle + middle // 2])
    stage.until(lambda: trial.phases() == {"back"}, "every partition is taken back")
    stage.kill9(stage.workers["a"])
    stage.load(job.entries[middle + middle // 2 :])
    stage.finish()
    added = trial.check(job.wanted)
    assert added
    assert stage.said("a brake has taken the new rules back") >= 1
    with pytest.raises(Exception, match="no roll-out is going on"):
        end(stage.store, "finished", "")

"""What workers have decided while a change was tried, and taken back or finished, comes out the same again."""

import random
from bisect import bisect_left
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.core.catalog import Source
from engine.operate.rollout import begin, end
from engine.ports import Limits, Rollout
from engine.testing import load_project
from engine.wire.decode import Decoder
from engine.wiring.rollouts import noted
from engine.worker.context import Rules
from engine.worker.loop import Worker
from engine.worker.rollout_rules import WHOLE, has_new
from tests.support.books import DAY, HOUR
from tests.support.examples import so_many
from tests.support.live_worker import TOPIC
from tests.support.production import CHANGED, FILES, Production, again
from tests.support.project_files import write_project

NEVER = Limits(most=1_000_000, factor=1_000_000)

RENAMED = {
    **FILES,
    "rules.yaml": FILES["rules.yaml"]
    .replace("id: quiet,", "id: silent, was: [quiet],")
    .replace("for: 1d", "for: 5h")
    .replace("id: hello", "id: hi\n    was: [hello]")
    .replace("wait: 6h", "wait: 2h")
    .replace("id: again,", "id: more, was: [again],"),
}
FIRST_NAMES = {"silent": "quiet", "hi": "hello", "more": "again"}


class Trying(Production):
    """A shop that tries `changed` beside FILES. `phases`: what `engine archive` would have noted."""

    def __init__(self, folder: Path, changed: dict[str, str] = CHANGED) -> None:
        super().__init__(folder / "old", FILES)
        self.new = load_project(*(write_project(folder / "new", changed) / one for one in ("rules", "templates")))
        self.phases: list[dict[str, Any]] = []
        self.folders = folder / "old", folder / "new"

    def worker(self, *given: Any, **context: Any) -> Worker:
        return super().worker(*given, books=self._find, **context)

    def _find(self, revision: str) -> Rules:
        project = self.new if revision == self.new.book.revision else self.project
        return Rules(project.book, project.renderer, {TOPIC: Decoder(Source(TOPIC, TOPIC), project.book.catalog)})

    def work(self, worker: Worker) -> None:
        """Until everybody has met the book that is theirs."""
        for _ in range(6):
            worker._next_sweep = 0.0
            super().work(worker)
            if worker.owners and all(owner.partition.is_swept for owner in worker.owners.values()):
                break

    def begin(self, people: int) -> None:
        """With the least share that has so many of the people: whom a share has depends on the rules' revisions."""
        begin(self.store, self._trial(bisect_left(range(WHOLE), people, key=self._people_in)), {})

    def _people_in(self, share: int) -> int:
        return sum(has_new(self._trial(share), customer, self.now) for customer in self.people)

    def _trial(self, share: int) -> Rollout:
        return Rollout(self.project.book.revision, self.new.book.revision, share, self.now, limits=NEVER)

    def note(self) -> None:
        rollout = self.store.meta(0).rollout
        assert rollout is not None
        self.phases.append(noted(0, 1, rollout))

    def revisions(self) -> set[str]:
        return {value.decode().partition('"revision":"')[2][:12] for _, _, value in self.outcomes.records}


@pytest.mark.parametrize("phase", ["back", "finished"])
@pytest.mark.parametrize("seed", range(so_many(6)))
def test_a_change_that_some_customers_tried_comes_out_the_same_byte_for_byte(
    tmp_path: Path, phase: str, seed: int
) -> None:
    shop, chance = Trying(tmp_path), random.Random(seed)
    shop.go_on(chance, 30, lags=False)
    shop.begin(people=2)
    shop.go_on(chance, 30, lags=False)
    end(shop.store, phase, "enough")
    shop.now += 1_000
    shop.go_on(chance, 40, lags=False)
    shop.note()
    found, lacks = again(shop.archived(tmp_path / "archive", phases=shop.phases), *shop.folders)
    assert shop.revisions() == {shop.project.book.revision, shop.new.book.revision}
    assert lacks == []
    assert found.examples == []
    assert found.same > 100


@pytest.mark.parametrize("seed", range(so_many(6)))
def test_renamed_rules_and_steps_that_are_taken_back_come_out_the_same_and_say_nothing_twice(
    tmp_path: Path, seed: int
) -> None:
    shop, chance = Trying(tmp_path, RENAMED), random.Random(seed)
    shop.go_on(chance, 3, lags=False)
    shop.begin(people=4)
    for silence in (6 * HOUR, 30 * HOUR):  # as long as the new rules wait, then as long as the old ones
        shop.go_on(chance, 12, lags=False)
        shop.now += silence
        shop.go_on(chance, 0)
    shop.now += 2 * DAY
    shop.go_on(chance, 1, lags=False)
    shop.now += 6 * HOUR
    shop.go_on(chance, 0)
    end(shop.store, "back", "enough")
    for passes in (1_000, 30 * HOUR):
        shop.now += passes
        shop.go_on(chance, 0)
    shop.go_on(chance, 20, lags=False)
    shop.note()
    outcomes = [msgspec.json.decode(value) for _, _, value in shop.outcomes.records]
    fired = [one for one in outcomes if one["outcome"] == "fired"]
    said = Counter(
        (one["customer"], _first(one["rule"]), one["occurrence"], _first(one.get("step", ""))) for one in fired
    )
    assert "silent" in {one["rule"] for one in fired}
    assert max(said.values()) == 1
    found, _ = again(shop.archived(tmp_path / "archive", phases=shop.phases), *shop.folders)
    assert found.examples == []


def _first(name: str) -> str:
    return FIRST_NAMES.get(name, name)


def test_customers_of_whom_no_roll_out_was_noted_are_counted(tmp_path: Path) -> None:
    shop, chance = Trying(tmp_path), random.Random(1)
    for phase in ("", "back"):
        shop.go_on(chance, 30, lags=False)
        if phase:
            end(shop.store, phase, "enough")
        else:
            shop.begin(people=2)
    shop.go_on(chance, 40, lags=False)
    found, _ = again(shop.archived(tmp_path / "archive"), *shop.folders)
    assert found.returned > 0

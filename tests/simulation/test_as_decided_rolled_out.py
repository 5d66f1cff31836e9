"""What workers have decided while a change was tried, and taken back or finished, comes out the same again."""

import random
from pathlib import Path
from typing import Any

import pytest

from engine.core.catalog import Source
from engine.operate.rollout import begin, end
from engine.ports import Limits, Rollout
from engine.testing import load_project
from engine.wire.decode import Decoder
from engine.wiring.rollouts import noted
from engine.worker.context import Rules
from engine.worker.loop import Worker
from tests.support.examples import so_many
from tests.support.live_worker import TOPIC
from tests.support.production import CHANGED, FILES, Production, again
from tests.support.project_files import write_project

NEVER = Limits(most=1_000_000, factor=1_000_000)
HALF = 5_000


class Trying(Production):
    """A shop that tries CHANGED beside FILES. `phases`: what `engine archive` would have noted."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "old", FILES)
        self.new = load_project(*(write_project(folder / "new", CHANGED) / one for one in ("rules", "templates")))
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

    def begin(self, share: int = HALF, spread: int = 0) -> None:
        old, new = self.project.book.revision, self.new.book.revision
        begin(self.store, Rollout(old, new, share, self.now, limits=NEVER, spread=spread), {})

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
    shop.begin()
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


def test_customers_of_whom_no_roll_out_was_noted_are_counted(tmp_path: Path) -> None:
    shop, chance = Trying(tmp_path), random.Random(1)
    for phase in ("", "back"):
        shop.go_on(chance, 30, lags=False)
        if phase:
            end(shop.store, phase, "enough")
        else:
            shop.begin()
    shop.go_on(chance, 40, lags=False)
    found, _ = again(shop.archived(tmp_path / "archive"), *shop.folders)
    assert found.returned > 0

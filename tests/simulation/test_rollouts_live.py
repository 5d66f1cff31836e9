"""The worker's loop on a change that is rolled out: it takes the books from the store, and a brake takes one back."""

from collections import Counter
from collections.abc import Sequence

import msgspec
import pytest

from engine.core.book import RuleBook
from engine.core.catalog import Source
from engine.core.triggers.event import OnEvent
from engine.core.triggers.inactivity import Inactivity
from engine.errors import BookMissing
from engine.model import Outcome
from engine.operate.rollout import begin, end, forget
from engine.ports import Hooks, Limits, Rollout
from engine.wire.decode import Decoder
from engine.worker.context import Rules
from engine.worker.loop import Worker
from engine.worker.rollout_rules import PASSES, RolloutRules
from tests.support.books import CATALOG, DAY, START, Plain, book, rule
from tests.support.live_worker import TOPIC, LiveShop

OLD, NEW, OTHER = "1" * 12, "2" * 12, "3" * 12
QUIET = rule(Inactivity("quiet", of=frozenset({"visit"}), after=DAY))
RECEIPT = rule(OnEvent("receipt", event="buy"))
BOOKS = {
    OLD: book(QUIET, revision=OLD),
    NEW: book(QUIET, RECEIPT, revision=NEW),
    OTHER: book(RECEIPT, QUIET, revision=OTHER),
}
PEOPLE = [f"c-{number}" for number in range(600)]


class Told(Hooks):
    """Notes what is said of roll-outs."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def rollout(self, partition: int, rollout: Rollout | None, ours: str) -> None:
        self.said.append(rollout.phase if rollout else "none")

    def went_back(self, partition: int, reason: str) -> None:
        self.said.append(reason)


class Trying(LiveShop):
    """Six hundred customers, some of whom have the new book. `books` is what the store has."""

    def __init__(self, limits: Limits = Limits(most=1_000_000, factor=1_000_000)) -> None:  # noqa: B008, frozen
        super().__init__(BOOKS[OLD], START)
        self.hooks = self.told_of = Told()
        worker = self.worker_with(OLD)
        self.happens("visit", PEOPLE)
        self.work(worker)
        begin(self.store, Rollout(OLD, NEW, 500, 1, limits=limits), {})

    def worker_with(self, revision: str, books: Sequence[str] = (OLD, NEW)) -> Worker:
        """A worker whose folders have this revision."""

        def find(asked: str) -> Rules:
            if asked not in books:
                raise BookMissing(asked)
            return Rules(BOOKS[asked], Plain(), {TOPIC: Decoder(Source(TOPIC, TOPIC), CATALOG)})

        self.book = BOOKS[revision]
        return self.worker(books=find)

    def work(self, worker: Worker) -> None:
        """With a look at the brakes, and until everybody has met their book."""
        worker._next_brakes = worker._next_sweep = worker._next_status = 0.0
        for _ in range(30):
            worker._next_sweep = 0.0
            super().work(worker)
            if worker.owners and all(owner.partition.is_swept for owner in worker.owners.values()):
                break

    def revisions(self) -> set[tuple[bool, str]]:
        """Of what was decided: (whether the customer is one of the canary, the revision that decided them)."""
        change = RolloutRules(Rollout(OLD, NEW, 500, 1), Rules(BOOKS[OLD], Plain()), Rules(BOOKS[NEW], Plain()))
        found = [msgspec.json.decode(value) for _, _, value in self.outcomes.records]
        fired = [one for one in found if one["outcome"] == Outcome.FIRED]
        return {(change.has_new(one["customer"], PASSES), one["revision"]) for one in fired}


def reopened(shop: Trying, worker: Worker) -> None:
    """A commit of a command has fenced the worker: it opens the partition again a moment later."""
    for number in worker.closed:
        worker.closed.discard(number)
        worker.closed.add(number)
    shop.work(worker)


def test_workers_with_the_old_the_new_and_quite_other_folders_decide_the_same_customers_by_the_same_book() -> None:
    shop = Trying()
    for hour, revision in enumerate((OLD, NEW, OTHER, OLD)):
        shop.now = START + hour * 3_600_000
        shop.happens("buy", PEOPLE)
        worker = shop.worker_with(revision)
        shop.work(worker)
        worker.source.close()
        assert shop.revisions() == {(True, NEW)}, revision
    shop.now = START + 2 * DAY
    shop.work(shop.worker_with(NEW))
    assert shop.revisions() == {(True, NEW), (False, OLD)}
    canary = Counter(shop.told())
    assert set(canary.values()) == {1, 5}, "all have become quiet, and the same few had four receipts before"


def test_a_bad_rule_is_braked_and_says_so_and_what_it_did_to_timers_is_undone() -> None:
    shop = Trying(Limits())
    shop.happens("buy", PEOPLE)
    worker = shop.worker_with(OLD)
    shop.work(worker)
    sent = len(shop.told())
    assert 20 < sent < 60, "the canary's, once"
    shop.work(worker)
    (reason,) = [one for one in shop.told_of.said if one.startswith("receipt has sent")]
    rollout = shop.store.meta(0).rollout
    assert rollout is not None
    assert (rollout.phase, rollout.reason) == ("back", reason)
    shop.now += 1_000
    shop.happens("buy", PEOPLE)
    shop.work(worker)
    assert len(shop.told()) == sent, "nobody gets another one"
    shop.now = START + 2 * DAY
    shop.work(worker)
    assert sorted(shop.told()[sent:]) == sorted(PEOPLE), "the old rule goes on for everybody"


def test_after_the_end_workers_with_the_old_folder_run_the_new_rules_until_other_ones_are_deployed() -> None:
    shop = Trying()
    shop.work(shop.worker_with(OLD))
    end(shop.store, "finished", "")
    for revision in (OLD, NEW):
        shop.now += 1_000
        worker = shop.worker_with(revision, [NEW])
        shop.happens("buy", PEOPLE)
        shop.work(worker)
        worker.source.close()
        assert {one for _, one in shop.revisions()} == {NEW}
    assert len(shop.told()) == 2 * len(PEOPLE)
    worker = shop.worker_with(OTHER, [])
    shop.now += 1_000
    shop.happens("buy", PEOPLE)
    shop.work(worker)
    assert {one for _, one in shop.revisions()} == {NEW, OTHER}
    shop.happens("visit", PEOPLE[:1])
    shop.work(worker)
    assert shop.store.meta(0).rollout is None
    assert shop.told_of.said[-1] == "none"


@pytest.mark.parametrize(("phase", "live"), [("back", NEW), ("finished", OTHER)])
def test_folders_that_are_two_roll_outs_old_are_no_newly_deployed_rules(phase: str, live: str) -> None:
    shop = Trying()
    shop.work(shop.worker_with(OLD))
    end(shop.store, "finished", "")
    shop.work(shop.worker_with(OLD))
    begin(shop.store, Rollout(NEW, OTHER, 500, 2, limits=Limits(most=1_000_000, factor=1_000_000)), {})
    books = (NEW, OTHER)
    shop.work(shop.worker_with(OLD, books))
    end(shop.store, phase, "")
    for folder, wanted in ((OLD, live), (live, live), (OLD, OLD)):
        shop.now += 1_000
        worker = shop.worker_with(folder, books)
        shop.work(worker)
        shop.happens("visit", PEOPLE)
        worker._next_status = 0.0
        shop.work(worker)
        worker.source.close()
        assert shop.store.meta(0).revision == wanted, "only once the folders had what was rolled out, old is new again"


def test_a_roll_out_that_is_forgotten_is_followed_no_longer() -> None:
    shop = Trying()
    worker = shop.worker_with(OLD)
    shop.work(worker)
    end(shop.store, "finished", "")
    shop.work(worker)
    reopened(shop, worker)
    assert shop.told_of.said[-1] == "finished"
    forget(shop.store)
    shop.happens("visit", PEOPLE[:1])
    shop.work(worker)
    reopened(shop, worker)
    assert shop.told_of.said[-1] == "none"


def test_a_running_worker_follows_each_phase_that_a_command_writes() -> None:
    shop = Trying()
    worker = shop.worker_with(OLD)
    shop.work(worker)
    end(shop.store, "back", "enough")
    shop.now += 1_000
    shop.happens("buy", PEOPLE)
    shop.work(worker)
    reopened(shop, worker)
    shop.work(worker)
    assert shop.told() == []
    assert shop.told_of.said[-1] == "back"


def test_the_store_knows_which_rules_a_worker_runs_though_nothing_happens() -> None:
    shop = LiveShop(BOOKS[OLD], START)
    shop.happens("visit", PEOPLE[:3])
    worker = shop.worker()
    shop.work(worker)
    assert shop.store.meta(0).revision == OLD
    worker.source.close()
    shop.book: RuleBook = BOOKS[OTHER]  # type: ignore[misc]
    later = shop.worker()
    shop.work(later)
    assert shop.store.meta(0).revision == OTHER

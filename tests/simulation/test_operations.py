"""An operator tries rules, takes them back, finishes, forgets, erases and reshards, in odd orders."""

import random
from collections.abc import Callable

import pytest

from engine.errors import ReshardRefused, RolloutRefused
from engine.operate.customers import everything, find, partition_of
from engine.operate.reshard import Reshard
from engine.operate.rollout import BY_HAND, begin, end, forget, status
from engine.operate.store_view import check, dump, where
from engine.ports import Limits, Rollout
from engine.worker.rollout_rules import WHOLE, has_new
from tests.support.books import HOUR
from tests.support.examples import so_many
from tests.support.operated_shop import PEOPLE, Heard, Namespace, World, others, plain

NEVER = Limits(most=1_000_000, factor=1_000_000)


class Walk:
    """`decided`: by which world each customer is decided; `aside`: of a canary's customers, that without it."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.live = self.folder = "1" * 12
        self.shop = Namespace(chance.randint(1, 2), self.folder)
        world = World(self.folder)
        self.topics = world.topics
        self.decided = dict.fromkeys(PEOPLE, world)
        self.aside: dict[str, World] = {}
        self.told: dict[str, set[str]] = {one: set() for one in PEOPLE}
        self.heard: dict[str, set[Heard]] = {one: set() for one in PEOPLE}
        """What each customer got of changes that were taken back: the old rules do not say it again."""
        self.trying: dict[str, set[Heard]] = {}
        """What customers of the canary have got of it."""
        self.trial: Rollout | None = None
        """The canary that goes on."""
        self.last: Rollout | None = None
        """The roll-out that workers remember."""
        self.past: set[str] = set()
        """Revisions of it, and of those before until the folders have what was rolled out: no new ones in folders."""
        self.done: list[str] = []

    @property
    def worlds(self) -> list[World]:
        return list(dict.fromkeys([*self.decided.values(), *self.aside.values()]))

    def step(self) -> None:
        going = [self.grow, self.shrink, self.back, self.back, self.finish, self.pass_time, self.happen, self.happen]
        resting = [self.begin, self.begin, self.deploy, self.forget, self.reshard, self.pass_time, self.happen]
        act = self.chance.choice([self.happen, self.pass_time, self.erase, *(going if self.trial else resting)])
        self.done.append(act.__name__)
        act()
        self.go_on()

    def go_on(self, *, swept: bool = True) -> None:
        self.shop.go_on(swept=swept)
        for world in self.worlds:
            world.go_on()
        told, wanted = self.shop.newly_told(), {world: world.newly_told() for world in self.worlds}
        for one in PEOPLE:
            known, own = self.told[one], wanted[self.decided[one]].get(one, {})
            news = {id_ for id_, what in own.items() if what not in self.heard[one]}
            assert set(told.get(one, {})) - known == news - known, (one, self.done)
            known |= own.keys()
            if one in self.aside:
                self.trying.setdefault(one, set()).update(told.get(one, {}).values())
        if self.trial is not None and self._phase() == "back":
            self._gone_back()
            self.shop.go_on()
        if self.trial is None and self.last is not None and self.folder == self.live:
            self.past = {self.last.base, self.last.revision}

    # --- what customers do

    def happen(self) -> None:
        for _ in range(self.chance.randint(1, 4)):
            self._pass(1)
            kind, who = self.chance.choice(["visit", "buy", "cart"]), self.chance.sample(PEOPLE, 3)
            self.shop.happens(kind, who)
            self.worlds[0].happens(kind, who)

    def pass_time(self) -> None:
        self._pass(self.chance.randint(1, 30) * HOUR)

    def _pass(self, span: int) -> None:
        for one in (self.shop, *self.worlds):
            one.now += span

    # --- what the operator does

    def begin(self) -> None:
        limits = self.chance.choice([NEVER, Limits(most=2, factor=1_000_000)])
        new, share = self.chance.choice(others([self.live])), self.chance.choice([2_000, 5_000, WHOLE])
        begin(self.shop.store, Rollout(self.live, new, share, self.shop.now, limits=limits), {}, regardless=True)
        self._follow()

    def grow(self) -> None:
        assert self.trial is not None
        share = self.chance.randint(self.trial.share, WHOLE)
        begin(self.shop.store, Rollout(self.trial.base, self.trial.revision, share, limits=NEVER), {})
        self._follow()

    def shrink(self) -> None:
        assert self.trial is not None
        smaller = Rollout(self.trial.base, self.trial.revision, self.trial.share - 1, limits=NEVER)
        with pytest.raises(RolloutRefused, match="keep"):
            begin(self.shop.store, smaller, {})
        self._refused(self.forget_all, self.move)

    def back(self) -> None:
        end(self.shop.store, "back", BY_HAND)
        self._gone_back()
        if self.chance.random() < 0.5:
            self.go_on(swept=False)
            self.happen()
            self.go_on(swept=False)
            self._nothing_else_begins()

    def finish(self) -> None:
        assert self.trial is not None
        end(self.shop.store, "finished", "")
        self.live = self.trial.revision
        for world in {self.decided[one] for one in PEOPLE if one not in self.aside}:
            world.deploy(self.live)
        self.trial, self.aside, self.trying = None, {}, {}
        if self.chance.random() < 0.5:
            self._nothing_else_begins()

    def deploy(self) -> None:
        self.folder = self.chance.choice(others([]))
        self.shop.deploy(self.folder)
        if self.folder not in self.past:
            self._now_by_folder()

    def forget(self) -> None:
        self.forget_all()
        self._now_by_folder()

    def reshard(self) -> None:
        self.move()

    def erase(self) -> None:
        self._pass(1)
        customer = self.chance.choice(PEOPLE)
        for one in (self.shop, *self.worlds):
            one.erase(customer)
        assert list(where(self.shop.store, customer)) == []

    def move(self) -> None:
        count = self.shop.partitions + 1
        Reshard(self.shop.store, count, partition_of).run()
        self.shop.partitions = count

    def forget_all(self) -> None:
        forget(self.shop.store)

    # --- what follows from it

    def _phase(self) -> str:
        now = status(self.shop.store)
        return now.rollout.phase if now else ""

    def _follow(self) -> None:
        """Whoever is in the share, and was not, goes on in a world of their own."""
        self.trial = self.last = self.shop.store.meta(0).rollout
        assert self.trial is not None
        self.past |= {self.trial.base, self.trial.revision}
        forks: dict[World, World] = {}
        for one in PEOPLE:
            if one not in self.aside and has_new(self.trial, one, self.shop.now):
                self.aside[one] = own = self.decided[one]
                forks[own] = self.decided[one] = forks.get(own) or own.forked(self.trial.revision)

    def _gone_back(self) -> None:
        self.decided |= self.aside
        for one, what in self.trying.items():
            self.heard[one] |= what
        self.trying = {}
        self.trial, self.aside = None, {}

    def _nothing_else_begins(self) -> None:
        """While somebody has still to meet the end."""
        again = Rollout(self.live, others([self.live])[0], WHOLE, limits=NEVER)
        self._refused(self.forget_all, self.move, lambda: begin(self.shop.store, again, {}))

    def _now_by_folder(self) -> None:
        self.live, self.last, self.past = self.folder, None, set()
        for world in self.worlds:
            world.deploy(self.live)

    def _refused(self, *commands: Callable[[], None]) -> None:
        for command in commands:
            with pytest.raises((RolloutRefused, ReshardRefused)):
                command()

    # --- how it should be

    def look(self) -> None:
        for one in PEOPLE:
            world = self.decided[one]
            value = self.shop.value(one)
            assert plain(value, self.heard[one]) == plain(world.value(one), self.heard[one]), (one, self.done)
            assert (value.shadow is not None) == (one in self.aside and value.state is not None), one
            if value.state is not None:
                found = find(self.shop.store, one)
                assert everything(self.shop.store, one, found)["customer"] == one
                assert found.trial in ("", world.book.revision)
        for number in range(self.shop.partitions):
            assert check(self.shop.store, number).problems == []
            assert list(dump(self.shop.store, number))


@pytest.mark.parametrize("seed", range(so_many(12)))
def test_in_whatever_order_an_operator_does_things_customers_are_what_they_should_be(seed: int) -> None:
    walk = Walk(random.Random(seed))
    walk.happen()
    walk.go_on()
    for _ in range(25):
        walk.step()
        walk.look()

"""A plan is rolled out, watched, finished or taken back; one that is stale or ends journeys is refused."""

import tempfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.adapters.memory import MemoryStore
from engine.errors import BookMissing, RolloutRefused
from engine.operate.customers import find
from engine.operate.rollout import BY_HAND, LONG_ENOUGH, Status, end, forget, reasons_to_hold, status
from engine.plan.build import Plan
from engine.ports import Counts, Record, Rollout
from engine.wiring.apply import Wish, apply
from engine.wiring.books import files_of, stored_files, unpacked
from engine.wiring.plan import side_of
from engine.wiring.rule_folders import RuleFolders
from engine.worker.context import Rules
from engine.worker.executors import Step, results
from engine.worker.partition import Partition
from engine.worker.result import Arrival
from engine.worker.rollout_rules import PASSES, RolloutRules, has_new
from tests.support.books import DAY, START, Plain, event
from tests.support.cdnow import PROJECT
from tests.support.plans import IDLE, JOURNEY, files, one_rule, plan_of
from tests.support.project_files import write_project

SEGMENT = "segments: [{ id: buyers, if: events.purchase.count() >= 1 }]\n"
FOR_OTHERS = one_rule("thanks", send="emit: { event: purchase, to: \"'c-9'\", with: { amount: 1 } }")
PUBLISHED = "publish: [segment_entered]\n"
COUPON = 'coupons: [{ id: gift, code: "G-{10}", valid: 14d }]\n'
LONGER = one_rule(when="inactivity: { of: purchase, for: 60d }")
PEOPLE = 50


def done(steps: Iterator[Step]) -> None:
    """Let a partition do it."""
    list(results(steps))


class Shop:
    """A store of two partitions whose customers the old rules have decided, and a plan for new ones."""

    def __init__(self, tmp_path: Path, old: Mapping[str, str], new: Mapping[str, str]) -> None:
        self.folders = []
        for name, project in (("old", old), ("new", new)):
            folder = write_project(tmp_path / name, project)
            self.folders.append(RuleFolders(folder / "rules", folder / "templates"))
        self.sides = [side_of(one) for one in self.folders]
        self.store = MemoryStore()
        for number in (0, 1):
            own = [customer for customer in self.customers() if customer.startswith(f"{number}-")]
            events = [event("purchase", START, customer=customer, amount=5) for customer in own]
            arrivals = [Arrival(Record("e", number, at, None), one.time, one) for at, one in enumerate(events, 1)]
            done(self.partition(number).process(arrivals))

    def partition(self, number: int) -> Partition:
        return Partition(number, self.sides[0].book, self.store, Plain(), partitions=2)

    def customers(self) -> list[str]:
        return [f"{number}-{one}" for number in (0, 1) for one in range(PEOPLE)]

    def plan(self, days: int = 30) -> Plan:
        made = plan_of(self.store, self.sides[0], self.sides[1], days)
        for side, one in zip(self.sides, self.folders, strict=True):
            made.files[side.book.revision] = dict(files_of(one.rules, one.templates))
        return made

    def rollout(self, number: int = 0) -> Rollout:
        found = self.store.meta(number).rollout
        assert found is not None
        return found

    def phases(self) -> list[str]:
        return [one.phase for number in (0, 1) if (one := self.store.meta(number).rollout)]

    def status(self) -> Status:
        found = status(self.store)
        assert found is not None
        return found

    def count(self, **counts: Any) -> None:
        """As if a worker had counted this, after having swept, a day later."""
        for number in (0, 1):
            partition = self.partition(number)
            after = msgspec.structs.replace(self.rollout(number), counts=Counts(**counts))
            done(partition.advance(START + LONG_ENOUGH))
            done(partition._work((), partition.clock, [], 0, rollout=after, mark=7))

    def meet(self) -> None:
        """Let everybody meet the phase that the roll-out is in."""
        for number in (0, 1):
            partition = self.partition(number)
            partition.follow(RolloutRules(self.rollout(number), *(Rules(one.book, Plain()) for one in self.sides)))
            done(partition.sweep_page())


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path, files(one_rule()), files(LONGER))


def test_a_revision_travels_with_all_that_it_depends_on_and_leaves_no_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = '{"version": 1, "rows": {"a": [{"title": "Abbey"}]}}'
    text = "{% block subject %}Hello{% endblock %}{% block text %}{% include '_foot.j2' %}\r\n{% endblock %}\n"
    sources = {"note.email.j2": text, "_foot.j2": "Bye\n"}
    folder = write_project(tmp_path / "from", files(one_rule(), **sources))
    (folder / "rules" / "albums.table.json").write_text(table)
    folders = RuleFolders(folder / "rules", folder / "templates")
    assert "rules/albums.table.json" in files_of(folders.rules, folders.templates)
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    project = unpacked(files_of(folders.rules, folders.templates))
    assert project.book.revision == side_of(folders).book.revision
    assert list((tmp_path / "temporary").iterdir()) == []
    project.renderer.require("note", "email")


def test_a_plan_begins_in_every_partition_with_the_files_that_were_reviewed(shop: Shop) -> None:
    plan = shop.plan()
    apply(shop.store, plan, Wish(500))
    assert shop.phases() == ["canary", "canary"]
    rollout = shop.rollout(1)
    assert (rollout.base, rollout.revision, rollout.share) == (plan.base.revision, plan.revision, 500)
    for revision in (plan.base.revision, plan.revision):
        assert unpacked(stored_files(shop.store, revision)).book.revision == revision


def test_a_worker_that_held_the_partition_is_fenced_and_finds_the_roll_out_when_it_opens_it_again(shop: Shop) -> None:
    before = shop.partition(0)
    apply(shop.store, shop.plan(), Wish(500))
    with pytest.raises(Exception, match="commit"):
        done(before.advance(START + DAY))
    assert shop.partition(0).meta.rollout is not None


def test_a_plan_that_is_based_on_other_rules_than_workers_run_is_refused(shop: Shop) -> None:
    plan = shop.plan()
    for number in (0, 1):
        newer = Partition(number, shop.sides[1].book, shop.store, Plain(), partitions=2)
        done(newer.advance(START + DAY))
    with pytest.raises(RolloutRefused, match=f"based on the rules {plan.base.revision}, and workers run"):
        apply(shop.store, plan, Wish(500))
    assert shop.phases() == []


def test_a_second_change_waits_for_the_first_one_to_end(shop: Shop, tmp_path: Path) -> None:
    apply(shop.store, shop.plan(), Wish(500))
    other = Shop(tmp_path / "other", files(one_rule()), files(one_rule(more="reentry: once, ")))
    with pytest.raises(RolloutRefused, match="is going on"):
        apply(shop.store, other.plan(), Wish(500))
    end(shop.store, "back", BY_HAND)
    for plan in (other.plan(), shop.plan()):
        with pytest.raises(RolloutRefused, match="customers have still to meet that"):
            apply(shop.store, plan, Wish(500))
    shop.meet()
    apply(shop.store, other.plan(), Wish(500))


def test_a_larger_share_goes_on_with_the_same_canary(shop: Shop) -> None:
    apply(shop.store, shop.plan(), Wish(500))
    shop.count(customers=3, sent={"come-back": 2})
    apply(shop.store, shop.plan(), Wish(2_000))
    rollout = shop.rollout()
    assert (rollout.share, rollout.since, rollout.counts) == (2_000, START, Counts(3, {"come-back": 2}))


def test_brakes_stay_as_they_were_said_when_the_share_is_raised(shop: Shop) -> None:
    limits = []
    for wish in (Wish(500, factor=2.0, most=90), Wish(1_000), Wish(2_000, factor=4.0, most=0), Wish(3_000)):
        apply(shop.store, shop.plan(), wish)
        said = shop.rollout(1).limits
        assert said is not None
        limits.append((said.factor, said.most))
    assert limits == [(2.0, 90), (2.0, 90), (4.0, 0), (4.0, 0)]


def over(shop: Shop, clock: int) -> set[str]:
    """Whose rules are the new ones in the first partition, when its clock is there."""
    return {one for one in map(str, range(4_000)) if has_new(shop.rollout(), one, clock)}


def test_a_share_that_is_raised_goes_over_one_after_another_too(shop: Shop) -> None:
    apply(shop.store, shop.plan(), Wish(1_000, spread=DAY))
    with pytest.raises(RolloutRefused, match="customers go over within 1d: raise the share when they have"):
        apply(shop.store, shop.plan(), Wish(5_000, spread=DAY))
    shop.count()  # a day later
    few = over(shop, START + DAY)
    apply(shop.store, shop.plan(), Wish(5_000, spread=DAY))
    counts = []
    for hour in range(0, 30, 6):
        now = over(shop, START + DAY + hour * DAY // 24)
        assert few <= now, "who has the new rules keeps them"
        counts.append(len(now))
    assert counts == sorted(set(counts)), "each six hours some more"
    assert counts[0] < len(few) + 200
    assert counts[-1] == len(over(shop, START + 9 * DAY)) > 1_800


def test_another_spread_takes_the_new_rules_from_nobody(shop: Shop) -> None:
    apply(shop.store, shop.plan(), Wish(1_000, spread=DAY))
    apply(shop.store, shop.plan(), Wish(1_000, spread=DAY))
    with pytest.raises(RolloutRefused, match="with a larger share only"):
        apply(shop.store, shop.plan(), Wish(1_000, spread=2 * DAY))
    some = over(shop, START)
    apply(shop.store, shop.plan(), Wish(1_000))
    all_ = over(shop, START)
    assert some < all_
    with pytest.raises(RolloutRefused, match="nothing to spread"):
        apply(shop.store, shop.plan(), Wish(1_000, spread=DAY))
    assert over(shop, START) == all_


def test_a_roll_out_is_not_finished_while_customers_of_the_share_still_go_over(shop: Shop) -> None:
    apply(shop.store, shop.plan(), Wish(1_000, spread=3 * DAY))
    shop.count(customers=3, sent={"come-back": 2})
    assert list(reasons_to_hold(shop.status())) == ["in 2 of 2 partitions customers have still to meet the new rules"]


def test_a_smaller_share_is_refused_as_nobody_loses_the_new_rules_but_by_going_back(shop: Shop) -> None:
    apply(shop.store, shop.plan(), Wish(2_000))
    with pytest.raises(RolloutRefused, match="20 % of the customers have the new rules, and keep them"):
        apply(shop.store, shop.plan(), Wish(500))
    assert [shop.rollout(number).share for number in (0, 1)] == [2_000] * 2


def test_a_removed_step_with_people_before_it_wants_to_be_told_how_many_may_leave(tmp_path: Path) -> None:
    journey = JOURNEY.replace(IDLE, "event: purchase")
    renamed = journey.replace("{ wait: 2d }", "{ id: pause, wait: 2d }")
    steps = "{ id: again, send: note }] }\n"
    shop = Shop(tmp_path, files(f"{renamed} {steps}"), files(f"{journey} {steps}"))
    with pytest.raises(RolloutRefused, match=r"100 people would leave a journey.*come-back pause.*--exits 100"):
        apply(shop.store, shop.plan(), Wish(500))
    with pytest.raises(RolloutRefused, match="--exits 100"):
        apply(shop.store, shop.plan(), Wish(500, exits=99))
    apply(shop.store, shop.plan(), Wish(500, exits=100))


def test_who_stands_before_a_step_with_another_name_stands_where_they_stood(tmp_path: Path) -> None:
    paused = JOURNEY.replace(IDLE, "event: purchase").replace("{ wait: 2d }", "{ id: pause, wait: 2d }")
    old = f"{paused} {{ id: again, send: note }}] }}\n"
    new = old.replace("id: come-back,", "id: other, was: [come-back],").replace("id: pause,", "id: rest, was: [pause],")
    found = Shop(tmp_path, files(old), files(new)).plan().sums.items()
    waits = {name: (one.old, one.new) for name, one in found if name.startswith("waits.")}
    assert waits == {"waits.other rest": (100, 100)}


def test_a_removed_journey_with_people_in_it_wants_to_be_told_too(tmp_path: Path) -> None:
    journey = JOURNEY.replace(IDLE, "event: purchase")
    both = f"{journey} {{ id: again, send: note }}] }}\n{one_rule(id='other')}"
    shop = Shop(tmp_path, files(both), files(one_rule(id="other")))
    with pytest.raises(RolloutRefused, match="--exits 100"):
        apply(shop.store, shop.plan(), Wish(500))


POLICY, EVENTS = PROJECT["policy.yaml"], PROJECT["events.yaml"]
SHOWS = "{% block subject %}Hi{% endblock %}{% block text %}{{ coupons.gift }}{% endblock %}\n"


@pytest.mark.parametrize(
    ("changed", "wanted"),
    [
        ({"policy.yaml": f"{POLICY}allowed_lateness: 1h\n"}, "allowed_lateness is one for all"),
        ({"events.yaml": EVENTS.replace("topic: ", "topic: other-")}, "other sources"),
        ({"events.yaml": EVENTS.replace("amount: number", "amount: integer")}, "purchase as it was"),
        (
            {"rules.yaml": f"version: 1\n{SEGMENT}rules:\n{one_rule()}", "policy.yaml": f"{POLICY}{PUBLISHED}"},
            "topic of derived events",
        ),
        ({"rules.yaml": f"version: 1\n{COUPON}rules:\n{one_rule()}", "note.email.j2": SHOWS}, "the first coupons"),
        (
            {"rules.yaml": f"version: 1\nrules:\n{one_rule()}{FOR_OTHERS}"},
            "other customers, who are not all in the canary",
        ),
    ],
)
def test_what_two_books_in_one_worker_cannot_differ_in_is_to_be_changed_alone(
    tmp_path: Path, changed: Mapping[str, str], wanted: str
) -> None:
    shop = Shop(tmp_path, files(one_rule()), {**files(one_rule()), **changed})
    with pytest.raises(RolloutRefused, match=wanted):
        apply(shop.store, shop.plan(), Wish(500))


def test_a_roll_out_without_data_is_held(shop: Shop) -> None:
    apply(shop.store, shop.plan(), Wish(500))
    said = " / ".join(reasons_to_hold(shop.status()))
    for wanted in ("have still to meet", "no customer has met", "a day is the least", "nothing was sent"):
        assert wanted in said
    shop.count(customers=3, sent={"come-back": 2})
    now = shop.status()
    assert list(reasons_to_hold(now)) == []
    assert [(one.id, one.sent) for one in now.rules] == [("come-back", 4)]


@pytest.mark.parametrize(("at", "minutes"), [(START + 2 * DAY, 10), (START + 100 * DAY, 10 + 2 * 24 * 60)])
def test_what_an_idle_partitions_clock_catches_up_with_was_not_watched(shop: Shop, at: int, minutes: int) -> None:
    """Nothing had happened for two days when the roll-out began: then a day of watching was over at once, and brakes
    expected two days of messages. Where clocks follow the events, today's date says nothing."""
    apply(shop.store, shop.plan(), Wish(500))
    for number in (0, 1):
        partition = shop.partition(number)
        rollout = msgspec.structs.replace(shop.rollout(number), at=at)
        clock = START + 2 * DAY + 600_000
        done(partition.advance(clock))
        done(partition._work((), clock, [], 0, rollout=rollout))
    assert shop.status().watched == minutes * 60_000


def test_a_roll_out_is_ended_once_and_forgotten_with_its_files(shop: Shop) -> None:
    plan = shop.plan()
    apply(shop.store, plan, Wish(500))
    with pytest.raises(RolloutRefused, match="going on"):
        forget(shop.store)
    end(shop.store, "finished", "")
    assert shop.phases() == ["finished", "finished"]
    with pytest.raises(RolloutRefused, match="no roll-out is going on"):
        end(shop.store, "back", BY_HAND)
    with pytest.raises(RolloutRefused, match="customers have still to meet that"):
        forget(shop.store)
    shop.meet()
    forget(shop.store)
    assert shop.phases() == []
    with pytest.raises(BookMissing):
        stored_files(shop.store, plan.revision)


@pytest.mark.parametrize("damaged", [b"", b"no zlib", zlib.compress(b"no JSON"), zlib.compress(b'{"a": "\xff"}')])
def test_rules_that_are_damaged_in_the_store_are_as_good_as_missing(damaged: bytes) -> None:
    store = MemoryStore()
    store.keep_book("1" * 12, damaged)
    with pytest.raises(BookMissing, match="run `engine apply`"):
        stored_files(store, "1" * 12)


def test_a_command_that_was_interrupted_is_told_of_and_run_again(shop: Shop) -> None:
    apply(shop.store, shop.plan(), Wish(500))
    done(shop.partition(1).turn(None))
    assert shop.status().apart == 1
    apply(shop.store, shop.plan(), Wish(500))
    assert shop.rollout(0).at == shop.rollout(1).at


def test_what_had_finished_before_the_rest_went_back_is_told_of_and_forgotten(shop: Shop) -> None:
    apply(shop.store, shop.plan(), Wish(500))
    done(shop.partition(0).turn(msgspec.structs.replace(shop.rollout(), phase="finished")))
    end(shop.store, "back", BY_HAND)
    now = shop.status()
    assert (shop.phases(), now.rollout.phase, now.apart, now.kept) == (["finished", "back"], "back", 1, 1)
    shop.meet()
    forget(shop.store)
    assert shop.phases() == []


def test_what_a_brake_has_taken_back_is_tried_again_only_on_purpose(shop: Shop) -> None:
    apply(shop.store, shop.plan(), Wish(500))
    end(shop.store, "back", "come-back has sent 90 messages, and 20 were expected by now")
    shop.meet()
    with pytest.raises(RolloutRefused, match=r"taken back: come-back has sent 90 .* --regardless tries it again"):
        apply(shop.store, shop.plan(), Wish(500))
    assert shop.phases() == ["back", "back"]
    apply(shop.store, shop.plan(), Wish(500, regardless=True))
    assert shop.phases() == ["canary", "canary"]
    end(shop.store, "back", BY_HAND)
    shop.meet()
    apply(shop.store, shop.plan(), Wish(100))
    assert shop.phases() == ["canary", "canary"]


def test_explain_asks_the_book_that_decides_the_customer(shop: Shop) -> None:
    plan = shop.plan()
    assert {find(shop.store, customer).trial for customer in shop.customers()} == {""}
    apply(shop.store, plan, Wish(5_000))
    change = RolloutRules(shop.rollout(), Rules(shop.sides[0].book, Plain()), Rules(shop.sides[1].book, Plain()))
    by = {customer: find(shop.store, customer).trial for customer in shop.customers()}
    assert by == {
        customer: plan.revision if change.has_new(customer, PASSES) else plan.base.revision for customer in by
    }
    assert set(by.values()) == {plan.revision, plan.base.revision}
    end(shop.store, "back", BY_HAND)
    assert {find(shop.store, customer).trial for customer in by} == {plan.base.revision}

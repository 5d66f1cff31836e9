"""What must come of a drawn shop's histories: an oracle that walks through time by half hours.

At each of them it asks what the documents say. It shares nothing with the engine but the rules' text.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from hashlib import sha256
from zoneinfo import ZoneInfo

from tests.support.combined_shop import HALF, Terms, Told


@dataclass
class Lot:
    usable: int
    end: int
    points: int
    left: int
    ripe: bool = False


@dataclass
class Firing:
    """What has come true: a message of a rule, or a run of the journey before a step."""

    rule: str
    moment: int
    amount: int = 0
    steps: list[str] = field(default_factory=list)
    due: int = 0
    waits: str = ""
    sent: set[str] = field(default_factory=set)
    began: int = 0
    held: bool = False


PRIORITY = {"poor": -3, "daily": 1}
ORDER = ("thanks", "up", "poor", "silent", "daily")


@lru_cache(maxsize=4096)
def _local(instant: int, zone: ZoneInfo) -> datetime:
    return datetime.fromtimestamp(instant / 1000, zone)


class Oracle:
    """`found`: (half hour, rule, step, outcome) of every decision, in order."""

    def __init__(self, made: Terms, customer: str) -> None:
        self.terms = made
        self.zone = ZoneInfo(made.zone)
        place = int.from_bytes(sha256(f"global:{customer}".encode()).digest()[:8]) / 2**64
        self.held_out = place < made.holdout / 100
        self.lots: list[Lot] = []
        self.debt = 0
        self.tier, self.kept, self.rich, self.was_true = 0, -1, False, [False, False, False]
        self.last_buy = self.left = -1
        self.newest_day = date.min
        self.waiting = False
        self.meets = False
        """Whether a late event has arrived at the very moment of something else: which comes first is not said."""
        self.now = -1
        self.last_fired: dict[str, int] = {}
        self.messages: list[int] = []
        self.deferred: list[Firing] = []
        self.run: Firing | None = None
        self.found: list[tuple[int, str, str, str]] = []

    # --- what is so at a moment

    def balance(self, at: int) -> int:
        return sum(lot.left for lot in self.lots if lot.usable <= at < lot.end) - self.debt

    def earned(self, at: int) -> int:
        return sum(lot.points for lot in self.lots if at - self.terms.window < lot.usable <= at)

    def local(self, at: int) -> datetime:
        return _local(self.terms.start + at * HALF, self.zone)

    def quiet(self, at: int) -> bool:
        if self.terms.quiet is None:
            return False
        first, last = self.terms.quiet
        clock = self._clock(at)
        return first <= clock < last if first < last else clock >= first or clock < last

    def capped(self, at: int) -> bool:
        def since(per: int, one: int) -> bool:
            return self.local(one).date() == self.local(at).date() if not per else one > at - per

        return any(sum(since(per, one) for one in self.messages) >= limit for limit, per in self.terms.caps)

    # --- time and events

    def pass_to(self, at: int) -> None:
        while self.now < at:
            self.now += 1
            self._timers(self.now)

    def tell(self, event: Told) -> None:
        at = event.arrives
        self.pass_to(at if event.at == at else at - 1)  # a late event comes before what is due when it arrives
        self._happen(event, at)
        self.pass_to(at)

    def _happen(self, event: Told, at: int) -> None:
        self.meets = self.meets or (event.at < at and self._is_something_due(at))
        if event.type == "move":
            self.zone = ZoneInfo(event.zone)
            self._pass_over_today(at)
        elif event.type == "buy":
            self.last_buy = max(self.last_buy, event.at)
            self.lots.append(
                Lot(event.at + self.terms.usable, event.at + self.terms.expire, event.amount, event.amount)
            )
            self._pay(at)
        elif event.type == "take":
            self._spend(event.amount, at)
        rich, due = self.rich, self._move(at)
        if self.rich and not rich:
            self._pass_over_today(at)
        if self.run is not None and event.type == "visit" and self.run.began <= event.at:
            due = self._visited(event.at, at) + due
        if event.type == "buy":
            due.append(Firing("thanks", event.at, event.amount))
        self._settle(due, at)

    def _is_something_due(self, at: int) -> bool:
        moments = [moment for lot in self.lots for moment in (lot.usable, lot.end, lot.usable + self.terms.window)]
        waits = [one.due for one in (*self.deferred, *([self.run] if self.run is not None else []))]
        return at in (*moments, *waits, self.kept) or self._is_hour(at)

    def _pass_over_today(self, at: int) -> None:
        """Of today's hour, which has come already where the customer is now."""
        if self.rich and self._clock(at) >= self.terms.daily:
            self.newest_day = max(self.newest_day, self.local(at).date())

    def _visited(self, happened: int, at: int) -> list[Firing]:
        assert self.run is not None
        if self.terms.goal:
            self._end("goal_reached", at)
            return []
        if self.run.waits == "look" and self.run.due - self.terms.waits[1] <= happened < self.run.due:
            self.run.waits, self.run.steps, self.run.moment = "", ["seen"], happened
            return [self.run]
        return []

    def _pay(self, at: int) -> None:
        for lot in self.lots:
            if lot.usable <= at and not lot.ripe:
                lot.ripe, paid = True, min(self.debt, lot.left)
                self.debt -= paid
                lot.left -= paid

    def _spend(self, amount: int, at: int) -> None:
        for lot in sorted((one for one in self.lots if one.usable <= at < one.end), key=lambda one: one.end):
            paid = min(amount, lot.left)
            lot.left -= paid
            amount -= paid
        self.debt += amount

    def _timers(self, at: int) -> None:
        self._pay(at)
        due = self._move(at)
        if self.last_buy >= 0 and at == self.last_buy + self.terms.idle:
            due.append(Firing("silent", at))
        now = self.local(at)
        if self.waiting and self._is_hour(at) and now.date() > self.newest_day:
            self.newest_day, self.waiting = now.date(), self.rich
            due += [Firing("daily", at)] if self.rich else []
        held, self.deferred = (
            [one for one in self.deferred if one.due == at],
            [one for one in self.deferred if one.due != at],
        )
        run = self.run
        if run is not None and run.due == at:
            if run.waits:
                run.steps = ["more", "look"] if run.waits == "first" else ["unseen"]
                run.waits = ""
            due.append(run)
        self._settle(due + held, at)

    def _is_hour(self, at: int) -> bool:
        """Whether the daily hour is now: the first moment of the local day that shows it or a later one."""
        day, wanted = self.local(at).date(), self.terms.daily
        if self._clock(at) < wanted:
            return False
        return not any(self.local(one).date() == day and self._clock(one) >= wanted for one in range(at - 51, at))

    def _clock(self, at: int) -> int:
        now = self.local(at)
        return now.hour * 2 + now.minute // 30

    # --- segments

    def _move(self, at: int) -> list[Firing]:
        made, due = self.terms, []
        earned = self.earned(at)
        true = [True, earned >= made.bronze, earned >= made.silver]
        holds = max(place for place, one in enumerate(true) if one)
        old = self.tier
        if not made.keep or holds > old or at >= self.kept:
            self.tier = holds
        if made.keep and self.tier:
            anew = true[self.tier] and not self.was_true[self.tier]
            self.kept = at + made.keep if self.tier != old or anew or at == self.kept else self.kept
        self.was_true = true
        rich, self.rich = self.rich, self.balance(at) >= made.rich
        if self.tier < old and made.exits and self.run is not None:
            self._end("exited", at)
        if self.tier > old:
            due.append(Firing("up", at))
        if self.rich and not rich and self._clock(at) >= self.terms.daily and not self._is_hour(at):
            self._pass_over_today(at)
        self.waiting = self.waiting or self.rich
        if rich and not self.rich:
            due.append(Firing("poor", at))
            self.left = at
        elif not rich and self.rich:
            self.left = -1
        return due

    # --- firings

    def _settle(self, due: list[Firing], at: int) -> None:
        def rank(one: Firing) -> tuple[int, int]:
            return PRIORITY.get(one.rule, 0), ORDER.index(one.rule)

        for firing in sorted(due, key=rank):
            if firing.rule == "up" and firing is not self.run:
                if not firing.steps:
                    self._enter(firing, at)
            elif firing.rule == "up":
                self._go_on(firing, at)
            else:
                self._message(firing, at)

    def _enter(self, firing: Firing, at: int) -> None:
        last = max([self.last_fired.get("up", -(10**6)), *([self.run.began] if self.run is not None else [])])
        if at < last + self.terms.again or self.run is not None:
            self._note(at, "up", "", "suppressed")
            return
        firing.began, firing.steps = at, ["hello", "first"]
        self.run = firing
        self._note(at, "up", "", "entered")
        self._go_on(firing, at)

    def _go_on(self, run: Firing, at: int) -> None:
        while run.steps:
            step = run.steps[0]
            if step in ("first", "look"):
                run.steps, run.waits = [], step
                run.due = at + self.terms.waits[0 if step == "first" else 1]
                return
            if not run.held and step != "seen":
                run.moment = at
            outcome = self._judge(run, step, at)
            self._note(at, "up", step, outcome)
            run.held = outcome == "deferred"
            if run.held:
                run.due = self._morning(at)
                return
            run.steps = run.steps[1:]
            if outcome in ("fired", "held_out"):
                self.last_fired["up"] = run.began
                self.messages.append(at)
                if outcome == "fired":
                    run.sent.add(step)
        self._end("completed", at)

    def _end(self, outcome: str, at: int) -> None:
        self.run = None
        self._note(at, "up", "", outcome)

    def _message(self, firing: Firing, at: int) -> None:
        outcome = self._judge(firing, "", at)
        self._note(at, firing.rule, "", outcome)
        if outcome == "deferred":
            firing.due, firing.held = self._morning(at), True
            self.deferred.append(firing)
        elif outcome in ("fired", "held_out"):
            self.last_fired[firing.rule] = at
            self.messages.append(at)

    def _morning(self, at: int) -> int:
        return next(one for one in range(at, at + 60) if not self.quiet(one))

    def _condition(self, firing: Firing, step: str, at: int) -> bool:
        match firing.rule, step:
            case "thanks", _:
                return self.tier > 0 or firing.amount > 5
            case "silent", _:
                return self.balance(at) > 0
            case "up", "more":
                return self.tier == 2 or self.rich
            case "up", "unseen":
                return "more" in firing.sent
            case "daily", _:
                return self.rich
        return True

    def _still(self, firing: Firing) -> bool:
        """Whether what was held back is still so."""
        match firing.rule:
            case "poor":
                return self.left == firing.moment
            case "silent":
                return self.last_buy + self.terms.idle == firing.moment
        return True

    def _judge(self, firing: Firing, step: str, at: int) -> str:
        if not self._condition(firing, step, at) or (firing.held and not self._still(firing)):
            return "suppressed"
        if firing.rule == "thanks" and at < self.last_fired.get("thanks", -(10**6)) + self.terms.reentry:
            return "suppressed"
        if at > firing.moment + self.terms.fresh:
            return "expired"
        if self.quiet(at):
            return "deferred"
        if self.capped(at):
            return "capped"
        return "held_out" if self.held_out else "fired"

    def _note(self, at: int, rule: str, step: str, outcome: str) -> None:
        self.found.append((at, rule, step, outcome))

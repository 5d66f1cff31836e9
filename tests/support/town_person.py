"""What must come of one customer of a town: an oracle that looks at whole lists of events, at every half hour.

tests/support/town_oracle.py says what it leaves out. Nothing of the engine is used.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tests.support import points_oracle
from tests.support.town_facts import Firing, Found, Run, Said, ms
from tests.support.town_rules import HALF, START, Told

if TYPE_CHECKING:
    from tests.support.town_oracle import Town
    from tests.support.town_rules import Terms


class Person:
    def __init__(self, town: "Town", name: str, became: int) -> None:
        self.town = town
        self.name = name
        self.heard: list[Told] = []
        self.referrer: str | None = None
        self.trial: int | None = None
        self.regular = False
        self.referred = False
        self.became = became
        """When the guest became somebody known; who comes after that is somebody new."""
        self.last = -1
        """The newest activity, if its silence has not been told."""
        self.carts: dict[str, int] = {}
        self.told: set[tuple[str, int]] = set()
        """Ends that have been announced."""
        self.endings: dict[tuple[str, str], int] = {}
        """(type, order) -> the newest cancellation or refund of it."""
        self.firings: list[Firing] = []
        self.runs: list[Run] = []
        self.made: list[Told] = []
        """Events that rules have made, to be heard after everything else of the instant."""
        self._open_books()

    @property
    def terms(self) -> "Terms":
        return self.town.terms

    def _open_books(self) -> None:
        self.stars = points_oracle.Oracle(self._points())

    def _points(self) -> points_oracle.Terms:
        made = self.terms
        return points_oracle.Terms(made.usable * HALF, made.within * HALF, made.expire * HALF, "", False, 3, 1)

    def meet(self, at: int) -> None:
        """Other rules: what waits for a rule that is gone is gone too, and nobody is told who is in a segment now."""
        gone = self.terms.gone
        self.firings = [one for one in self.firings if one.rule not in gone]
        self.runs = [] if "order" in gone else self.runs
        self.stars.meet(self._points())
        self.regular = self._is_regular(at)
        self._look(at)

    def tick(self, at: int) -> None:
        self.stars.pass_time(ms(at))
        self._look(at)
        if at % 48 == self.terms.daily and self.stars.balance >= self.terms.rich:
            self._message(Firing("daily", at, at), at)

    # --- an event

    def hear(self, event: Told, at: int) -> None:
        if event.id in {one.id for one in self.heard}:
            return
        self.heard.append(event)
        if event.at <= self.became:
            self._begin_nothing(event, at)
            return
        self._feed(event)
        self._book(event, at)
        self._end(event, at)
        self._awaited(event, at)
        self._begin(event, at)
        self._hear_own(at)
        self._look(at, event)

    def _begin_nothing(self, event: Told, at: int) -> None:
        """What a guest did before they were known begins nothing that waits, also where it arrives later."""
        if event.type == "buy":
            if self._count("buy") == 1:
                self._note(at, "referral", "suppressed")
            self._note(at, "settle", "suppressed")
            self._message(Firing("buyer", event.at, at, event.properties["order"]), at)
            self._note(at, "order", "expired" if at > event.at + self.terms.fresh else "suppressed")

    def _hear_own(self, at: int) -> None:
        """Hear the events that rules have made for this customer: after all that made them, in their order."""
        while self.made:
            event = self.made.pop(0)
            self.heard.append(event)
            self._begin(event, at)

    def _feed(self, event: Told) -> None:
        if event.type == "join":
            self.referrer = event.properties["by"]
        elif event.type == "trial":
            ends = event.properties["ends"]
            self.trial = None if ends is None else (ends - START) // HALF
        elif event.type == "cart":
            self.carts[event.properties["order"]] = event.at
        elif event.type == "buy" and self.carts.get(event.properties["order"], event.at) < event.at:
            del self.carts[event.properties["order"]]
        if event.type in ("buy", "visit") and event.at == max(self._active()):
            self.last = event.at

    def _active(self) -> list[int]:
        return [one.at for one in self.heard if one.type in ("buy", "visit")]

    def _book(self, event: Told, at: int) -> None:
        self.stars.pass_time(ms(at))
        type_ = "gift" if event.type == "thanked" else event.type
        if type_ in ("buy", "gift", "refund", "take"):
            self.stars.tell(Said(event.id, type_, ms(event.at), event.properties))  # type: ignore[arg-type]

    def _end(self, event: Told, at: int) -> None:
        """What the event ends of what began before it."""
        if event.type not in ("cancel", "refund"):
            return
        order = event.properties["order"]
        self.endings[event.type, order] = max(event.at, self.endings.get((event.type, order), -1))
        ended = {"cancel": ("settle", "buyer"), "refund": ("referral",)}[event.type]
        for one in list(self.firings):
            if one.rule in ended and one.order == order and one.moment < event.at:
                self.firings.remove(one)
                self._note(at, one.rule, "suppressed")
        for run in list(self.runs):
            if event.type == "cancel" and run.order == order and run.began < event.at:
                self._close(run, "exited", at)

    def _awaited(self, event: Told, at: int) -> None:
        for run in list(self.runs):
            ours = event.type == "refund" and event.properties["order"] == run.order
            if ours and run.waits == "look" and run.since <= event.at < run.due:
                run.waits, run.steps, run.moment = "", ["sorry"], event.at
                self._go_on(run, at)

    def _begin(self, event: Told, at: int) -> None:
        if event.type == "buy":
            order = event.properties["order"]
            self._begin_referral(event, order, at)
            self._begin_settling(event, order, at)
            self._message(Firing("buyer", event.at, at, order), at)
            self._begin_order(event, order, at)
        rule = {"thanked": "thanks", "settled": "ask", "drifted": "miss", "coupon_issued": "issued"}.get(event.type)
        if rule:
            self._message(Firing(rule, event.at, event.at), at)

    def _begin_referral(self, event: Told, order: str, at: int) -> None:
        if self._count("buy") != 1:
            return
        over = self._is_over("refund", order, event.at, event.at + self.terms.returns)
        if self.referrer is None or self.referred or over:
            self._note(at, "referral", "suppressed")
            return
        self.referred = True
        self._wait(Firing("referral", event.at, event.at + self.terms.returns, order), at)

    def _begin_settling(self, event: Told, order: str, at: int) -> None:
        over = self._is_over("cancel", order, event.at, event.at + self.terms.settles)
        if over or any((one.rule, one.order) == ("settle", order) for one in self.firings):
            self._note(at, "settle", "suppressed")
            return
        self._wait(Firing("settle", event.at, event.at + self.terms.settles, order), at)

    def _wait(self, firing: Firing, at: int) -> None:
        if firing.rule in self.terms.gone:
            return
        self._note(at, firing.rule, "deferred")
        self.firings.append(firing)

    def _begin_order(self, event: Told, order: str, at: int) -> None:
        if "order" in self.terms.gone:
            return None
        if at > event.at + self.terms.fresh:
            return self._note(at, "order", "expired")
        if self._is_over("cancel", order, event.at) or any(run.order == order for run in self.runs):
            return self._note(at, "order", "suppressed")
        run = Run(order, event.at, ["receipt", "first"], event.at)
        self.runs.append(run)
        self._note(at, "order", "entered")
        return self._go_on(run, at)

    def _is_over(self, type_: str, order: str, began: int, due: int = 1 << 60) -> bool:
        return began < self.endings.get((type_, order), -1) < due

    def _count(self, type_: str) -> int:
        return sum(one.type == type_ for one in self.heard)

    def become(self) -> None:
        """The guest is known to be somebody else: all that they have begun is over, and their points are gone."""
        at = self.became = self.town.now
        self.told.add(("trial", self.trial or 0))  # an end is announced once, or never
        for one in self.firings:
            self._note(at, one.rule, "suppressed")
        for run in list(self.runs):
            self._close(run, "exited", at)
        self.firings, self.carts, self.last, self.trial, self.regular = [], {}, -1, None, False
        self._open_books()

    # --- time

    def _look(self, at: int, late: Told | None = None) -> None:
        """Everything that is due by now, perhaps only since an event that came late."""
        self._move(at)
        for firing in [*self._came_true(at, late), *(one for one in self.firings if one.due <= at)]:
            if firing in self.firings:
                self.firings.remove(firing)
            if firing.rule in ("settle", "referral"):
                self._make(firing, at)
            else:
                self._message(firing, at)
        for run in [one for one in self.runs if one.due <= at and (one.waits or one.held)]:
            if run.waits:
                run.steps = ["remind", "look"] if run.waits == "first" else ["kept"]
                run.waits, run.moment = "", run.due
            self._go_on(run, at)
        self._hear_own(at)

    def _move(self, at: int) -> None:
        before, self.regular = self.regular, self._is_regular(at)
        if before and not self.regular and "left" not in self.terms.gone:
            self._note(at, "left", "emitted")
            self.made.append(Told(at, self.name, "drifted", at, f"drifted-{at}", {}))

    def _is_regular(self, at: int) -> bool:
        since = max(at - self.terms.regular, self.became)
        return any(one.type == "visit" and since < one.at <= at for one in self.heard)

    def _came_true(self, at: int, late: Told | None) -> Iterator[Firing]:
        made = self.terms
        if 0 <= self.last <= at - made.idle:
            yield Firing("silent", self.last + made.idle, at, end=self.last)
            self.last = -1
        for order, left in list(self.carts.items()):
            if left <= at - made.cart:
                del self.carts[order]
                yield Firing("cart", left + made.cart, at, order, left)
        ends = {"trial": (self.trial, made.trial), "ending": (self._next_end(), made.ending)}
        for rule, (end, before) in ends.items():
            if end is not None and at < end <= at + before and (rule, end) not in self.told:
                self.told.add((rule, end))
                moment = end - before if rule == "trial" else max(end - before, self._next_since(end, at, late))
                yield Firing(rule, moment, at, end=end)

    def _next_end(self) -> int | None:
        end = self.stars.next_end[0]
        return (end - START) // HALF if end else None

    def _next_since(self, end: int, at: int, late: Told | None) -> int:
        """Since when that is the next end of points: since now. Pending ones of a late purchase are so since usable."""
        ours = [one for one in self.stars.points if one.end and one.end.moment == ms(end)]
        pending = [one.usable for one in ours if one.usable > one.earned * 1000]
        return (min(pending) - START) // HALF if pending and late and late.at < at else at

    def _make(self, firing: Firing, at: int) -> None:
        if firing.rule == "settle":
            self._note(at, "settle", "emitted")
            id_ = f"settled-{firing.order}-{firing.moment}"
            self.made.append(Told(at, self.name, "settled", firing.due, id_, {"order": firing.order}))
        elif self.referrer == self.name:
            self._note(at, "referral", "suppressed")
        else:
            self._note(at, "referral", "emitted")
            properties, id_ = {"friend": self.name}, f"thanked-{self.name}-{at}"
            self.town.thanks.append(Told(at, str(self.referrer), "thanked", firing.due, id_, properties))

    # --- the journey

    def _go_on(self, run: Run, at: int) -> None:
        while run.steps:
            step = run.steps[0]
            if step in ("first", "look"):
                length = self.terms.first if step == "first" else self.terms.look
                run.steps, run.waits, run.since, run.due = [], step, at, at + length
                return
            if step == "kept":
                self._note(at, "order", "emitted", step)
            elif self._send(run, step, at) == "deferred":
                return
            run.steps = run.steps[1:]
        self._close(run, "completed", at)

    def _send(self, run: Run, step: str, at: int) -> str:
        outcome = self._judge(Firing("order", run.moment, at), at)
        run.held = outcome == "deferred"
        if run.held:
            run.due = self._morning(at)
        is_new = outcome == "fired" and step != "sorry" and not run.valid_until
        if is_new:
            run.valid_until = at + self.terms.valid
        shows = outcome == "fired" and step != "sorry"
        coupon = (run.valid_until, f"{run.order} {run.began}") if shows else None
        self._note(at, "order", outcome, step, coupon)
        if is_new:
            self.made.append(Told(at, self.name, "coupon_issued", at, f"coupon-{run.order}-{run.began}", {}))
        return outcome

    def _close(self, run: Run, outcome: str, at: int) -> None:
        self.runs.remove(run)
        self._note(at, "order", outcome)

    # --- messages

    def _message(self, firing: Firing, at: int) -> None:
        if firing.rule in self.terms.gone:
            return
        outcome = self._judge(firing, at)
        is_over = self._is_over("cancel", firing.order, firing.moment) or firing.moment <= self.became
        if firing.rule == "buyer" and outcome == "deferred" and is_over:
            outcome = "suppressed"  # it is known already that the morning will find it taken back
        self._note(at, firing.rule, outcome)
        if outcome == "deferred":
            firing.due, firing.held = self._morning(at), True
            self.firings.append(firing)

    def _judge(self, firing: Firing, at: int) -> str:
        if not self._holds(firing) or (firing.held and not self._is_still_so(firing)):
            return "suppressed"
        if at > firing.moment + self.terms.fresh or (firing.rule in ("trial", "ending") and at >= firing.end):
            return "expired"
        return "deferred" if self._is_night(at) else "fired"

    def _holds(self, firing: Firing) -> bool:
        match firing.rule:
            case "ask":
                return self.stars.balance > 0
            case "daily":
                return self.stars.balance >= self.terms.rich
            case "miss":
                return self._count("drifted") != 2
        return True

    def _is_still_so(self, firing: Firing) -> bool:
        """Whether what a night has held back is true in the morning."""
        match firing.rule:
            case "silent":
                return max(self._active()) == firing.end
            case "cart":
                ours = [one for one in self.heard if one.properties.get("order") == firing.order]
                return not any(one.type in ("cart", "buy") and one.at > firing.end for one in ours)
            case "trial":
                return self.trial == firing.end
            case "ending":
                return self._next_end() == firing.end
        return True

    def _is_night(self, at: int) -> bool:
        if self.terms.quiet is None:
            return False
        first, last = self.terms.quiet
        clock = at % 48
        return first <= clock < last if first < last else clock >= first or clock < last

    def _morning(self, at: int) -> int:
        return next(one for one in range(at, at + 49) if not self._is_night(one))

    def _note(self, at: int, rule: str, outcome: str, step: str = "", coupon: tuple[int, str] | None = None) -> None:
        if rule not in self.terms.gone:
            self.town.found.append(Found(at, self.name, rule, step, outcome, coupon))

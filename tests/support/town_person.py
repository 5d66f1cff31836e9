"""What must come of one customer of a town: an oracle that looks at whole lists of events, at every half hour.

tests/support/town_oracle.py says what it leaves out. Nothing of the engine is used.
"""

from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING

from tests.support.town_facts import Firing, Found, Run, Said, ms
from tests.support.town_known import NEVER, Known
from tests.support.town_rules import HALF, START, Moment, Told

if TYPE_CHECKING:
    from tests.support.town_rules import Terms

SECOND = Fraction(1000, HALF)


class Person(Known):
    def meet(self, at: Moment, before: "Terms") -> None:
        """Other rules: what waits for a rule that is gone is gone too, and nobody is told who is in a segment now."""
        gone = self.terms.gone
        self.firings = [one for one in self.firings if one.rule not in gone]
        self.runs = [] if "order" in gone else self.runs
        self.stars.meet(self._points())
        changed = self._changed(self.settled(at))
        if before.regular != self.terms.regular:
            self.levels["regular"] = self._level("regular", changed), changed
        if before.tiers != self.terms.tiers and self.became >= 0 and not self.levels["tier"][0]:
            self.town.unsaid.add(("moved", self.name))
        if before.tiers != self.terms.tiers:
            self.levels["tier"] = self._level("tier", changed), changed
        end = self._next_end()
        if end is None or end != self.present.get("ending"):
            self._follow("ending", end, -NEVER, self.terms.ending)
        self._look(at)

    def tick(self, at: Moment) -> None:
        if self.town.edited >= 0:  # with a new expiry points end after the second of their beginning
            self.stars.pass_time(ms(at - 1 + SECOND))
            self._look(at - 1 + SECOND)
        self.stars.pass_time(ms(at))
        self._look(at)
        then = self.settled(at)
        if then % 48 != self.terms.daily:
            return
        if self.terms.lateness and then <= max([self.town.edited, *(one.at for one in self.heard)]):
            self.town.unsaid.add(("daily", self.name))
        if self.stars.balance >= self.terms.rich:
            self._message(Firing("daily", then, at), at)

    # --- an event

    def hear(self, event: Told, at: Moment) -> None:
        if event.id in {one.id for one in self.heard}:
            return
        self.told_of, changed = event.at, max(self._changed(self.settled(at)), event.at)
        if event.at <= self.became:
            self.heard.append(event)
            self._begin_nothing(event, at)
            return
        concerned = {"visit": ["regular"], "thanked": ["tier"], "take": ["tier"], "buy": ["tier"], "refund": ["tier"]}
        looks = concerned.get(event.type, [])
        waits = {segment: self._moves_by_time(segment, self.settled(at), changed) for segment in looks}
        self.heard.append(event)
        self._feed(event, at)
        self._book(event, at)
        for segment in looks:
            self._change_level(segment, at, changed, waits[segment])
        self._end(event, at)
        self._awaited(event, at)
        self._begin(event, at)
        self._hear_own(at)
        self._look(at, changed)

    def _begin_nothing(self, event: Told, at: Moment) -> None:
        """What a guest did before they were known begins nothing that waits, also where it arrives later.

        But what came due before that, lateness holds.
        """
        then = self.settled(at)
        if event.type in ("buy", "visit") and then < event.at + self.terms.idle <= self.became:
            self.silences.add(event.at)
        if event.type == "cart" and then < event.at + self.terms.cart <= self.became:
            self.carts.add((event.properties["order"], event.at))
        if event.type == "trial" and self._feed_profile(event):
            self._follow("trial", self.trial, event.at, self.terms.trial)
            self._forsake_trial(then)
        if event.type == "join":
            self._feed_profile(event)
        if event.type == "buy":
            if self._count("buy") == 1:
                self._note(at, "referral", "suppressed")
            self._note(at, "settle", "suppressed")
            self._message(Firing("buyer", event.at, at, event.properties["order"]), at)
            self._note(at, "order", "expired" if at > event.at + self.terms.fresh else "suppressed")

    def _hear_own(self, at: Moment) -> None:
        """Hear the events that rules have made for this customer: after all that made them, in their order."""
        while self.made:
            event = self.made.pop(0)
            self.heard.append(event)
            self._begin(event, at)

    def _feed(self, event: Told, at: Moment) -> None:
        if self._feed_profile(event) == "trial":
            self._follow("trial", self.trial, event.at, self.terms.trial)
        elif event.type == "cart" and not self._is_decided(event, at):
            self.carts.add((event.properties["order"], event.at))
        is_old = event.at != max(self._active(), default=event.at) and event.at + self.terms.idle <= self.settled(at)
        if event.type in ("buy", "visit") and not is_old:  # what has been decided of other silences stays so
            self.silences.add(event.at)

    def _feed_profile(self, event: Told) -> str:
        """The profile has what the newest event says. Returns its type, if this is the newest one."""
        if event.at < max(one.at for one in self.heard if one.type == event.type):
            return ""
        if event.type == "join":
            self.referrer = event.properties["by"]
        elif event.type == "trial":
            ends = event.properties["ends"]
            self.trial = None if ends is None else (ends - START) // HALF
        return event.type

    def _is_decided(self, cart: Told, at: Moment) -> bool:
        """Whether what becomes of this one is over, and known to have gone on: of a late cart nobody is told then."""
        order, is_over = cart.properties["order"], cart.at + self.terms.cart <= self.settled(at)
        return is_over and self._goes_on(order, cart.at)

    def _book(self, event: Told, at: Moment) -> None:
        self.stars.pass_time(ms(at))
        type_ = "gift" if event.type == "thanked" else event.type
        if type_ in ("buy", "gift", "refund", "take"):
            self.stars.tell(Said(event.id, type_, ms(event.at), event.properties))  # type: ignore[arg-type]

    def _end(self, event: Told, at: Moment) -> None:
        """What the event ends of what began before it."""
        if event.type not in ("cancel", "refund"):
            return
        order = event.properties["order"]
        self.endings[event.type, order] = max(event.at, self.endings.get((event.type, order), -1))
        ended = {"cancel": ("settle", "buyer"), "refund": ("referral",)}[event.type]
        for one in list(self.firings):
            waits = one.rule == "buyer" or event.at < one.due
            if one.rule in ended and one.order == order and one.moment < event.at and waits:
                self.firings.remove(one)
                self._note(at, one.rule, "suppressed")
        for run in list(self.runs):
            if event.type == "cancel" and run.order == order and run.began < event.at:
                self._close(run, "exited", at)

    def _awaited(self, event: Told, at: Moment) -> None:
        for run in list(self.runs):
            ours = event.type == "refund" and event.properties["order"] == run.order
            if ours and run.waits == "look" and run.since <= event.at < run.due:
                run.waits, run.steps, run.moment = "", ["sorry"], event.at
                self._go_on(run, at)

    def _begin(self, event: Told, at: Moment) -> None:
        if event.type == "buy":
            order = event.properties["order"]
            self._begin_referral(event, order, at)
            self._begin_settling(event, order, at)
            self._message(Firing("buyer", event.at, at, order), at)
            self._begin_order(event, order, at)
        rule = {"thanked": "thanks", "settled": "ask", "drifted": "miss", "coupon_issued": "issued"}.get(event.type)
        if rule:
            self._message(Firing(rule, event.at, event.at), at)

    def _begin_referral(self, event: Told, order: str, at: Moment) -> None:
        if self._count("buy") != 1:
            return
        over = self._is_over("refund", order, event.at, event.at + self.terms.returns)
        if self.referrer is None or self.referred or over:
            self._note(at, "referral", "suppressed")
            return
        self.referred = True
        self._wait(Firing("referral", event.at, event.at + self.terms.returns, order), at)

    def _begin_settling(self, event: Told, order: str, at: Moment) -> None:
        over = self._is_over("cancel", order, event.at, event.at + self.terms.settles)
        if over or any((one.rule, one.order) == ("settle", order) for one in self.firings):
            self._note(at, "settle", "suppressed")
            return
        self._wait(Firing("settle", event.at, event.at + self.terms.settles, order), at)

    def _wait(self, firing: Firing, at: Moment) -> None:
        if firing.rule in self.terms.gone:
            return
        self._note(at, firing.rule, "deferred")
        self.firings.append(firing)

    def _begin_order(self, event: Told, order: str, at: Moment) -> None:
        if "order" in self.terms.gone:
            return None
        if at > event.at + self.terms.fresh:
            return self._note(at, "order", "expired")
        if self._is_over("cancel", order, event.at) or any(run.order == order for run in self.runs):
            return self._note(at, "order", "suppressed")
        run = Run(order, event.at, ["receipt", "first"], event.at, len(self.heard))
        self.runs.append(run)
        self._note(at, "order", "entered")
        return self._go_on(run, at)

    def become(self) -> None:
        """The guest is known to be somebody else: all that they have begun is over, and their points are gone."""
        at = self.became = self.town.now
        for one in self.firings:
            self._note(at, one.rule, "suppressed")
        for run in list(self.runs):
            self._close(run, "exited", at)
        self.firings = []
        self.carts = {one for one in self.carts if one[1] + self.terms.cart <= at}  # lateness holds them, no more
        self.told |= {("ending", end) for _, end in self.coming["ending"]}  # as with trials: once, or never
        self._follow("ending", None, at, 0)
        self.present["trial"] = None
        self._forsake_trial(self.settled(at))
        self.silences = {last for last in self.silences if last + self.terms.idle <= at}
        self._open_books()
        self.levels = {"regular": (0, at), "tier": (0, at)}

    def _forsake_trial(self, then: Moment) -> None:
        """Of a guest's trial only what came due before they became known is announced; an end is it once, or never."""
        self.coming["trial"] = [one for one in self.coming["trial"] if then < one[0] <= self.became]
        if not self.coming["trial"]:
            self.told.add(("trial", self.trial or 0))

    # --- time

    def _look(self, at: Moment, changed: Moment | None = None) -> None:
        """Everything that is due by now, perhaps only since an event. `changed`: as of when that changes segments."""
        then = self.settled(at)
        for segment, (_, decided) in self.levels.items():
            if then > decided:
                self._change_level(segment, at, then)
        end = self._next_end()
        self._follow("ending", end, then if changed is None else self._since(end, then, changed), self.terms.ending)
        for firing in [*self._came_true(then), *(one for one in self.firings if one.due <= then)]:
            if firing in self.firings:
                self.firings.remove(firing)
            if firing.rule in ("settle", "referral"):
                self._make(firing, at)
            else:
                self._message(firing, at)
        for run in list(self.runs):
            while self._is_woken(run, then):
                self._go_on(run, at)
        self._hear_own(at)

    def _is_woken(self, run: Run, then: Moment) -> bool:
        """Let a wait be over, or a night; whether it is."""
        if run.waits == "look" and 0 <= run.ahead <= then:
            run.waits, run.steps, run.moment = "", ["sorry"], run.ahead
        elif run.due <= then and run.waits:
            run.steps = ["remind", "look"] if run.waits == "first" else ["kept"]
            run.waits, run.moment = "", run.due
        else:
            return run.due <= then and run.held
        return True

    # --- segments

    def _change_level(self, segment: str, at: Moment, moment: Moment, waits: Moment | None = None) -> None:
        """Bring the level up to that moment. `waits`: what time decides then comes first, where it is no longer so."""
        before, level = self.levels[segment][0], self._level(segment, moment)
        if level != before and waits is not None:
            self.levels[segment] = before, waits - SECOND
            return
        self.levels[segment] = level, moment
        if segment == "tier" and level != before:
            self.moved += 1
            self._message(Firing("moved", moment, moment, end=self.moved), at)
        elif level < before and "left" not in self.terms.gone:
            self._note(at, "left", "emitted")
            self.made.append(Told(at, self.name, "drifted", moment, f"drifted-{moment}", {}))

    # --- what comes true

    def _follow(self, rule: str, end: Moment | None, at: Moment, before: Moment) -> None:
        """The end is another one since that moment. What lateness holds of the former end is announced no more."""
        if self.present.get(rule) == end:
            return
        self.present[rule] = end
        moment = None if end is None else end - before if rule == "trial" else max(end - before, at)
        self.coming[rule] = [] if moment is None or end is None else [(moment, end)]

    def _came_true(self, then: Moment) -> Iterator[Firing]:
        made = self.terms
        for last in sorted(self.silences):
            if last <= then - made.idle:
                self.silences.remove(last)
                if not any(last < one < last + made.idle for one in self._active()):
                    yield Firing("silent", last + made.idle, then, end=last)
        for order, left in sorted(self.carts):
            if left <= then - made.cart:
                self.carts.remove((order, left))
                if not self._goes_on(order, left, left + made.cart):
                    yield Firing("cart", left + made.cart, then, order, left)
        for rule in ("trial", "ending"):
            for moment, end in list(self.coming[rule]):
                if moment <= then and (rule, end) not in self.told:
                    self.told.add((rule, end))
                    yield Firing(rule, moment, then, end=end)

    def _make(self, firing: Firing, at: Moment) -> None:
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

    def _go_on(self, run: Run, at: Moment) -> None:
        came = run.due if run.held else run.moment
        while run.steps:
            step = run.steps[0]
            if step in ("first", "look"):
                length = self.terms.first if step == "first" else self.terms.look
                run.since = came if at - came <= self.terms.lateness else at
                run.steps, run.waits, run.due = [], step, run.since + length
                run.ahead = min(self._known_refunds(run), default=-1) if step == "look" else -1
                return
            if step == "kept":
                self._note(at, "order", "emitted", step)
            elif self._send(run, step, at) == "deferred":
                return
            run.steps = run.steps[1:]
        self._close(run, "completed", at)

    def _send(self, run: Run, step: str, at: Moment) -> str:
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

    def _close(self, run: Run, outcome: str, at: Moment) -> None:
        self.runs.remove(run)
        self._note(at, "order", outcome)

    # --- messages

    def _message(self, firing: Firing, at: Moment) -> None:
        if firing.rule in self.terms.gone:
            return
        outcome = self._judge(firing, at)
        is_over = self._is_over("cancel", firing.order, firing.moment) or firing.moment <= self.became
        if outcome == "deferred" and (is_over if firing.rule == "buyer" else self._is_somebody_else(firing)):
            outcome = "suppressed"  # it is known already that the morning will find it taken back
        self._note(at, firing.rule, outcome)
        if outcome == "deferred":
            firing.due, firing.held = self._morning(at), True
            self.firings.append(firing)

    def _judge(self, firing: Firing, at: Moment) -> str:
        if not self._holds(firing, at) or (firing.held and not self._is_still_so(firing, at)):
            return "suppressed"
        if at > firing.moment + self.terms.fresh or (firing.rule in ("trial", "ending") and at >= firing.end):
            return "expired"
        return "deferred" if self._is_night(at) else "fired"

    def _note(
        self, at: Moment, rule: str, outcome: str, step: str = "", coupon: tuple[Moment, str] | None = None
    ) -> None:
        if rule not in self.terms.gone:
            self.town.found.append(Found(int(at), self.name, rule, step, outcome, coupon))

"""What must come of a town's histories, by walking through time in half hours and asking what the documents say.

It shares nothing with the engine but the rules' text, and takes the books of points from an oracle of their own
(tests/support/points_oracle.py). Order within one instant is told of no customer: the histories are compared sorted.

It leaves out what other oracles have: zones, caps, holdout and experiments, `keep`, goals, waits by the calendar,
points over months, and orders of two events of one customer at one moment. Of several ends of one order (a
cancellation, a refund) only the newest counts, as docs/decisions.md says. Of coupons it says when a code is issued, to
which run it belongs and until when it is valid, but not the code. A guest becomes known at no moment of an event of
theirs.

Rules change while customers are there: one is renamed or taken out for good, a segment's window becomes shorter, its
levels are others, a schedule has other members; points, segments and tiers get other names, and points other terms.
Other edits have oracles or tests of their own.

With lateness, timers see what has come meanwhile. Whom that leaves in the open is in `unsaid`: of a daily letter, those
who did something between its hour and now. So are tiers that are edited when a guest who became known is in none.
"""

from collections.abc import Callable
from functools import cache

from tests.support.town_facts import Found
from tests.support.town_person import Person
from tests.support.town_rules import Became, Edited, Erased, Finished, Happening, Moment, Terms, Told, Tried


class Town:
    """`found`: every decision, in order. `has_new`: who has new rules first; one has them always or never."""

    def __init__(self, terms: Terms, has_new: Callable[[str], bool]) -> None:
        self.terms = terms
        self.tried: Terms | None = None
        """What some have first."""
        self.has_new = cache(has_new)
        self.people: dict[str, Person] = {}
        self.erased: dict[str, int] = {}
        self.found: list[Found] = []
        self.lost: list[tuple[str, str]] = []
        self.strangers: dict[str, int] = {}
        """Guests who became known when nothing was known of them; that is remembered for an hour."""
        self.thanks: list[Told] = []
        """Events for other customers, on their way."""
        self.unsaid: set[tuple[str, str]] = set()
        """Rules and customers of whom the documents leave it open whether they are reached."""
        self.edited = -1
        self.now = -1

    def pass_to(self, at: Moment) -> None:
        while self.now < at:
            self.now += 1
            for person in list(self.people.values()):
                person.tick(self.now)
            self._thank()

    def happen(self, one: Happening) -> None:
        self.pass_to(one.arrives)
        if isinstance(one, Told):
            self.give(one, self.now)
        elif isinstance(one, Erased):
            self.people.pop(one.customer, None)
            self.strangers.pop(one.customer, None)
            self.erased[one.customer] = one.arrives
        elif isinstance(one, Became):
            if one.customer in self.people:
                self.people[one.customer].become()
            else:
                self.strangers[one.customer] = one.arrives
        else:
            self._change(one)
        self._thank()

    def terms_of(self, name: str) -> Terms:
        return self.tried if self.tried and self.has_new(name) else self.terms

    def _change(self, one: Edited | Tried | Finished) -> None:
        before = {name: self.terms_of(name) for name in self.people}
        if isinstance(one, Tried):
            self.tried = one.terms
        else:
            self.terms = one.terms if isinstance(one, Edited) else self.tried or self.terms
        self.edited = self.now
        for name, person in self.people.items():
            if self.terms_of(name) != before[name]:
                person.meet(self.now, before[name])

    def give(self, event: Told, at: int) -> None:
        if self._is_erased(event):
            return
        if event.customer not in self.people:
            became = self.strangers.get(event.customer, -1)
            is_known = at < became + 2 + self.terms.lateness
            self.people[event.customer] = Person(self, event.customer, became if is_known else -1)
        self.people[event.customer].hear(event, at)

    def _is_erased(self, event: Told) -> bool:
        return event.at <= self.erased.get(event.customer, -1)

    def _thank(self) -> None:
        """Give what rules have made for other customers; it creates nobody."""
        while self.thanks:
            event = self.thanks.pop(0)
            if event.customer in self.people or self._is_erased(event):
                self.give(event, self.now)
            else:
                self.lost.append((event.customer, "unknown-customer"))

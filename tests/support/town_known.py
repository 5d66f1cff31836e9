"""What is known of one customer of a town, and what follows from it: questions to whole lists of events.

Nothing of the engine is used.
"""

from fractions import Fraction
from typing import TYPE_CHECKING

from tests.support import points_oracle
from tests.support.town_facts import Firing, Run, ms
from tests.support.town_rules import HALF, START, Moment, Told

if TYPE_CHECKING:
    from tests.support.town_oracle import Town
    from tests.support.town_rules import Terms

NEVER = 1 << 60


class Known:
    def __init__(self, town: "Town", name: str, became: int) -> None:
        self.town = town
        self.name = name
        self.heard: list[Told] = []
        self.told_of: Moment = -1
        """The moment of the event that was told last."""
        self.referrer: str | None = None
        self.trial: int | None = None
        self.levels: dict[str, tuple[int, Moment]] = {"regular": (0, -1), "tier": (0, -1)}
        """Segment: the level, and up to when that is decided."""
        self.moved = 0
        """How often the tier has changed."""
        self.referred = False
        self.became: Moment = became
        """When the guest became somebody known; who comes after that is somebody new."""
        self.silences: set[Moment] = set()
        """Activities after which silence may come true."""
        self.carts: set[tuple[str, Moment]] = set()
        """Carts that are open: order and moment."""
        self.told: set[tuple[str, Moment]] = set()
        """Ends that have been announced."""
        self.coming: dict[str, list[tuple[Moment, Moment]]] = {"trial": [], "ending": []}
        """Ends to be announced: the moment of that, and the end."""
        self.present: dict[str, Moment | None] = {}
        self.endings: dict[tuple[str, str], Moment] = {}
        """(type, order) -> the newest cancellation or refund of it."""
        self.firings: list[Firing] = []
        self.runs: list[Run] = []
        self.made: list[Told] = []
        """Events that rules have made, to be heard after everything else of the instant."""
        self._open_books()

    @property
    def terms(self) -> "Terms":
        return self.town.terms_of(self.name)

    def _open_books(self) -> None:
        self.stars = points_oracle.Oracle(self._points(), self.terms.lateness * HALF)

    def _points(self) -> points_oracle.Terms:
        made = self.terms
        return points_oracle.Terms(
            made.usable * HALF, made.within * HALF, made.expire * HALF, "", False, 3, made.factor
        )

    def settled(self, at: Moment) -> Moment:
        """Up to when time has come for timers."""
        return at - self.terms.lateness

    def _active(self) -> list[Moment]:
        return [one.at for one in self.heard if one.type in ("buy", "visit")]

    def _changed(self, then: Moment) -> Moment:
        """When an event changes segments and points: at the newest one's moment, or up to which time has come."""
        return max([then, *(one.at for one in self.heard)])

    def _level(self, segment: str, at: Moment) -> int:
        if segment == "regular":
            since = max(at - self.terms.regular, self.became)
            return int(any(one.type == "visit" and since < one.at <= at for one in self.heard))
        earned = self.stars.look(ms(at)).earned(self.terms.window * HALF)
        return sum(earned >= least for least in self.terms.levels)

    def _moves_by_time(self, segment: str, then: Moment, at: Moment) -> Moment | None:
        """When time alone moves the customer by then, as far as is known, though lateness still holds it back."""
        level, decided = self.levels[segment]
        return next(
            (one for one in range(int(max(then, decided)) + 1, int(at) + 1) if self._level(segment, one) != level), None
        )

    def _next_end(self) -> Moment | None:
        end, rest = divmod(self.stars.next_end[0] - START, HALF)
        if end < 0:
            return None
        return end + Fraction(rest, HALF) if rest else end or None

    def _since(self, end: Moment | None, then: Moment, changed: Moment) -> Moment:
        """Since when that is the next end of points, after an event: since it, or since they became usable."""
        ours = [one for one in self.stars.points if one.end and end is not None and one.end.moment == ms(end)]
        usable = [(one.usable - START) // HALF for one in ours if one.usable > one.earned * 1000]
        return min([one for one in usable if self.told_of < one <= then], default=changed)

    def _count(self, type_: str) -> int:
        return sum(one.type == type_ for one in self.heard)

    def _balance(self, at: Moment) -> int:
        return self.stars.look(ms(at)).balance

    def _is_over(self, type_: str, order: str, began: Moment, due: Moment = NEVER) -> bool:
        return began < self.endings.get((type_, order), -1) < due

    def _is_night(self, at: Moment) -> bool:
        if self.terms.quiet is None:
            return False
        first, last = self.terms.quiet
        clock = at % 48
        return first <= clock < last if first < last else clock >= first or clock < last

    def _morning(self, at: Moment) -> int:
        return next(one for one in range(int(at), int(at) + 49) if not self._is_night(one))

    def _goes_on(self, order: str, since: Moment, until: Moment = NEVER) -> bool:
        """Whether the cart was filled again, or bought, in that time."""
        ours = [one for one in self.heard if one.properties.get("order") == order and one.type in ("cart", "buy")]
        return any(since < one.at < until for one in ours)

    def _is_somebody_else(self, firing: Firing) -> bool:
        """Whether it is of a guest who is known by now, and did nothing since."""
        return firing.moment <= self.became and all(one.at <= self.became for one in self.heard)

    def _is_still_so(self, firing: Firing, at: Moment) -> bool:
        """Whether what a night has held back is true in the morning."""
        match firing.rule:
            case "silent":
                return max(self._active()) == firing.end
            case "cart":
                return not self._goes_on(firing.order, firing.end)
            case "trial":
                return self.trial == firing.end
            case "ending":
                return self._next_end() == firing.end
            case "moved":
                return self.moved == firing.end
            case "daily":
                return self._balance(at) >= self.terms.rich
        return True

    def _holds(self, firing: Firing, at: Moment) -> bool:
        match firing.rule:
            case "ask":
                return self._balance(at) > 0
            case "miss":
                return self._count("drifted") != 2
        return True

    def _known_refunds(self, run: Run) -> list[Moment]:
        known = self.heard[run.known :]
        ours = [one for one in known if one.type == "refund" and one.properties["order"] == run.order]
        return [one.at for one in ours if run.since <= one.at < run.due]

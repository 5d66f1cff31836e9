"""The structs that a store keeps of one customer. Instants are UTC epoch milliseconds, durations milliseconds.

`codec` encodes a state; `fold`, `rearm` and the triggers change it. Two forms of change to these structs are possible.
A new field with a default, at the end of an array or anywhere in a struct with letters for names, raises STATE_MINOR:
older states load, and an older engine refuses the newer state instead of dropping the field. Anything else raises
STATE_VERSION and adds a file to `migrations`.

`State`, `Memory` and the lists' entries are arrays, as all their fields are nearly always there. `Slot`, `Timer`,
`History` and `Sent` are maps of letters that leave out what has its default value: measured on the benchmark job, a
state is smaller than with arrays, and takes as long to decode and encode.
"""

from typing import Any

import msgspec

from engine.core.state.points import Ledger
from engine.model import IssuedCoupon, KeptEvent, Number

STATE_VERSION = 2
STATE_MINOR = 5
"""1: states of version 2. 2: a partition's outbox may have entries that are no outreach; an older engine would take
them for a damaged store. 3: days with a purchase, counted for scores; segments; exits by match value; runs,
with their coupons and what a goal is credited to; points. 4: these days are packed. 5: windows have one list of
times, and one of numbers for each property."""
MAX_EPOCH_SECONDS = 10**11
"""`Slot.fired` above it is in milliseconds (from 1973 on), else in seconds (to the year 5138)."""


class Timer(
    msgspec.Struct,
    omit_defaults=True,
    gc=False,
    rename={"due": "d", "since": "s", "key": "k", "began": "b", "ends": "e", "event": "v"},
):
    """A durable future moment of one rule. `due` 0: spent, because it fired or was disarmed; the other fields remain.

    `since` is the moment the timer counts from; `key` tells several timers of one rule apart.
    """

    due: int = 0
    since: int = 0
    key: str = ""
    began: int = 0
    """Start of the run of activity that `since` is the newest moment of (inactivity, abandoned); 0: `since`. Of a
    schedule with `spread` the number that the customer's share is taken from; 0: none yet."""
    ends: int = 0
    """The end that the timer announces (trial_expiring)."""
    event: KeptEvent | None = None


class Parked(msgspec.Struct, array_like=True, gc=False):
    """Marks a rule that is no longer in the book. Its timers and deferred firings are kept until `until`.

    `counts`: number of events by type when the rule was removed. A higher count means events the rule has not seen.
    """

    until: int
    counts: dict[str, int]


class Run(
    msgspec.Struct,
    omit_defaults=True,
    gc=False,
    rename={
        "occurrence": "o", "began": "b", "step": "s", "due": "d", "since": "a", "key": "k", "event": "e", "sent": "x",
        "moment": "m", "reason": "r", "leaves": "l", "ahead": "w", "coupons": "c", "told": "t",
    },
):  # fmt: skip
    """One way of the customer through a journey. They always stand before a step that has a name."""

    occurrence: str
    began: int
    """When the trigger came true: exits, goals and the first wait count from it."""
    step: str
    due: int = 0
    """When they go on if nothing else happens. Of a run that is over: from when on goals are a later one's, or 0."""
    since: int = 0
    """When they came to this step; 0: when the run began."""
    key: str = ""
    """The value that tells this run from others (`match`)."""
    event: KeptEvent | None = None
    """The event that began the run, with the properties that the journey reads."""
    sent: list[str] = []
    """The steps that have made outreach or an event."""
    moment: int = 0
    """When the step was meant to happen, if quiet hours hold it; 0: nothing is held."""
    reason: str = ""
    """Why the step came that quiet hours hold."""
    leaves: str = ""
    """The run ends as soon as it is due, for this reason: a new rule book has no place for it."""
    ahead: dict[str, list[int]] = {}
    """Wait -> times of events that may end it when it begins: allowed lateness still holds the steps before it."""
    coupons: dict[str, IssuedCoupon] = {}
    """Coupons that the run has issued. All its messages show these, whatever becomes of the secret and the rules."""
    told: dict[str, int] = {}
    """Step -> how long (ms) after `began` its outreach was made, where the journey has a goal. The step has the name
    that it had then; after a change of the rule's id that follows the old id and a slash."""

    @property
    def came(self) -> int:
        """When the customer came to this step."""
        return self.since or self.began


class Slot(
    msgspec.Struct,
    omit_defaults=True,
    gc=False,
    rename={
        "kind": "k", "timers": "t", "memory": "y", "fired": "f", "cancelled": "c", "parked": "p", "exits": "x",
        "runs": "r", "ended": "e",
    },
):  # fmt: skip
    """What one rule keeps of the customer.

    `kind` is the code of the kind of trigger that made timers and memory; 0: not known. 1, the most frequent, is the
    default and takes no bytes. `cancelled` is the newest event that ended the rule (`exit`); 0: none.
    """

    kind: int = 1
    timers: list[Timer] = []
    memory: Any = None
    """Data that only the rule's trigger reads and writes."""
    fired: int = 0
    """When the rule last reached the customer; 0: never. Milliseconds where the rule asks (reentry), else seconds."""
    cancelled: int = 0
    parked: Parked | None = None
    exits: dict[str, int] = {}
    """"<property> <value>" -> the newest event that ended the runs of this value (`exit` with `match`)."""
    runs: list[Run] = []
    """The customer's open runs of a journey, oldest first."""
    ended: tuple[Run, ...] = ()
    """Runs that are over, and whose outreach a goal may still be credited to; no more of them than that asks for."""

    @property
    def fired_at(self) -> int:
        """When the rule last reached the customer, at the latest; 0: never."""
        return self.fired if self.fired > MAX_EPOCH_SECONDS else self.fired * 1000

    def remember_fired(self, at: int, exactly: bool) -> None:
        """Store the moment in milliseconds (`exactly`), or in seconds, rounded up, which takes 4 bytes less."""
        self.fired = at if exactly else -(-at // 1000)

    @property
    def only_fired(self) -> bool:
        """Whether nothing is left but when the rule fired, as after a roll-out that was taken back."""
        return not any((self.timers, self.memory, self.cancelled, self.exits, self.runs, self.ended))

    @property
    def is_empty(self) -> bool:
        kept = self.timers, self.memory, self.fired, self.cancelled, self.parked, self.exits, self.runs, self.ended
        return not any(kept)


class History(
    msgspec.Struct,
    omit_defaults=True,
    gc=False,
    rename={
        "latest": "e",
        "sums": "s",
        "window": "w",
        "values": "v",
        "span": "r",
        "unknown": "x",
        "until": "u",
        "days": "d",
        "listed": "l",
    },
):
    """Details of the events of one type, kept because a rule asks for them or did within the last 30 days.

    The history may have begun after the customer's first event. Then `latest` and the sums of properties that were not
    kept from the beginning are absent, and `unknown` says which part of the window is not known.
    """

    latest: KeptEvent | None = None
    sums: dict[str, float] = {}
    """Property -> its sum over all events ever. A property that is not in it is not known."""
    window: list[int] = []
    """The times of single events, oldest first."""
    values: dict[str, list[Number | None]] = {}
    """Property that windows sum -> its number in each event of the window; None: it was not summed then."""
    span: int = 0
    """How far before the newest event the window goes back."""
    unknown: int = 0
    """Events up to this time may be missing in the window; 0: none."""
    until: int = 0
    """History that the book no longer asks for is kept up to this moment; 0: the book asks for all of it."""
    days: str = ""
    """The days with such an event, packed (see `core.state.days`), where scores count them."""
    listed: list[KeptEvent] = []
    """The newest events, oldest first, where a template lists them."""


class Memory(msgspec.Struct, array_like=True, gc=False):
    """All of a customer's events of one type: how many, the newest event time, how long before it the oldest was."""

    count: int
    last: int
    spread: int = 0
    kept: History | str | None = None
    """The history; or only its packed days, where nothing else is kept, as of most customers with scores."""

    def see(self, time: int) -> None:
        """Count one more event, of that time."""
        self.count += 1
        if time > self.last:
            self.spread += time - self.last
            self.last = time
        elif time < self.last - self.spread:
            self.spread = self.last - time

    @property
    def history(self) -> History | None:
        kept = self.kept
        return kept if type(kept) is History else None

    @property
    def first(self) -> int:
        """The oldest event time."""
        return self.last - self.spread


class Deferred(msgspec.Struct, array_like=True, gc=False):
    """A firing that quiet hours hold back until `due`; `moment` is when it was meant to happen."""

    due: int
    rule: str
    occurrence: str
    moment: int
    event: KeptEvent | None = None
    reason: str = ""
    until: int = 0


class Sent(msgspec.Struct, omit_defaults=True, gc=False, rename={"at": "a", "purpose": "p", "channel": "c"}):
    """One outreach that counts against caps."""

    at: int
    purpose: str = "marketing"
    channel: str = "email"


class Known(msgspec.Struct, array_like=True, gc=False):
    """The customer that a guest became, and when."""

    customer: str
    at: int


class Membership(
    msgspec.Struct,
    omit_defaults=True,
    gc=False,
    rename={
        "level": "v",
        "since": "s",
        "due": "d",
        "moves": "n",
        "mark": "m",
        "next": "x",
        "kept": "k",
        "year": "y",
        "parked": "p",
    },
):
    """What a segment keeps of the customer."""

    level: str = ""
    """The level; for a segment without levels IN. "": the customer is outside."""
    since: int = 0
    """The moment of the last change; 0: it has never changed."""
    due: int = 0
    """When the level, or what `keep` holds, may change without an event; 0: never."""
    moves: int = 0
    """How many changes have been told; rules count occurrences with it, so it never goes back."""
    mark: int = 0
    """The mark of the definition that the customer has met; 0: none, so that the next look tells no change."""
    next: str | None = None
    """The level that would hold if `keep` ended now; None: the current one."""
    kept: int = 0
    """Until when the level is kept at least; 0: it is not kept."""
    year: int = 0
    """The local year at whose beginning `kept` is, if a calendar year bounds it."""
    parked: int = 0
    """The book no longer has the segment; until this moment it can come back as if it had stayed."""


IN = "in"
"""The level of a segment without levels."""


class State(msgspec.Struct, array_like=True, gc=False):
    """Everything the engine knows about one customer. `wake`: the soonest moment at which something is due, 0: none."""

    version: int = STATE_VERSION
    minor: int = STATE_MINOR
    mark: int = 0
    """`RuleBook.mark` of the book that last armed this state."""
    wake: int = 0
    events: dict[str, Memory] = {}
    """By event type."""
    rules: dict[str, Slot] = {}
    """By rule id, including rules that are no longer in the book."""
    seen: dict[str, int] = {}
    profile: dict[str, Any] = {}
    profile_times: dict[str, int] = {}
    deferred: list[Deferred] = []
    sent: list[Sent] = []
    known: Known | None = None
    """The customer that this guest became, by the latest identification."""
    segments: dict[str, Membership] = {}
    """By segment id, of those the customer is or was in, or may come into by time alone."""
    exposed: dict[str, str] = {}
    """Experiment -> the variant that the customer was exposed to, which they keep."""
    points: dict[str, Ledger] = {}
    """By the id of the points, of those the customer has or had."""

    @property
    def identified(self) -> int:
        """When this guest became a known customer; 0: never."""
        return self.known.at if self.known is not None else 0

    @property
    def became(self) -> str:
        """The customer that this guest became; "": none."""
        return self.known.customer if self.known is not None else ""

    @property
    def last(self) -> int:
        """The newest event time; 0: there was no event."""
        return max([memory.last for memory in self.events.values()], default=0)

    def timers(self, rule: str) -> list[Timer]:
        """The rule's timers, oldest first. Without a slot this is a new list, not part of the state."""
        slot = self.rules.get(rule)
        return slot.timers if slot is not None else []

    def slot(self, rule: str) -> Slot:
        """The rule's slot; created if there is none."""
        slot = self.rules.get(rule)
        if slot is None:
            slot = self.rules[rule] = Slot()
        return slot

    def set_timers(self, rule: str, timers: list[Timer]) -> None:
        """Replace the rule's timers; an empty slot is removed."""
        slot = self.slot(rule)
        slot.timers = timers
        if slot.is_empty:
            del self.rules[rule]

    def history(self, type_: str) -> History | None:
        """The history of an event type; None if only counts and times are kept."""
        memory = self.events.get(type_)
        return memory.history if memory is not None else None

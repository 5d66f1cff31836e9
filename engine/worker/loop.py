"""The worker: a member of a consumer group that owns partitions, keeps their customers and decides.

One loop in one thread: poll, decide and commit what came per partition, let due timers fire and a sweep go on, a page
at a time and not for long, so that events never wait long. While another thread asks the store for one partition, the
loop goes on with the next. The store is the truth of the offset: on assignment a partition is opened from the store and
the source is told where to read on; the same after a refused commit, and after the store or the brokers were away.
"""

from collections import defaultdict
from collections.abc import Callable, Container, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from time import monotonic
from typing import Any, TypeVar

from engine.core.zones import ZONES_VERSION
from engine.errors import BrokersAway, Fenced, StoreUnavailable
from engine.ports import EventSource, Ownership, Record
from engine.worker.partition_owner import Owned, Rules, Surroundings
from engine.worker.scheduling import Turns, Work

T = TypeVar("T")

AWAY = StoreUnavailable, BrokersAway
"""What passes by itself: the worker waits, stays in the group, and opens its partitions anew."""

TICK = 0.1
"""Seconds between looks for due timers."""
HURRY = 0.001
"""Seconds that a poll waits for events while there are timers due."""
LONGEST_TICK = 0.1
"""Seconds after which due timers let events go first, then to go on."""
SWEEP_REST = 4.0
"""A sweep rests this many times as long as its last page took."""
LOOK = 5.0
"""Seconds between looks at how the partitions are doing, and whether the store is still as we left it."""
DOUBT = 0.3
"""Seconds for the group to tell us, after a refused commit, that the partition is no longer ours: whoever opens it
publishes what is in the outbox, and its new owner is about to."""
LONGEST_WAIT = 5.0
"""Seconds between tries to reach a store, or brokers, that are away."""
SLOW = 1.0
"""Seconds that brokers may take to make room before they count as away: a busy broker is not worth a warning."""


@dataclass
class Worker:
    """The `Ownership` of the source that `join` makes. `batch` bounds the records of a poll, `patience` its seconds."""

    join: Callable[[Ownership], EventSource]
    around: Surroundings
    rules: Rules
    batch: int = 4_000
    patience: float = 0.05
    turns: Turns = field(init=False)
    source: EventSource = field(init=False)
    owned: dict[int, Owned] = field(default_factory=dict, init=False)
    stopping: bool = field(default=False, init=False)
    stepped: float = field(default_factory=monotonic, init=False)
    """When the loop last turned, by the monotonic clock."""
    store_answers: bool = field(default=True, init=False)
    brokers_answer: bool = field(default=True, init=False)
    """Whether they take what is handed over, as far as that was tried."""
    joined: bool = field(default=False, init=False)
    clock_doubt: str = field(default="", init=False)
    """Why no timer fires by wall time; "" where they do."""
    _closed: dict[int, float] = field(default_factory=dict, init=False)
    """Partitions that are ours and must be opened, or opened again, before anything else; but not before then."""
    _waiting: dict[int, list[Record]] = field(default_factory=dict, init=False)
    """By partition, what was read of it while it had work under way."""
    _new_rules: Rules | None = field(default=None, init=False)
    _next_tick: float = field(default=TICK, init=False)
    """0 while timers are due that there was no time for."""
    _round: set[int] = field(default_factory=set, init=False)
    """Partitions that have yet to look for due timers in this round."""
    _round_ends: float = field(default=0.0, init=False)
    _next_sweep: float = field(default=0.0, init=False)
    _next_look: float = field(default=0.0, init=False)
    _told: dict[tuple[str, int], int] = field(default_factory=dict, init=False)
    """Offsets the broker has been told, by topic and partition."""

    def __post_init__(self) -> None:
        self.turns = Turns(self._go_on)
        self.source = self.join(self)
        self.around.hooks.zones_in_use(ZONES_VERSION)
        self._tell_rules()

    def run(self) -> None:
        """Work until `stop`. Raises SourceUnavailable and SinkUnavailable where going on makes no sense.

        It returns within half a minute of `stop` though store or brokers are away: what is not published stays in
        the outbox for the next owner.
        """
        try:
            while not self.stopping:
                self.step()
            with suppress(*AWAY):  # then it comes again
                self.turns.finish_all()
            self._tell_offsets()
        finally:
            self.source.close()

    def stop(self) -> None:
        """Finish the batch, commit, leave the group. Safe to call from a signal handler."""
        self.stopping = True

    def reload(self, rules: Rules) -> None:
        """Go on with these rules from the next step; every customer meets them in a sweep. Safe to call likewise."""
        self._new_rules = rules

    def step(self) -> None:
        """One turn of the loop. What waits for the store at its end is taken up in the next one."""
        self.stepped = monotonic()
        try:
            if self._new_rules is not None:
                self._adopt(self._new_rules)
            self._wait_for_room()
            records = self.source.poll(self.batch, self._patience())
            closed = self._open_closed()  # what was polled for them came before the seek, and does not count
            self._take_in(records, closed)
            self._begin_round()
            self._work_off(everything=len(records) < self.batch)  # there is no more to read meanwhile
            self._end_round()
            if monotonic() >= self._next_sweep:
                self._sweep()
            if monotonic() >= self._next_look:
                self._look()
            self.store_answers = self.brokers_answer = True
        except AWAY as error:
            self._wait_for(error)

    def _take_in(self, records: Sequence[Record], closed: Container[int] = ()) -> None:
        """Let them wait for their turn."""
        for number, own in _by_partition(records).items():
            if number in self.owned and number not in closed:
                self._waiting.setdefault(number, []).extend(own)

    def _patience(self) -> float:
        if self.turns:
            return 0.0
        return self.patience if self._next_tick else HURRY

    def _work_off(self, *, everything: bool) -> None:
        """Begin with those that have nothing under way; with others only where more than a batch waits for them."""
        for number in list(self._waiting):
            if number not in self.turns:
                self._begin(number, self._handle)
        while self._waiting and (everything or sum(map(len, self._waiting.values())) > self.batch):
            self._begin(next(iter(self._waiting)), self._handle)
        if everything:
            self.turns.finish_all()

    def _begin(self, number: int, work: Callable[[Owned], Work]) -> None:
        self.turns.finish(number)
        if owned := self.owned.get(number):
            self.turns.begin(number, work(owned))

    def _handle(self, owned: Owned) -> Work:
        yield from owned.handle(self._waiting.pop(owned.number))
        yield from self._tick(owned)  # events first

    def _tick(self, owned: Owned) -> Work:
        """Fire what is due, if it is time, its turn, and all is decided that was read."""
        if owned.number in self._round - self._waiting.keys() and monotonic() < self._round_ends:
            self._round.remove(owned.number)
            yield from owned.tick(self.source)

    def _go_on(self, number: int, work: Work) -> Future[Any] | None:
        return self._guarded(number, partial(next, work, None))

    def _guarded(self, number: int, act: Callable[[], T]) -> T | None:
        """Act on a partition. After a refused commit it is opened anew, if the next polls leave it ours."""
        try:
            return act()
        except Fenced as error:
            self.around.hooks.fenced(number, str(error))
            self._shut(number, monotonic() + DOUBT)
            return None

    def _begin_round(self) -> None:
        """Now and then every partition looks for due timers: a busy one after its events, the others at the end."""
        if monotonic() >= self._next_tick:
            self._next_tick = monotonic() + TICK
            self._round_ends = monotonic() + LONGEST_TICK
            self.joined = self.source.joined()
            self._watch_clock()
            self._round = self._round & self.owned.keys() or set(self.owned)

    def _end_round(self) -> None:
        for number in self._round - set(self.turns):
            self._begin(number, self._tick)
        if self._round or any(owned.has_more for owned in self.owned.values()):
            self._next_tick = 0.0

    def _sweep(self) -> None:
        """A page of one partition, then a rest: however many partitions there are, it takes a fifth of the time."""
        started = monotonic()
        number = next((number for number, owned in self.owned.items() if not owned.partition.is_swept), None)
        if number is not None:
            self._begin(number, Owned.sweep)
            self.turns.finish(number)
            self._next_sweep = monotonic() + SWEEP_REST * (monotonic() - started)

    def _watch_clock(self) -> None:
        before, self.clock_doubt = self.clock_doubt, "" if self.around.event_clock else self.around.doubt()
        if self.clock_doubt and not before:
            self.around.hooks.clock_doubted(self.clock_doubt)
        elif before and not self.clock_doubt:
            self.around.hooks.clock_believed()

    def _look(self) -> None:
        self.turns.finish_all()
        if self.clock_doubt:
            self.around.hooks.clock_doubted(self.clock_doubt)
        self._next_look = monotonic() + LOOK
        lag, ids = self.source.lag(), self.source.topic_ids()
        for number, owned in list(self.owned.items()):
            if owned.reads_others(ids):
                self._shut(number)
            else:
                self._guarded(number, partial(owned.look, lag.get(number, 0)))
        self._tell_offsets()

    def _tell_offsets(self) -> None:
        """To the broker, if there is news."""
        metas = {number: owned.partition.meta for number, owned in self.owned.items()}
        offsets = {(topic, number): at for number, meta in metas.items() for topic, at in meta.offsets.items()}
        news = dict(offsets.items() - self._told.items())
        self._told = offsets
        if news:
            self.source.commit(news)

    def _adopt(self, rules: Rules) -> None:
        self.turns.finish_all()
        self.rules, self._new_rules = rules, None
        for owned in self.owned.values():
            owned.adopt(rules)
        self._tell_rules()

    def _tell_rules(self) -> None:
        book = self.rules.book
        self.around.hooks.adopted(book.revision, [rule.id for rule in book.rules])

    # --- opening

    def _open(self, number: int) -> Owned:
        owned = Owned(number, self.around, self.rules, self.source.topic_ids())
        self.owned[number] = owned
        self._closed.pop(number, None)
        self._share_cache()
        return owned

    def _share_cache(self) -> None:
        for owned in self.owned.values():
            owned.partition.cache.size = self.around.cache_size // len(self.owned)

    def _shut(self, number: int, until: float = 0.0) -> None:
        self._let_go(number)
        self._closed[number] = until

    def _let_go(self, number: int) -> Owned | None:
        self._waiting.pop(number, None)
        return self.owned.pop(number, None)

    def _open_closed(self) -> set[int]:
        """Open those that it is time for, and read on from where the store says. Returns all that were closed."""
        closed = dict(self._closed)
        for number, until in closed.items():
            if monotonic() >= until:
                self.stepped = monotonic()
                self.source.seek(number, self._open(number).partition.meta.offsets)
        return set(closed)

    def _wait_for_room(self) -> None:
        """Decide nothing while too much of what was decided waits for the brokers. What was read waits in memory."""
        if not self._is_full():
            return
        since, attempt, paused = monotonic(), 0, list(self.owned)
        self.source.pause(paused)
        while self._is_full() and not self.stopping:
            self.stepped = monotonic()
            if self.stepped > since + max(SLOW, LONGEST_WAIT * attempt):
                attempt += 1
                error = BrokersAway("the outreach topic", "does not take what is handed over")
                self._tell_away(error, attempt)
            self._take_in(self.source.poll(1, TICK))  # of a partition that was assigned just now
        self.source.resume(paused)
        if attempt:
            self.around.hooks.brokers_back(monotonic() - since)

    def _is_full(self) -> bool:
        return any(owned.relay.is_full() for owned in self.owned.values())

    def _tell_away(self, error: StoreUnavailable | BrokersAway, attempt: int) -> None:
        if isinstance(error, StoreUnavailable):
            self.store_answers = False
            self.around.hooks.store_away(error, attempt)
        else:
            self.brokers_answer = False
            self.around.hooks.brokers_away(error, attempt)

    def _tell_back(self, seconds: float) -> None:
        if not self.store_answers:
            self.around.hooks.store_back(seconds)
        if not self.brokers_answer:
            self.around.hooks.brokers_back(seconds)

    def _wait_for(self, error: StoreUnavailable | BrokersAway) -> None:
        """Pause, stay in the group, try again; then open everything anew, as the store may have gone back in time."""
        since, attempt, wait = monotonic(), 0, TICK
        paused: set[int] = set()
        self.turns.abandon(*self.turns)
        for number in [*self.owned, *self._closed]:
            self._shut(number)
        while self._closed and not self.stopping:
            attempt += 1
            self.stepped = monotonic()
            self._tell_away(error, attempt)
            paused |= self._closed.keys()
            self.source.pause(list(self._closed))
            for record in self.source.poll(1, wait):  # of a partition that was assigned just now, and opened
                self._shut(record.partition)
            wait = min(wait * 2, LONGEST_WAIT)
            try:
                self._open_closed()
            except AWAY as again:
                error = again
            else:
                self._tell_back(monotonic() - since)
        self.source.resume(list(paused))

    # --- ownership: called by the source from within poll and close

    def assigned(self, partition: int) -> dict[str, int]:
        """Open the partition; while the store or the brokers are away, leave that to later."""
        if self.store_answers and self.brokers_answer:
            try:
                return dict(self._open(partition).partition.meta.offsets)
            except AWAY as error:
                self._tell_away(error, 1)
        self._shut(partition)
        return {}

    def revoked(self, partition: int) -> None:
        """Finish, trim the outbox of what is published, and let go."""
        self._round.discard(partition)
        with suppress(*AWAY):  # then the next owner finishes it
            self.turns.finish(partition)
        owned = self._let_go(partition)
        self._closed.pop(partition, None)
        self._share_cache()
        if owned is not None:
            self._close(owned)

    def _close(self, owned: Owned) -> None:
        try:
            owned.close(wait=self.brokers_answer)
        except BrokersAway as error:  # the outbox has it; the others need not find out as well
            self._tell_away(error, 1)

    def lost(self, partition: int) -> None:
        """Somebody else has it already; the store would refuse us."""
        self.turns.abandon(partition)
        self._let_go(partition)
        self._closed.pop(partition, None)
        self._share_cache()
        self.around.hooks.released(partition)


def _by_partition(records: Sequence[Record]) -> Mapping[int, list[Record]]:
    found: dict[int, list[Record]] = defaultdict(list)
    for record in records:
        found[record.partition].append(record)
    return found

"""Replays in memory with several processes, each of which reads all records and decides its share of the customers.

Since each moves its clock by every event, they decide what one process would; batch by batch their lines are put
together in the order of time.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import chain
from multiprocessing.connection import Connection
from operator import itemgetter
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from time import perf_counter
from typing import NamedTuple

import msgspec

from engine.adapters.memory import MemorySink, MemoryStore
from engine.core.coupons import TEST_SECRET
from engine.errors import EngineError, HistoryChanged, ShareEnded
from engine.ports import Entry, OutreachSink
from engine.replay.replay import share_of
from engine.replay.summary import Summary, sum_of
from engine.testing import load_project
from engine.wiring.processes import processors, start
from engine.wiring.replay import HistoryFiles, Sinks, replay_into
from engine.wiring.unwinding import signals_wait

WORTHWHILE = 16 * 1024 * 1024
"""Bytes of history above which several processes are used by default; below it their start costs more."""
_UNPACKED = 10
"""Bytes in one of a gzipped history."""
_MOST = 8
"""Processes, at most: each reads and decodes all records, which more of them would not make faster."""
_AHEAD = 256
"""Batches that one process may be ahead of another; bounds the memory."""

Line = tuple[str, str, str, bytes]
"""When (ISO 8601 without the Z, so that text order is time order), customer, id, the line itself."""


class _Batch(NamedTuple):
    """The results of one batch of records in one share."""

    records: int
    lines: list[list[Line]]
    """Of outreach, outcomes and dead letters."""


@dataclass(frozen=True)
class ReplayTask:
    """The replay that each process runs."""

    rules: Path
    templates: Path
    history: HistoryFiles
    coupon_secret: str = field(default=TEST_SECRET, repr=False)


def usual_number(events: Sequence[Path]) -> int:
    """The number of processes: one per processor for a long history in files, else one."""
    if not all(path.is_file() for path in events):
        return 1
    size = sum(path.stat().st_size * (_UNPACKED if path.suffix == ".gz" else 1) for path in events)
    return min(processors(), _MOST) if size >= WORTHWHILE else 1


def replay_in_shares(
    number: int, task: ReplayTask, sinks: Sinks, begin: Callable[[], Callable[[int], None]]
) -> Summary:
    """Run the shares. `begin` is called when all have been started, and returns the callback for progress.

    Raises EngineError: ShareEnded where a process has ended before its work, HistoryChanged where they read different
    histories.
    """
    started = perf_counter()
    task = replace(task, history=replace(task.history, sizes=[path.stat().st_size for path in task.history.paths]))
    shares: list[_Share] = []
    try:
        with signals_wait():
            for place in range(number):
                shares.append(_Share(place, number, task, sinks, [share.hear for share in shares]))
        _listen_to(shares)
        _put_together(shares, sinks, begin())
    finally:
        for share in shares:
            share.end()
        for share in shares:
            share.wait()
    summary = sum_of([share.summary for share in shares])
    summary.seconds = perf_counter() - started
    return summary


def _listen_to(shares: Sequence["_Share"]) -> None:
    """Begin to read the answers, after all were started: processes must be forked while there is one thread."""
    deaths: list[ShareEnded] = []

    def died(death: ShareEnded) -> None:
        deaths.append(death)
        for share in shares:  # whoever waits for another one hears of it
            share.end()

    for share in shares:
        share.listen(deaths, died)


def _put_together(shares: Sequence["_Share"], sinks: Sinks, progress: Callable[[int], None]) -> None:
    outputs = sinks.outreach, sinks.outcomes, sinks.dead_letters
    while batches := [batch for share in shares if (batch := share.next_batch())]:
        if len(batches) < len(shares) or len({batch.records for batch in batches}) > 1:
            raise HistoryChanged
        progress(batches[0].records)
        for place, output in enumerate(outputs):
            _write(output, [batch.lines[place] for batch in batches])


def _write(sink: OutreachSink | None, lines: Sequence[list[Line]]) -> None:
    if sink and any(lines):
        merged = sorted(chain.from_iterable(lines), key=itemgetter(0, 1))
        sink.publish(0, [Entry(identity, line) for _, _, identity, line in merged])
        sink.delivered(0)


class _Share:
    """One process, as the collecting process sees it."""

    def __init__(self, place: int, number: int, task: ReplayTask, sinks: Sinks, others: Sequence[Connection]) -> None:
        self.summary = Summary()
        wants = [sink is not None for sink in (sinks.outreach, sinks.outcomes, sinks.dead_letters)]
        self._process, self.hear = start(_decide, (place, number, task, wants), others)
        self._said: Queue[_Batch | Summary | Exception | None] = Queue(_AHEAD)
        """The next message; None if the process is gone."""
        self._listener: Thread | None = None
        self._deaths: Sequence[ShareEnded] = ()

    def listen(self, deaths: Sequence[ShareEnded], died: Callable[[ShareEnded], None]) -> None:
        """`died` is called when it ends early; `deaths`: of all processes, in order."""
        self._deaths = deaths
        self._listener = Thread(target=self._listen, args=(died,), daemon=True)
        self._listener.start()

    def _listen(self, died: Callable[[ShareEnded], None]) -> None:
        with suppress(EOFError, OSError):
            while True:
                self._said.put(self.hear.recv())
        self._process.join()
        if code := self._process.exitcode:
            died(ShareEnded(code))
        self._said.put(None)

    def next_batch(self) -> _Batch | None:
        """None after the last one; then there is a summary."""
        said = self._said.get()
        if said is None:
            raise self._deaths[0] if self._deaths else ShareEnded(0)
        if isinstance(said, Exception):
            raise said
        if isinstance(said, Summary):
            self.summary = said
            return None
        return said

    def end(self) -> None:
        """Whether its work is done or not."""
        self._process.terminate()

    def wait(self) -> None:
        """Wait for its end; further messages are dropped."""
        while self._listener and self._listener.is_alive():
            with suppress(Empty):
                self._said.get(timeout=0.05)


# --- in the process of a share


def _decide(place: int, number: int, task: ReplayTask, wants: Sequence[bool], tell: Connection) -> None:
    outputs = [MemorySink() if wanted else None for wanted in wants]
    sinks = Sinks(*outputs)

    def batch_done(records: int) -> None:
        entries = [output.take(0) if output else [] for output in outputs]
        tell.send(_Batch(records, [[_line(entry.id, entry.value) for entry in each] for each in entries]))

    try:
        project = load_project(task.rules, task.templates).signing(task.coupon_secret)
        share = share_of(place, number)
        summary = replay_into(MemoryStore(), project, task.history, sinks=sinks, share=share, progress=batch_done)
        batch_done(0)
        tell.send(summary)
    except (EngineError, OSError) as error:
        tell.send(error)


class _Key(msgspec.Struct):
    at: str = ""
    customer: str = ""


_key = msgspec.json.Decoder(_Key).decode


def _line(identity: str, line: bytes) -> Line:
    key = _key(line)
    return key.at.removesuffix("Z"), key.customer, identity, line

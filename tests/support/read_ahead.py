"""`engine run` where brokers are faster than the store: a worker that starts with unread records has all of them before
the store's first answer.

That is when a worker may take what it has only read for handled. On a real machine it happens at about every second
start, or at none where the machine is busy; here at every one.
"""

from contextlib import ExitStack
from time import monotonic
from typing import cast

from engine.cli.opening import open_project
from engine.cli.options import settings_of
from engine.cli.process import begin_log, obey_stop
from engine.ports import EventSource, Record
from engine.telemetry.logs import LogHooks
from engine.wiring.garbage import collect_rarely
from engine.wiring.kafka import close_writer, open_writer
from engine.wiring.store import open_store
from engine.wiring.worker import open_running

PROGRAM = "from tests.support.read_ahead import run; run()"
LONGEST = 5.0
"""Seconds that records are held back, should the worker never wait for its store."""


class ReadAhead:
    """An EventSource whose first records come, all together, while the store owes the worker its first answer.

    Then a poll does not wait.
    """

    def __init__(self, source: EventSource) -> None:
        self._source = source
        self._held: list[Record] | None = []
        self._since = 0.0

    def __getattr__(self, name: str) -> object:
        return getattr(self._source, name)

    def poll(self, limit: int, timeout: float) -> list[Record]:
        """As it is told above; later as the source has it."""
        if self._held is None:
            return self._source.poll(limit, timeout)
        self._held += self._source.poll(max(1, limit - len(self._held)), timeout)
        self._since = self._since or (monotonic() if self._held else 0.0)
        if timeout and (not self._held or monotonic() < self._since + LONGEST):
            return []
        while len(self._held) < limit and (more := self._source.poll(limit - len(self._held), 1.0)):
            self._held += more
        held, self._held = self._held, None
        return held


def run() -> None:
    """What the command `run` does, without its pages."""
    settings = settings_of()
    project = open_project(settings)
    begin_log(settings)
    with ExitStack() as stack:
        store = stack.enter_context(open_store(settings))
        writer = open_writer(settings)
        stack.callback(close_writer, writer)
        worker = stack.enter_context(open_running(settings, project, store, writer, LogHooks())).worker
        worker.source = cast(EventSource, ReadAhead(worker.source))
        obey_stop(worker.stop)
        collect_rarely()
        worker.run()

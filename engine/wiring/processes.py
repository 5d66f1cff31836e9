"""Runs the same kind of work in several processes, with progress, and gives back what each returned.

Backtests and plans use it; shared replays start their processes here. They are forked where that is safe (Linux), so
the caller must have no other thread, and no open connection that a child may not share.
"""

import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, TypeVar, cast

from engine.errors import EngineError, ShareEnded
from engine.extras import explaining_duckdb
from engine.wiring.unwinding import signals_wait, unwound_by_signals

T = TypeVar("T")
Progress = Callable[[int], None]
Work = Callable[[Progress], T]
"""Something to do in another process. It calls its argument with what it has done since the last call."""


@dataclass(frozen=True)
class Stage:
    """A part of the work whose progress is told: what it is, and its size in records or customers (0: not known)."""

    name: str
    size: int = 0


Begin = Callable[[Stage], Progress]

if sys.platform == "linux":  # elsewhere a forked process may crash in the system's libraries
    _CONTEXT = get_context("fork")
else:
    _CONTEXT = get_context("spawn")


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def shared_counter() -> Callable[[], int]:
    """A function for several processes: each call, anywhere, returns the next number, from 0."""
    return _Counter().next


class _Counter:
    def __init__(self) -> None:
        self._value = _CONTEXT.Value("q", 0)

    def next(self) -> int:
        with self._value.get_lock():
            self._value.value += 1
            return int(self._value.value) - 1


def in_processes(works: Sequence[Work[T]], progress: Progress) -> list[T]:
    """Do each work in a process of its own. Raises the first EngineError or OSError, and ShareEnded where a process
    dies."""
    started: list[tuple[BaseProcess, Connection]] = []
    try:
        with signals_wait():
            for work in works:
                started.append(start(_do, (work,), [hear for _, hear in started]))
        return _collected(started, progress)
    finally:
        for process, hear in started:
            process.terminate()
            process.join()
            hear.close()


def _collected(started: Sequence[tuple[BaseProcess, Connection]], progress: Progress) -> list[Any]:
    results: dict[Connection, Any] = {}
    hears = [hear for _, hear in started]
    while len(results) < len(hears):
        for hear in wait([hear for hear in hears if hear not in results]):
            said = _said(cast(Connection, hear), started)
            if isinstance(said, int):
                progress(said)
            elif isinstance(said, Exception):
                raise said
            else:
                results[cast(Connection, hear)] = said[0]
    return [results[hear] for hear in hears]


def _said(hear: Connection, started: Sequence[tuple[BaseProcess, Connection]]) -> Any:
    """A number of things done, an error, or the result as a tuple of one."""
    with suppress(EOFError, OSError):
        return hear.recv()
    process = next(process for process, its in started if its is hear)
    process.join()
    raise ShareEnded(process.exitcode or 0)


def start(
    act: Callable[..., None], arguments: tuple[object, ...], others: Sequence[Connection]
) -> tuple[BaseProcess, Connection]:
    """Start a process that calls `act(*arguments, tell)`, and give back the other end of `tell`.

    `others`: the ends to those that were started before. A forked process inherits them; unless it closes them and
    its own, nobody there notices that the process at the other end is gone.
    """
    hear, tell = _CONTEXT.Pipe(duplex=False)
    inherited = (*others, hear) if _CONTEXT.get_start_method() == "fork" else ()
    process = _CONTEXT.Process(target=_act, args=(act, arguments, tell, inherited), daemon=True)
    process.start()
    tell.close()  # so that we hear when the process is gone
    return process, hear


def _act(
    act: Callable[..., None], arguments: tuple[object, ...], tell: Connection, inherited: Sequence[Connection]
) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who has started us stops us
    for end in inherited:
        end.close()
    with unwound_by_signals(), suppress(BrokenPipeError):  # who has started us was killed
        act(*arguments, tell)


def _do(work: Work[Any], tell: Connection) -> None:
    try:
        with explaining_duckdb():
            tell.send((work(tell.send),))
    except (EngineError, OSError) as error:
        tell.send(error)

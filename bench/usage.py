"""What processes use, from /proc: nothing has to be built into what is measured."""

import os
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep
from typing import NamedTuple

_TICKS = os.sysconf("SC_CLK_TCK")
MIB = 2**20


def cpu_seconds(pid: int) -> float:
    """Of the process, its threads and its ended children."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / _TICKS


def memory(pid: int, what: str = "VmRSS") -> int:
    """Bytes it holds; `VmHWM`: the most it ever held."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{what}:"))


class Ended(NamedTuple):
    """A process that has ended: its exit status, seconds of CPU, and the most bytes it held."""

    status: int
    cpu: float
    peak: int


def watch(pid: int) -> Ended:
    """Wait for a child's end. `peak`: of it and its own children together, looked at meanwhile.

    Its `ru_maxrss` would count our own memory, from before its `exec`.
    """
    peak = 0
    while True:
        ended, status, used = os.wait4(pid, os.WNOHANG)
        if ended:
            return Ended(os.waitstatus_to_exitcode(status), used.ru_utime + used.ru_stime, peak)
        with suppress(OSError, StopIteration):  # it is ending
            peak = max(peak, sum([memory(one, "VmHWM") for one in (pid, *children(pid))]))
        sleep(0.02)


def children(pid: int) -> list[int]:
    """The processes it has started, on Linux."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@dataclass
class Meter:
    """CPU of groups of processes since the meter was made."""

    pids: dict[str, list[int]]
    _began: float = field(default_factory=monotonic, init=False)
    _before: dict[str, float] = field(init=False)

    def __post_init__(self) -> None:
        self._before = self._cpu()

    @property
    def seconds(self) -> float:
        """Since it was made."""
        return monotonic() - self._began

    def cpu(self) -> dict[str, float]:
        """Seconds of CPU, by group."""
        return {group: used - self._before[group] for group, used in self._cpu().items()}

    def _cpu(self) -> dict[str, float]:
        return {group: sum(map(cpu_seconds, pids)) for group, pids in self.pids.items()}

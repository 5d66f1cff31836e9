"""What processes use, from /proc: nothing has to be built into what is measured."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

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

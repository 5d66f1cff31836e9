"""`engine run` as a process that a test may kill, freeze and bring back."""

import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.services.processes import Process
from tests.support.command import PROGRAM


class Worker(Process):
    """`engine run` with this environment. It is meant to live until one of the methods here ends it."""

    def __init__(self, name: str, environment: Mapping[str, str], log: Path, program: str = PROGRAM) -> None:
        settings = [f"{variable}={value}" for variable, value in environment.items()]
        super().__init__(["env", *settings, sys.executable, "-c", program, "run"], log, lambda: True)
        self.name = name

    @property
    def died(self) -> bool:
        """It has ended by itself."""
        return self._running is not None and not self.running

    def reload(self) -> None:
        """Let it read its rules again."""
        os.kill(self.pid, signal.SIGHUP)

    @property
    def resident(self) -> int:
        """Bytes of memory it holds."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    @property
    def said(self) -> str:
        return self.log.read_text(errors="replace")

"""How hard a scenario is tried: quickly, always the same; or, in a soak, harder and with the seed SOAK_SEED."""

import os
from dataclasses import dataclass

import pytest


@dataclass(frozen=True)
class Effort:
    """`seed` decides everything that is random."""

    seed: int
    soak: bool

    def of(self, quick: int, soaking: int) -> int:
        """How many: kills, customers, seconds."""
        return soaking if self.soak else quick

    @property
    def events(self) -> int:
        """Of a job that only has to last until all has been done to it."""
        return self.of(30_000, 100_000)

    def __str__(self) -> str:
        return f"{'soak' if self.soak else 'quick'}-{self.seed}"


QUICK = Effort(1, soak=False)
SOAK = Effort(int(os.environ.get("SOAK_SEED", "1")), soak=True)

tried_hard = pytest.mark.parametrize("effort", [QUICK, pytest.param(SOAK, marks=pytest.mark.soak)], ids=str)
"""Such a test takes an `effort`, and runs in a soak too."""

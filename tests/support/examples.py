"""How many examples a property is tried on: always the same ones, or many more at random.

ENGINE_TEST_EXAMPLES multiplies the number of each test. `make quick` sets 0.1; above 1 the examples differ by the run.
tests/conftest.py imports this, so that it holds for every property.
"""

import math
import os
from collections.abc import Callable
from typing import Any
from zlib import crc32

from hypothesis import HealthCheck, settings

FACTOR = float(os.environ.get("ENGINE_TEST_EXAMPLES", "1"))


def so_many(number: int) -> int:
    """Times the factor."""
    return math.ceil(number * FACTOR)


def is_chosen(customer: str) -> bool:
    """Whether a shop's customer is one of the examples: all are, unless the factor is below 1."""
    return crc32(customer.encode()) % 1_000 < so_many(1_000)


def examples(number: int) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """For a property that needs more or fewer than 100."""
    return settings(max_examples=so_many(number))


settings.register_profile(
    "engine",
    max_examples=so_many(100),
    derandomize=FACTOR <= 1,
    deadline=None,  # a busy machine is no failure
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile("engine")

"""How many examples to try: few and always the same ones, or ENGINE_TEST_EXAMPLES times as many at random."""

import os
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, settings

FACTOR = int(os.environ.get("ENGINE_TEST_EXAMPLES", "1"))


def examples(number: int) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    return settings(
        max_examples=number * FACTOR,
        derandomize=FACTOR == 1,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )

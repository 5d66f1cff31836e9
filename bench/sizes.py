"""How much of everything: by default for ten minutes, for two, or as the goals say it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Sizes:
    """What each mode works on; every field is an option of the command."""

    events: int = 1_000_000
    customers: int = 100_000
    rate: int = 5_000
    seconds: int = 20
    timers: int = 1_000_000
    many: int = 500_000
    many_events: int = 300_000
    rules_events: int = 300_000
    replay_events: int = 500_000
    faust_events: int = 20_000


QUICK = Sizes(
    events=200_000,
    customers=20_000,
    seconds=8,
    timers=100_000,
    many=100_000,
    many_events=100_000,
    rules_events=100_000,
    replay_events=100_000,
    faust_events=8_000,
)
FULL = Sizes(
    events=2_000_000, customers=200_000, seconds=60, many=5_000_000, many_events=2_000_000, rules_events=1_000_000
)

"""Version 2: one slot a rule instead of four dicts by rule, one memory an event type instead of four dicts by type.

Version 1 was an array of 17: version, mark, wake, last, tallies, timers, seen, profile, profile_times, latest, sums,
windows, memory, fired, cancels, deferred, sent. Later fields may be missing at its end.
"""

from typing import Any

_EMPTY: list[Any] = [1, 0, 0, 0, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, [], []]
_UNKNOWN, _ABANDONED, _TRIAL_EXPIRING, _DATE, _MILESTONE = 0, 2, 3, 4, 5


def migrate(old: list[Any]) -> list[Any]:
    """The raw fields of a version 1 state as those of version 2. Nothing is dropped."""
    old = [*old, *_EMPTY[len(old) :]]
    _, mark, wake, _, tallies, timers, seen, profile, profile_times, latest, sums, windows = old[:12]
    memory, fired, cancels, deferred, sent = old[12:17]
    events = {name: _memory(name, tally, latest, sums, windows) for name, tally in tallies.items()}
    rules = {
        rule: _slot(timers.get(rule, []), memory.get(rule), fired.get(rule, 0), cancels.get(rule, 0))
        for rule in dict.fromkeys([*timers, *memory, *fired, *cancels])
    }
    sendings = [{"a": at, "p": purpose, "c": channel} for at, purpose, channel in sent]
    return [2, 0, mark, wake, events, rules, seen, profile, profile_times, deferred, sendings]


def _memory(name: str, tally: list[int], latest: Any, sums: Any, windows: Any) -> list[Any]:
    count, first, last = tally
    start = f"{name}."
    history: dict[str, Any] = {}
    if name in latest:
        history["e"] = latest[name]
    if own := {key.removeprefix(start): total for key, total in sums.items() if key.startswith(start)}:
        history["s"] = own
    if windows.get(name):
        history["w"] = windows[name]
    return [count, last, last - first, history or None]


def _slot(timers: list[list[Any]], memory: Any, fired: int, cancelled: int) -> dict[str, Any]:
    whole = [[*timer, *["", 0, None][len(timer) - 2 :]] for timer in timers]
    kind = _kind(whole, memory)
    return {
        "k": kind,
        "t": [_timer(timer, kind) for timer in whole],
        "y": memory,
        "f": fired,
        "c": cancelled,
    }


def _kind(timers: list[list[Any]], memory: Any) -> int:
    """Guess the trigger's kind, which version 1 did not store; a trigger of any kind takes over an unknown slot."""
    for type_, kind in ((list, _MILESTONE), (dict, _ABANDONED), (str, _DATE)):
        if isinstance(memory, type_):
            return kind
    for _, anchor, key, first, _ in timers:
        if first > anchor:
            return _TRIAL_EXPIRING
        if key[4:5] == "-" and key[7:8] == "-":
            return _DATE
    return _UNKNOWN


def _timer(timer: list[Any], kind: int) -> dict[str, Any]:
    """`first` was the start of a run for inactivity and abandoned, the end of a trial for trial_expiring."""
    due, anchor, key, first, event = timer
    began = first if kind in (_UNKNOWN, _ABANDONED) and first <= anchor else 0
    ends = first if kind in (_UNKNOWN, _TRIAL_EXPIRING) else 0
    return {"d": due, "s": anchor, "k": key, "b": began, "e": ends, "v": event}

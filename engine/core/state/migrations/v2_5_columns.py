"""Version 2.5: a window is a list of times, and beside it one list of numbers for each property that is summed.

Before, it was a list of events, each with its time and its numbers by property, where not every event had all of them.
"""

from typing import Any


def migrate(fields: list[Any]) -> None:
    """Change the raw fields of a state of 2.0 to 2.4."""
    for memory in (fields[4] if len(fields) > 4 else {}).values():
        history = memory[3] if len(memory) > 3 else None
        if isinstance(history, dict) and "w" in history:
            entries = history["w"]
            history["w"] = [time for time, _ in entries]
            names = dict.fromkeys(name for _, values in entries for name in values)
            history["v"] = {name: [values.get(name) for _, values in entries] for name in names}

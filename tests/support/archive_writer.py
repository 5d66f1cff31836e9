"""A process that fills an archive in many small commits, to be killed while it does."""

from pathlib import Path

from engine.insight.archive import Archive, Place, compact
from engine.model import Event

DAY = 86_400_000
RECORDS = 120
"""In three portions of two commits each, over two days."""


def purchase(number: int, customer: str = "") -> Event:
    name = customer or f"c-{number % 7}"
    return Event(f"e-{number}", "purchase", name, number * DAY // 60, {"amount": number + 0.5, "note": "Zoë's"})


def fill(folder: str) -> None:
    """All records in three portions, each of them compacted; it goes on where the last process was stopped."""
    path = Path(folder)
    for _ in range(3):
        with Archive.opened(path, commit_after=20) as archive:
            start = archive.next_offset("shop", 0) or 0
            for offset in range(start, min(start + RECORDS // 3, RECORDS)):
                event = purchase(offset)
                archive.add_event(Place("shop", 0, offset), event.time, event)
            archive.commit()
        compact(path)

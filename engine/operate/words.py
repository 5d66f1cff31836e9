"""Formats counts with their noun for messages."""


def count_of(number: int, what: str) -> str:
    """A count with its noun: 1 file, 2,000 files."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"

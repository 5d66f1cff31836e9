"""Numbers in sentences."""


def count_of(number: int, what: str) -> str:
    """1 file, 2,000 files."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"

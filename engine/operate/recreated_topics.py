"""Topics that were deleted and made again since workers read them, for `engine doctor` and `engine run --check`."""

from collections.abc import Iterable, Iterator

from engine.errors import SourceUnavailable
from engine.operate.findings import Finding, warn
from engine.ports import Brokers, StateStore


def made_again(brokers: Brokers, store: StateStore, topics: Iterable[str], partitions: int) -> set[str]:
    """By the ids that the store has of what was read. Where the brokers cannot be asked, none."""
    try:
        with brokers.admin() as admin:
            ids = admin.topic_ids(topics)
    except SourceUnavailable:
        return set()  # another finding says so
    metas = [store.meta(number) for number in range(partitions)]
    return {topic for topic, now in ids.items() if any(meta.topics.get(topic, now) != now for meta in metas)}


def check_made_again(topics: Iterable[str]) -> Iterator[Finding]:
    """A worker reads these from their beginning; nobody has to do anything if that is what was wanted."""
    for topic in sorted(topics):
        says = "was deleted and made again since it was read: a worker reads it from its beginning"
        yield warn(topic, says, "fine if that was meant; see docs/operations.md")

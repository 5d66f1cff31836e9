"""Topics that were deleted and made again since workers read them, for `engine doctor` and `engine run --check`."""

from collections.abc import Iterable, Iterator

from engine.errors import SourceUnavailable
from engine.operate.findings import Finding, warn
from engine.ports import Brokers, StateStore


def made_again(brokers: Brokers, store: StateStore, topics: Iterable[str], partitions: int) -> set[str]:
    """The topics whose id differs from the one in the store; none if the brokers cannot be asked."""
    try:
        with brokers.admin() as admin:
            ids = admin.topic_ids(topics)
    except SourceUnavailable:
        return set()  # another finding says so
    metas = [store.meta(number) for number in range(partitions)]
    return {topic for topic, now in ids.items() if any(meta.topics.get(topic, now) != now for meta in metas)}


def check_made_again(topics: Iterable[str]) -> Iterator[Finding]:
    """Warn of topics made again: workers read them from the beginning, which may be intended."""
    for topic in sorted(topics):
        says = "was deleted and made again since it was read: a worker reads it from its beginning"
        yield warn(topic, says, "fine if that was meant; see docs/operations.md")

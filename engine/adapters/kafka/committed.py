"""Offsets that a group has committed, with the id of their topic as a note.

Kafka keeps them by the topic's name. Of a topic that was deleted and made again they would be places in the old one,
and the next member would pass over what came to the new one up to there.
"""

from collections.abc import Mapping
from time import monotonic
from typing import Final

from engine.adapters.kafka.admin import open_cluster
from engine.adapters.kafka.settings import KafkaSettings
from engine.errors import BrokersAway, SourceUnavailable

_MARK: Final = "topic-id "
_KNOWN_SECONDS: Final = 1.0
"""Seconds for which an answer serves: a member that gets all partitions asks for each."""


def note_of(identity: str) -> str:
    """What is committed beside an offset of the topic with this id; "" where it is not known."""
    return identity and _MARK + identity


def is_of(note: str, identity: str) -> bool:
    """Whether a note is of the topic with this id.

    There may be more behind its end: librdkafka does not copy where that is. Ids of topics are equally long.
    """
    return note.startswith(note_of(identity))


class PresentTopics:
    """Tells the offsets of present topics from those of topics that are gone."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._ids: Mapping[str, str] = {}
        self._asked = -_KNOWN_SECONDS

    def offsets(self, committed: Mapping[str, tuple[int, str | None]]) -> dict[str, int]:
        """Topic -> offset, of topic -> (offset, note); an offset without a note counts. Raises BrokersAway."""
        noted = {topic: note for topic, (_, note) in committed.items() if note and note.startswith(_MARK)}
        ids = self._present() if noted else {}
        gone = {topic for topic, note in noted.items() if topic in ids and not is_of(note, ids[topic])}
        return {topic: offset for topic, (offset, _) in committed.items() if offset >= 0 and topic not in gone}

    def _present(self) -> Mapping[str, str]:
        if monotonic() - self._asked >= _KNOWN_SECONDS:
            try:
                with open_cluster(self._settings) as admin:
                    self._ids = admin.topic_ids(self._settings.topics)
            except SourceUnavailable as error:
                raise BrokersAway(self._settings.bootstrap, str(error)) from error
            self._asked = monotonic()
        return self._ids

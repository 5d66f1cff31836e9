"""Builds the sender's feedback consumer from settings and lets it catch up before sending begins."""

from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from time import monotonic, sleep

import structlog

from engine.adapters.kafka.admin import open_cluster
from engine.adapters.kafka.library import library
from engine.adapters.kafka.settings import KafkaSettings
from engine.config import Settings
from engine.errors import BrokersAway
from engine.ports import SenderHooks, SuppressionList
from engine.sender.feedback_consumer import FeedbackConsumer
from engine.sender.loop import Sender
from engine.wiring.kafka import join_group, kafka_settings, open_offsets
from engine.wiring.run_in_background import run_in_background

FIRST_SECONDS = 60.0
"""Seconds, at most, that sending waits at the start for older feedback, such as an unsubscribe while no sender ran."""


@contextmanager
def consuming_feedback(
    settings: Settings, sender: Sender, suppressions: SuppressionList, hooks: SenderHooks
) -> Iterator[FeedbackConsumer]:
    """Run the feedback consumer in the background. Feedback that is there already has been applied when this yields.

    Raises SourceUnavailable.
    """
    topics, group = (settings.feedback_topic,), f"{settings.send_group}-feedback"
    with open_offsets(settings, topics, group) as offsets:
        join = join_group(settings, topics, group)
        feedback_consumer = FeedbackConsumer(join, offsets.committed, suppressions, hooks)
        with run_in_background(sender, feedback_consumer, "feedback"):
            _catch_up(settings, group, sender)
            yield feedback_consumer


def _catch_up(settings: Settings, group: str, sender: Sender) -> None:
    """Wait until the group, all senders together, has reached the topic's present end; FIRST_SECONDS at most."""
    topics = (settings.feedback_topic,)
    unread, deadline = _ends(kafka_settings(settings, topics, group)), monotonic() + FIRST_SECONDS
    with open_offsets(settings, topics, group) as offsets:
        while unread and not sender.stopping:
            if monotonic() > deadline:
                structlog.get_logger("engine.sender").warning("sending begins, though older feedback is unread")
                return
            sleep(0.05)
            with suppress(BrokersAway):
                places = {number: offsets.committed(number) for number in unread}
                unread = {n: end for n, end in unread.items() if places[n].get(settings.feedback_topic, 0) < end}


def _ends(kafka: KafkaSettings) -> dict[int, int]:
    """Partition -> end offset, for the partitions that have records."""
    (topic,) = kafka.topics
    with open_cluster(kafka) as admin, closing(library(kafka).reader(kafka)) as reader:
        count = admin.partition_counts([topic])[topic]
        bounds = reader.bounds((topic, number) for number in range(count))
    return {number: end for (_, number), (low, end) in bounds.items() if low < end}

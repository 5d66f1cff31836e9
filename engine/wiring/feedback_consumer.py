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
from engine.wiring.kafka import join_group, kafka_settings
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
    grouped = settings.model_copy(update={"kafka_group": f"{settings.send_group}-feedback"})
    topics = (settings.feedback_topic,)
    kafka = kafka_settings(grouped, topics)
    offsets = library(kafka).offsets(kafka)
    try:
        feedback_consumer = FeedbackConsumer(join_group(grouped, topics), offsets.committed, suppressions, hooks)
        with run_in_background(sender, feedback_consumer, "feedback"):
            _catch_up(grouped, sender)
            yield feedback_consumer
    finally:
        offsets.close()


def _catch_up(settings: Settings, sender: Sender) -> None:
    """Wait until the group, all senders together, has reached the topic's present end; FIRST_SECONDS at most."""
    kafka = kafka_settings(settings, (settings.feedback_topic,))
    unread, deadline = _ends(kafka), monotonic() + FIRST_SECONDS
    offsets = library(kafka).offsets(kafka)
    try:
        while unread and not sender.stopping:
            if monotonic() > deadline:
                structlog.get_logger("engine.sender").warning("sending begins, though older feedback is unread")
                return
            sleep(0.05)
            with suppress(BrokersAway):
                places = {number: offsets.committed(number) for number in unread}
                unread = {n: end for n, end in unread.items() if places[n].get(settings.feedback_topic, 0) < end}
    finally:
        offsets.close()


def _ends(kafka: KafkaSettings) -> dict[int, int]:
    """Partition -> end offset, for the partitions that have records."""
    (topic,) = kafka.topics
    with open_cluster(kafka) as admin, closing(library(kafka).reader(kafka)) as reader:
        count = admin.partition_counts([topic])[topic]
        bounds = reader.bounds((topic, number) for number in range(count))
    return {number: end for (_, number), (low, end) in bounds.items() if low < end}

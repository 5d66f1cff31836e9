"""What a sender tells whoever watches it: metrics and logs. A hook that raises is a bug of the hook's alone."""

from engine.errors import EngineError
from engine.model import Outcome


class SenderHooks:
    """Does nothing; override what you need. Called from the sender's threads: don't wait in it. Seconds are floats."""

    def assigned(self, partition: int) -> None:
        """The partition of the outreach topic is ours."""

    def released(self, partition: int) -> None:
        """The partition has gone."""

    def ended(self, channel: str, outcome: Outcome, seconds: float) -> None:
        """An outreach has ended, so long after it was read. One in doubt that is sent again ends twice."""

    def retried(self, channel: str, reason: str, seconds: float) -> None:
        """A hand-over has failed and is tried again after so long."""

    def unlinked(self, channel: str) -> None:
        """A message says where to unsubscribe, and there was no link to put there."""

    def dead_letter(self, code: str) -> None:
        """An outreach could not be sent, or a record was none."""

    def breaker(self, channel: str, is_open: bool) -> None:
        """The channel's provider is down, or is back."""

    def refused_alike(self, channel: str, words: str) -> None:
        """The provider refuses everybody in these words: a setting is wrong. All is kept until it takes one again."""

    def measured(self, in_hand: int, parked: int) -> None:
        """Every few seconds: outreach that was read and has not ended, and how many of these only wait."""

    def obeyed(self, kind: str) -> None:
        """Feedback of this type has changed the suppression list, or confirmed it."""

    def unreadable(self, code: str) -> None:
        """A record of the feedback topic says nothing that could be obeyed; it was passed over."""

    def feedback_lag(self, records: int) -> None:
        """Every few seconds: feedback that has not been read yet."""

    def store_away(self, error: EngineError, attempt: int) -> None:
        """The store does not answer; the sender waits and tries again."""

    def store_back(self, seconds: float) -> None:
        """The store answers again, after so long."""

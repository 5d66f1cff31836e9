"""What a worker tells whoever watches it: metrics and logs. A hook that raises is a bug of the hook's alone."""

from engine.errors import EngineError
from engine.runtime.batch import Result


class Hooks:
    """Does nothing; override what you need. Seconds are floats, `partition` the engine's."""

    def assigned(self, partition: int, recovered: int) -> None:
        """The partition is ours; so many outreach of its last owner were published first."""

    def released(self, partition: int) -> None:
        """The partition has gone."""

    def committed(self, partition: int, result: Result, seconds: float) -> None:
        """A batch is in the store; it took so long from first record to commit."""

    def fenced(self, partition: int, reason: str) -> None:
        """The store refused a commit; the partition is opened again."""

    def dead_letter(self, partition: int, code: str) -> None:
        """A record could not be used."""

    def erased(self, partition: int) -> None:
        """An event from before its customer's erasure came, and was passed over."""

    def store_away(self, error: EngineError, attempt: int) -> None:
        """The store does not answer; the worker pauses and tries again."""

    def store_back(self, seconds: float) -> None:
        """The store answers again, after so long."""

    def swept(self, partition: int) -> None:
        """Every customer of the partition has met the current rule book."""

    def overdue(self, partition: int, count: int, seconds: float) -> None:
        """Wake-ups that are due and not yet handled (at most a page is counted), and how late the soonest is."""

"""Decodes the records of a partition while new rules are rolled out: each as the rules of its customer declare it.

`PartitionOwner` uses it in place of a source's decoder. `rollout_rules` says which customers have the new rules.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from engine.errors import BadRecord
from engine.model import Event, Identified
from engine.ports import Record


class RecordDecoder(Protocol):
    """What decodes a topic's records for a partition: a source's own decoder, or one of several."""

    def decode(self, record: Record, wall: int) -> Event | Identified | None:
        """Raises BadRecord."""


@dataclass(frozen=True, slots=True)
class TwoDecoders:
    """Reads a record as the old rules declare it, or as the new ones if it is of a customer who has them."""

    old: RecordDecoder
    new: RecordDecoder
    has_new: Callable[[str], bool]

    def decode(self, record: Record, wall: int) -> Event | Identified | None:
        """What the record says; None: nothing that is declared. Raises BadRecord."""
        refused: BadRecord | None = None
        said: Event | Identified | None = None
        try:
            said = self.old.decode(record, wall)
        except BadRecord as error:
            refused = error
        if said is not None and not self.has_new(said.customer):
            return said
        newly = self._decode_newly(record, wall, refused)
        if newly is not None and self.has_new(newly.customer):
            return newly
        if refused is not None:
            raise refused
        return None

    def _decode_newly(self, record: Record, wall: int, refused: BadRecord | None) -> Event | Identified | None:
        try:
            return self.new.decode(record, wall)
        except BadRecord as error:
            raise refused or error from error

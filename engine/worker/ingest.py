"""The ingest: copies records of un-keyed topics to the internal topic, keyed by customer; `engine run` starts it.

Workers then find all events of a customer in one partition. The ingest decodes a record only as far as needed to find
the customer, keeps value and headers, and adds the record's topic, partition and offset as headers. When a record
names both a customer and a guest, a second record tells the guest's partition. Records of a type that events.yaml says
to ignore are left out here already. The ingest must not evaluate rules or touch the store.
"""

from collections.abc import Mapping, Sequence
from time import monotonic

from engine.errors import BadRecord
from engine.loop import Loop
from engine.ports import UNLIMITED, Hooks, Record, Rekeyed, Transfer
from engine.wire.dead_letters import DeadLetter, encode_letter, of_record
from engine.wire.decode import Decoder
from engine.wire.origin import headers_of, identification
from engine.worker.reported_guests import ReportedGuests

TOO_LARGE = BadRecord("too-large", "the internal topic does not take it (max.message.bytes)")
PATIENCE = 0.1
"""Seconds that a poll waits for the first record."""
LAG_INTERVAL = 5.0
"""Seconds between reports of the lag."""


class Ingest(Loop):
    """One member of the ingest's consumer group.

    `decoders`: by un-keyed topic. `batch` bounds the records of one transaction, `largest_letter` the bytes of a dead
    letter.
    """

    def __init__(
        self,
        transfer: Transfer,
        decoders: Mapping[str, Decoder],
        hooks: Hooks,
        batch: int = 4_000,
        largest_letter: int = UNLIMITED,
    ) -> None:
        super().__init__()
        self.transfer = transfer
        self.decoders = decoders
        self.hooks = hooks
        self.batch = batch
        self.largest_letter = largest_letter
        self.reported_guests = ReportedGuests()
        self._next_status = 0.0

    def run(self) -> None:
        """Work until `stop`. Raises SourceUnavailable and SinkUnavailable when waiting does not help."""
        try:
            while not self.stopping:
                self.step()
        finally:
            self.transfer.close()

    def adopt(self, decoders: Mapping[str, Decoder]) -> None:
        """Use these decoders from the next batch on. Safe to call from another thread."""
        self.decoders = decoders

    def step(self) -> None:
        """One turn of the loop: one batch, one transaction."""
        self.turned()
        records = self.transfer.poll(self.batch, PATIENCE)
        started = monotonic()
        events, letters, moved = self._sort(records, self.decoders)
        if self.transfer.commit(events, [(one.id, encode_letter(one, self.largest_letter)) for one in letters]):
            if records:
                self.hooks.ingested(moved, [letter.code for letter in letters], monotonic() - started)
        else:
            self.reported_guests.forget()
            self.hooks.ingest_undone()
        if started >= self._next_status:
            self._next_status = started + LAG_INTERVAL
            self.hooks.ingest_lag(self.transfer.lag())

    def _sort(
        self, records: Sequence[Record], decoders: Mapping[str, Decoder]
    ) -> tuple[list[Rekeyed], list[DeadLetter], int]:
        """The records to write, the dead letters, and how many events the records carry."""
        events: list[Rekeyed] = []
        letters: list[DeadLetter] = []
        moved = 0
        for record in records:
            try:
                if self.transfer.refuses(record):
                    raise TOO_LARGE
                customer, identified = decoders[record.source].whose(record)
            except BadRecord as error:
                letters.append(of_record(record, error))
            else:
                if customer is not None:
                    moved += 1
                    self.reported_guests.acts_again(customer)
                    events.append(Rekeyed(customer, record.value, headers_of(record), record))
                if identified is not None and self.reported_guests.must_report(identified, record.timestamp):
                    events.append(identification(identified, record))
        return events, letters, moved

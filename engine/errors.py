"""Every error that the engine raises on purpose. The command line prints `str(error)` and exits 1.

An error carries its data as fields. Its message says where the problem is and what to do, and never quotes a secret.
"""

from typing import ClassVar, dataclass_transform


@dataclass_transform()
class EngineError(Exception):
    """Base class of errors that the operator can act on.

    A subclass declares its fields as a dataclass does, and its message, in which they stand in braces. It is no
    dataclass: each of those compiles its methods where it is defined, 0.3 ms apiece, and every command imports all
    errors. One without fields takes a message alone, or nothing.
    """

    says: ClassVar[str] = "{reason}"
    _fields: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls) -> None:
        own = [name for name, kind in cls.__annotations__.items() if kind is not ClassVar]
        cls._fields = (*cls._fields, *own)

    def __init__(self, *values: object, **named: object) -> None:
        fields, kind = self._fields, type(self)
        if not fields and not named:
            super().__init__(*values)
            return
        given = dict(zip(fields, values, strict=False)) | named
        lacking = [name for name in fields if name not in given and not hasattr(kind, name)]
        if lacking or len(values) > len(fields) or not given.keys() <= {*fields}:
            message = f"{kind.__name__} takes {', '.join(fields) or 'nothing'}"
            raise TypeError(message)
        self.__dict__.update(given)

    def __str__(self) -> str:
        if not self._fields:
            return super().__str__()
        return self.says.format_map({name: getattr(self, name) for name in self._fields})


class BadRecord(EngineError):
    """A record that cannot be decoded. `reason` is for a person; metrics count by `code`."""

    code: str
    reason: str
    says = "{code}: {reason}"


class BadExpression(EngineError):
    """An expression that cannot be compiled. `offset` and `length` count characters within the expression's text."""

    code: str
    message: str
    offset: int = 0
    length: int = 1
    help: str = ""
    says = "{message}"


class RenderFailed(EngineError):
    """A template that failed for one customer; the reason goes into the outcome."""

    template: str
    reason: str
    says = "template {template}: {reason}"


class Fenced(EngineError):
    """The store refused a commit: another worker owns the partition, or the store was restored to an older state."""

    partition: int
    expected: str
    found: str
    says = "partition {partition}: this worker expects {expected}, but the store has {found}"


class StateUnreadable(EngineError):
    """A stored state that this version cannot read."""

    reason: str
    says = "stored customer state: {reason}"


class MakesForOthers(EngineError):
    """A customer who is decided alone met a rule that makes events for another one: a fault of the backtest."""

    rule: str
    says = (
        "rule {rule} makes events for another customer (`to`), and this backtest decides each customer alone;"
        " use `engine replay`"
    )


class NoSuchDestination(EngineError):
    """Something in the outbox is for a destination that this worker does not publish to."""

    destination: str
    partition: int
    says = "the outbox of partition {partition} has entries for '{destination}', where nothing goes here"


class EndlessEvents(EngineError):
    """Rules whose events set off each other. `type`: of the event at which the decision was given up."""

    type: str
    limit: int
    says = "rules have made more than {limit} events one after the other, the last one a {type}"


class UnknownCustomer(EngineError):
    """An event that a rule made for a customer of whom nothing is known: it creates nobody."""

    type: str
    says = "nothing is known of the customer, and a {type} that a rule has made creates nobody"


class StateTooNew(EngineError):
    """A stored state that a newer engine wrote; this one would drop the fields it does not know.

    `found` and `known` are (version, minor version) of states; `engine` is the version of the engine that wrote them,
    if known.
    """

    found: tuple[int, int]
    known: tuple[int, int]
    engine: str = ""

    def __str__(self) -> str:
        found, known = (".".join(map(str, version)) for version in (self.found, self.known))
        writer = f"engine {self.engine}" if self.engine else "a newer engine"
        wanted = f"{writer}, or a later one," if self.engine else writer
        return (
            f"{writer} wrote customer states of version {found}, and this engine reads up to {known}."
            f" Nothing was changed. Run {wanted} on every worker"
        )


class StoreUnavailable(EngineError):
    """The state store cannot be reached or refuses to work. Nothing was written by halves."""

    store: str
    reason: str
    says = "the store at {store}: {reason}"


class StoreLoading(StoreUnavailable):
    """The server reads its data from disk, and answers once it has done so."""


class StoreDamaged(EngineError):
    """A key of the store with content that the engine never writes: another program wrote it, or a restore failed."""

    store: str
    key: str
    reason: str
    says = (
        "the store at {store}: the content of key {key} was not written by the engine ({reason})."
        " Restore it from a backup, or delete all keys of its partition and replay the events"
    )


class BadStoreUrl(EngineError):
    """A store's URL or namespace that cannot be used. `url` comes without its password."""

    url: str
    reason: str
    says = "store {url}: {reason}"


class EmbeddedServerFailed(EngineError):
    """The embedded server cannot run on this folder."""

    folder: str
    reason: str
    says = "embedded store in {folder}: {reason}"


class BadInputFile(EngineError):
    """A file of events that cannot be read to its end."""

    path: str
    reason: str
    says = "{path}: {reason}"


class BadOutputFile(EngineError):
    """A file that cannot be written."""

    path: str
    reason: str
    says = "{path}: {reason}"


class SourceUnavailable(EngineError):
    """Events cannot be read, and waiting does not help. `source`: a topic or the brokers' address."""

    source: str
    reason: str
    says = "{source}: {reason}"


class CannotConnect(SourceUnavailable):
    """No broker at `source` lets us in. `advice`: what to look at, for whoever set the address."""

    advice: ClassVar = "is it running, and are ENGINE_KAFKA_BOOTSTRAP and the other ENGINE_KAFKA_… settings right?"


class CodecMissing(SourceUnavailable):
    """Records are compressed, and the package that decompresses them is not installed."""


class SinkUnavailable(EngineError):
    """Records cannot become durable, and waiting does not help. `sink`: a topic or the brokers' address."""

    sink: str
    reason: str
    says = "{sink}: {reason}"


class BrokersAway(SinkUnavailable):
    """The brokers did not accept records, or did not answer, in time. The client still tries: waiting helps."""


class TooLarge(SinkUnavailable):
    """One record that is too large for its topic. Other records are not affected."""


class PartitionsDiffer(EngineError):
    """The store was written with another number of partitions than the topics have, or a reshard to `moving_to` is
    unfinished."""

    stored: int
    topics: int
    moving_to: int = 0

    def __str__(self) -> str:
        if self.moving_to:
            return f"`engine reshard --to {self.moving_to}` was interrupted: run it again before you start a worker"
        return (
            f"the store has {self.stored} partitions and the topics have {self.topics}: workers would not find their"
            f" customers. Use topics with {self.stored} partitions, or stop all workers and run"
            f" `engine reshard --to {self.topics}`"
        )


class OtherFormat(EngineError):
    """A store whose key layout belongs to another version of the engine."""

    store: str
    found: object
    ours: int

    def __str__(self) -> str:
        if self.found == 2:
            return (
                f"{self.store} is in format 2, and this engine uses format {self.ours}. Stop all workers, then move it"
                " with `engine run --upgrade-store`: docs/operations.md says how long that takes. There is no way back"
            )
        return (
            f"{self.store} was written in format {self.found}, and this engine uses format {self.ours}. Run the"
            " version that wrote it, or start a new namespace (ENGINE_NAMESPACE), which reads the topics again"
        )


class BookMissing(EngineError):
    """The store says that rules of this revision are being rolled out, and does not have them."""

    revision: str
    says = (
        "the store tells of a roll-out of the rules {revision} and does not have them: run `engine apply`"
        " with the same plan again, or `engine apply --back`"
    )


class RolloutRefused(EngineError):
    """A change cannot be rolled out, ended or taken back now; nothing was changed."""

    reason: str


class ReshardRefused(EngineError):
    """The customers cannot be moved now; nothing was changed."""

    reason: str


class ShareEnded(EngineError):
    """A process of a replay ended before its work was done. `code`: of its exit; below 0 or above 128 a signal."""

    code: int

    def __str__(self) -> str:
        signal = -self.code if self.code < 0 else self.code - 128
        how = f"was ended by signal {signal}" if signal > 0 else f"ended with code {self.code}"
        return f"one of the processes {how}. If memory ran out, try again with --processes 1"


class HistoryChanged(EngineError):
    """The processes of a replay have read different events."""

    def __str__(self) -> str:
        return "the events were changed while they were read. Replay them again, or with --processes 1"


class TemporaryFailure(EngineError):
    """An outreach that could not be handed over now; another try may help.

    `retry_after`: seconds that the provider asks to wait. `uncertain`: it may have been delivered nevertheless.
    `down`: the provider failed, not this recipient. `reason` has no personal data.
    """

    reason: str
    retry_after: float = 0
    uncertain: bool = False
    down: bool = False


class PermanentFailure(EngineError):
    """An outreach that can never be handed over. `reason` has no personal data, `detail` may have.

    `bounced`: the recipient does not exist. `words`: the provider's answer, if it may concern everybody; the same words
    to many recipients in a row mean that a setting is wrong. Empty if only this outreach is at fault.
    """

    reason: str
    bounced: bool = False
    detail: str = ""
    words: str = ""


class BadToken(EngineError):
    """A token that this engine has not signed, or that is too old."""

    reason: str


class CommandFailed(EngineError):
    """A command was called rightly, and what it found in a store, a file or the rules does not let it do its work."""

    message: str
    says = "{message}"


class UsageError(EngineError):
    """An option or argument that cannot be used as it is. A command that was called so exits with 2, else with 1."""

    message: str
    says = "{message}"

"""Every error the engine raises on purpose. Each carries its data; the command line prints `str(error)` and exits 1."""

from dataclasses import dataclass


class EngineError(Exception):
    """Base of all: something the person running the engine can act on."""


@dataclass
class BadRecord(EngineError):
    """A record that cannot become an event. `reason` is for a person; `code` groups them in metrics."""

    code: str
    reason: str

    def __str__(self) -> str:
        return f"{self.code}: {self.reason}"


@dataclass
class BadExpression(EngineError):
    """An expression that cannot be compiled. `offset` and `length` count characters within the expression's text."""

    code: str
    message: str
    offset: int = 0
    length: int = 1
    help: str = ""

    def __str__(self) -> str:
        return self.message


@dataclass
class RenderFailed(EngineError):
    """A template that failed for one customer; the reason goes into the outcome."""

    template: str
    reason: str

    def __str__(self) -> str:
        return f"template {self.template}: {self.reason}"


@dataclass
class Fenced(EngineError):
    """The store refused a commit: somebody else owns the partition, or the store went back in time."""

    partition: int
    expected: str
    found: str

    def __str__(self) -> str:
        return f"partition {self.partition}: expected {self.expected}, the store has {self.found}"


@dataclass
class StateUnreadable(EngineError):
    """A stored state this version cannot read."""

    reason: str

    def __str__(self) -> str:
        return f"stored customer state: {self.reason}"


@dataclass
class StateTooNew(EngineError):
    """A stored state that a newer engine wrote; this one would lose what it does not know.

    `found` and `known` are version and minor version of states. `engine` is the version of the engine that wrote
    them, where that is known.
    """

    found: tuple[int, int]
    known: tuple[int, int]
    engine: str = ""

    def __str__(self) -> str:
        found, known = (".".join(map(str, version)) for version in (self.found, self.known))
        writer = f"engine {self.engine}" if self.engine else "a newer engine"
        return (
            f"{writer} wrote states of customers in version {found}, and this engine knows up to {known}."
            f" Nothing was changed; run {writer}, or a later one, on every worker"
        )


@dataclass
class StoreUnavailable(EngineError):
    """The state store cannot be reached, or refuses to work; nothing half-done is left there."""

    store: str
    reason: str

    def __str__(self) -> str:
        return f"the store at {self.store}: {self.reason}"


@dataclass
class StoreDamaged(EngineError):
    """A key of the store that holds what the engine never writes: others wrote there, or a restore went wrong."""

    store: str
    key: str
    reason: str

    def __str__(self) -> str:
        return (
            f"the store at {self.store}: the key {self.key} does not hold what the engine writes ({self.reason});"
            " restore it from a backup, or delete all keys of its partition and replay the events"
        )


@dataclass
class BadStoreUrl(EngineError):
    """A store's URL or namespace that cannot be used. `url` comes without its password."""

    url: str
    reason: str

    def __str__(self) -> str:
        return f"store {self.url}: {self.reason}"


@dataclass
class EmbeddedServerFailed(EngineError):
    """The embedded server cannot run on this folder."""

    folder: str
    reason: str

    def __str__(self) -> str:
        return f"embedded store in {self.folder}: {self.reason}"


@dataclass
class BadInputFile(EngineError):
    """A file of events that cannot be read, or not to its end."""

    path: str
    reason: str

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


@dataclass
class BadOutputFile(EngineError):
    """A file that cannot take what is to be written to it."""

    path: str
    reason: str

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


@dataclass
class SourceUnavailable(EngineError):
    """Events cannot be read, and waiting does not help. `source` is a topic or the brokers' address."""

    source: str
    reason: str

    def __str__(self) -> str:
        return f"{self.source}: {self.reason}"


@dataclass
class CodecMissing(SourceUnavailable):
    """Records are there, and what unpacks them is not installed here."""


@dataclass
class SinkUnavailable(EngineError):
    """What was handed over cannot become durable, and waiting does not help. `sink`: a topic, or the brokers."""

    sink: str
    reason: str

    def __str__(self) -> str:
        return f"{self.sink}: {self.reason}"


@dataclass
class BrokersAway(SinkUnavailable):
    """The brokers have not taken, or not answered, in time. What was handed over is still tried: waiting helps."""


@dataclass
class TooLarge(SinkUnavailable):
    """One record that its topic does not take; everything else that was handed over is not concerned."""


@dataclass
class PartitionsDiffer(EngineError):
    """The store was written with another number of partitions than the topics have, or is on its way to `moving_to`."""

    stored: int
    topics: int
    moving_to: int = 0

    def __str__(self) -> str:
        if self.moving_to:
            return f"`engine reshard --to {self.moving_to}` was begun and not finished: run it again before any worker"
        return (
            f"the store has customers in {self.stored} partitions and the topics have {self.topics}: workers would look"
            f" for them in the wrong place. Let the topics have {self.stored}, or stop all workers and run"
            f" `engine reshard --to {self.topics}`"
        )


@dataclass
class OtherFormat(EngineError):
    """A store whose keys another version of the engine has laid out in another way."""

    store: str
    found: object
    ours: int

    def __str__(self) -> str:
        return (
            f"{self.store} was written in format {self.found}, and this engine reads and writes {self.ours}: go on with"
            " the version that wrote it, or begin a new namespace (ENGINE_NAMESPACE) and let it read the topics anew"
        )


@dataclass
class ReshardRefused(EngineError):
    """The customers cannot be moved now; nothing was changed."""

    reason: str

    def __str__(self) -> str:
        return self.reason


@dataclass
class ShareEnded(EngineError):
    """One of a replay's processes is gone before its work was done. `code`: its exit code, a signal's if negative."""

    code: int

    def __str__(self) -> str:
        how = f"was ended by signal {-self.code}" if self.code < 0 else f"ended with code {self.code}"
        return f"one of the processes {how}; if there was too little memory, try again with --processes 1"


class HistoryChanged(EngineError):
    """The processes of a replay have not read the same."""

    def __str__(self) -> str:
        return "the events were changed while they were read; replay them again, or with --processes 1"


@dataclass
class TemporaryFailure(EngineError):
    """An outreach that could not be handed over now; another try may help.

    `retry_after`: seconds the provider asks to wait. `uncertain`: it may have been delivered all the same.
    `down`: the fault is the provider's, not the recipient's. `reason` has no personal data.
    """

    reason: str
    retry_after: float = 0
    uncertain: bool = False
    down: bool = False

    def __str__(self) -> str:
        return self.reason


@dataclass
class PermanentFailure(EngineError):
    """An outreach that cannot be handed over, now or later. `reason` has no personal data, `detail` may.

    `bounced`: there is no such recipient. `words`: what the other side said, where it may be said of everybody: the
    same to many recipients in a row means that a setting is wrong. Empty for what is wrong with this outreach alone.
    """

    reason: str
    bounced: bool = False
    detail: str = ""
    words: str = ""

    def __str__(self) -> str:
        return self.reason


@dataclass
class BadToken(EngineError):
    """A token that we have not signed, or not lately."""

    reason: str

    def __str__(self) -> str:
        return self.reason


class UsageError(EngineError):
    """An option or argument that cannot be used as it is."""

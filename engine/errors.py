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

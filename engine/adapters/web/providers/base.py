"""What the providers have in common: how a report is told, refused or passed over."""

from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final, NamedTuple, Protocol, TypeVar

import msgspec

from engine.core.zones import to_millis
from engine.errors import EngineError
from engine.feedback import FeedbackKind

MINUTE: Final = 60_000
HOUR: Final = 60 * MINUTE
_AHEAD: Final = 5 * MINUTE
"""How far their clock may be in front of ours."""

Moment = Annotated[datetime, msgspec.Meta(tz=True)]
Seconds = Annotated[float, msgspec.Meta(ge=0, lt=1e11)]
"""Epoch seconds."""

T = TypeVar("T")


@dataclass
class BadFeedback(EngineError):
    """A request that nothing is taken from. `code` groups them in metrics; `status` is the answer to it."""

    code: str
    status: int = 403

    def __str__(self) -> str:
        return self.code


class Report(NamedTuple):
    """What became of the mail that carried this token. `at`: epoch ms."""

    kind: FeedbackKind
    token: str
    at: int


class PassedOver(NamedTuple):
    """A report that is not for us; telling it again would not help."""

    code: str


Said = Report | PassedOver


class Provider(Protocol):
    """Of one provider's webhook. Both methods may block, and run in several threads."""

    def verify(self, headers: Mapping[str, str], body: bytes) -> None:
        """Raises BadFeedback unless this is from the provider, for us, and recent. Names of headers are lower case."""

    def read(self, body: bytes) -> list[Said]:
        """What a verified body says. Raises BadFeedback where it says nothing; one bad entry spoils no other."""


def said(kind: FeedbackKind | None, token: str, at: int) -> Said:
    """Without a kind it is one that nobody here waits for, such as a delivery or a bounce that may pass."""
    if kind is None:
        return PassedOver("other-kind")
    return Report(kind, token, at) if token else PassedOver("no-token")


def read_entry(data: bytes | msgspec.Raw, form: type[T], tell: Callable[[T], Said]) -> Said:
    """One entry of a body, whatever is in it."""
    try:
        return tell(decode(data, form))
    except BadFeedback:
        return PassedOver("unreadable-entry")


def decode(data: bytes | msgspec.Raw, form: type[T]) -> T:
    """Raises BadFeedback for what is not JSON, has not this form, or is nested beyond reason."""
    try:
        return msgspec.json.decode(data, type=form)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadFeedback("unreadable", 400) from error


def decode_base64(text: str) -> bytes:
    """Of a signature. Raises BadFeedback."""
    try:
        return b64decode(text, validate=True)
    except (NotBase64, ValueError) as error:
        raise BadFeedback("forged") from error


def check_fresh(at: float, now: int, oldest: int) -> None:
    """All in ms. Raises BadFeedback for what was signed longer ago than `oldest`, or in the future."""
    if not now - oldest <= at <= now + _AHEAD:
        raise BadFeedback("stale")


def millis(moment: datetime) -> int:
    """Epoch ms. Raises BadFeedback for what is before the epoch."""
    at = to_millis(moment)
    if at < 0:
        raise BadFeedback("unreadable", 400)
    return at

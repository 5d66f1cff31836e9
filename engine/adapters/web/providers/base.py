"""The common parts of providers: how a report is represented, refused or ignored."""

from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Any, Final, NamedTuple, Protocol, TypeVar

import msgspec

from engine.core.zones import to_millis
from engine.errors import EngineError
from engine.model import UNREADABLE
from engine.wire.feedback import FeedbackKind

MINUTE: Final = 60_000
HOUR: Final = 60 * MINUTE
REPEATED: Final = (FeedbackKind.OPENED, FeedbackKind.CLICKED)
"""Kinds that one mail can have several times; only the time distinguishes them."""
_AHEAD: Final = 5 * MINUTE
"""Milliseconds that a provider's clock may be ahead of ours."""

Moment = Annotated[datetime, msgspec.Meta(tz=True)]
_Seconds = Annotated[float, msgspec.Meta(ge=0, lt=1e11)]
"""Epoch seconds."""

T = TypeVar("T")


class BadFeedback(EngineError):
    """A request that is refused. Metrics count by `code`; `status` is the answer's."""

    code: str
    status: int = 403

    says = "{code}"


class Report(NamedTuple):
    """An event of the mail with this token. `at`: epoch ms; 0 if the provider does not say."""

    kind: FeedbackKind
    token: str
    at: int


class PassedOver(NamedTuple):
    """A report that is not ours; a repeat would not help."""

    code: str


Said = Report | PassedOver


class Provider(Protocol):
    """A provider's webhook. Both methods may block, and run in several threads."""

    def verify(self, headers: Mapping[str, str], body: bytes) -> None:
        """Raises BadFeedback unless the request is the provider's, for us, and recent. Header names are lower case."""

    def read(self, body: bytes) -> list[Said]:
        """The reports of a verified body. Raises BadFeedback if it has none; a bad entry does not affect others."""


def said(kind: FeedbackKind | None, token: str, at: int) -> Said:
    """A report; one without a kind, such as a delivery or a temporary bounce, is passed over."""
    if kind is None:
        return PassedOver("other-kind")
    if kind in REPEATED and not at:
        return PassedOver("unreadable-entry")
    return Report(kind, token, at) if token else PassedOver("no-token")


class Entry:
    """The fields of one report. A field that is absent, null or of another type reads as empty.

    Providers send nulls that their documentation does not have. A report counts as far as it can be read.
    """

    def __init__(self, fields: object) -> None:
        self._fields: Mapping[str, Any] = fields if isinstance(fields, dict) else {}

    def text(self, name: str) -> str:
        """The text, or ""."""
        value = self._fields.get(name)
        return value if isinstance(value, str) else ""

    def needed(self, name: str, instead: str = "") -> str:
        """A required text. Raises BadFeedback if it is missing."""
        if value := self.text(name) or self.text(instead):
            return value
        raise BadFeedback("unreadable", 400)

    def texts(self) -> dict[str, str]:
        """All fields that are texts."""
        return {name: value for name, value in self._fields.items() if isinstance(value, str)}

    def says(self, name: str) -> bool | None:
        """The boolean, or None."""
        value = self._fields.get(name)
        return value if isinstance(value, bool) else None

    def entry(self, name: str) -> "Entry":
        """The fields of an object within this one."""
        return Entry(self._fields.get(name))

    def entries(self, name: str) -> "list[Entry]":
        """The objects of a list."""
        value = self._fields.get(name)
        return [Entry(each) for each in value] if isinstance(value, list) else []

    def moment(self, *names: str) -> int:
        """Epoch ms of the first of these that has an ISO 8601 moment with a zone; 0 where none has."""
        moments = (_read(self._fields.get(name), Moment) for name in names)
        return next((at for moment in moments if moment and (at := to_millis(moment)) > 0), 0)

    def seconds(self, name: str) -> int:
        """Epoch ms of a moment in epoch seconds, which may be a text; 0 where there is none."""
        return int((_read(self._fields.get(name), _Seconds) or 0) * 1000)


def _read(value: object, form: Any) -> Any:
    try:
        return msgspec.convert(value, form, strict=False)
    except msgspec.ValidationError:
        return None


def read_entry(data: bytes | msgspec.Raw, tell: Callable[[Entry], Said]) -> Said:
    """One entry of a body, whatever is in it."""
    try:
        return tell(Entry(decode(data, dict[str, Any])))
    except BadFeedback:
        return PassedOver("unreadable-entry")


def decode(data: bytes | msgspec.Raw, form: type[T]) -> T:
    """Raises BadFeedback for what is not JSON, has not this form, or is nested beyond reason."""
    try:
        return msgspec.json.decode(data, type=form)
    except UNREADABLE as error:
        raise BadFeedback("unreadable", 400) from error


def decode_base64(text: str) -> bytes:
    """The bytes of a base64 signature. Raises BadFeedback."""
    try:
        return b64decode(text, validate=True)
    except (NotBase64, ValueError) as error:
        raise BadFeedback("forged") from error


def check_fresh(at: float, now: int, oldest: int) -> None:
    """Raises BadFeedback for a time of signing more than `oldest` ago, or in the future. All in ms."""
    if not now - oldest <= at <= now + _AHEAD:
        raise BadFeedback("stale")


def millis(moment: datetime) -> int:
    """Epoch ms. Raises BadFeedback for a time before the epoch."""
    at = to_millis(moment)
    if at < 0:
        raise BadFeedback("unreadable", 400)
    return at

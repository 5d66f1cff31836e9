"""How a mail address goes over the wire: the one place that says when two spellings are one mailbox.

The mail adapter sends to what this returns, and the suppression list knows a customer again by a digest of it.
"""

import unicodedata
from typing import Final

import idna

_INVISIBLE: Final = frozenset({"Cf", "Zs"})
"""Unicode categories that forms and spreadsheets leave at an end: spaces, U+200B, U+FEFF, marks of direction."""


def wire_address(text: str) -> tuple[str, str]:
    """Local part (NFC) and domain (ASCII: IDNA 2008 with UTS 46; lower case). Raises ValueError for a bad domain."""
    local, _, domain = _trimmed(text).rpartition("@")
    if not domain.isascii():
        domain = idna.encode(domain, uts46=True).decode()
    return unicodedata.normalize("NFC", local), domain.lower()


def known_by(text: str) -> str:
    """The same for all spellings of one address or number. Letters count in either case, also before the @."""
    whole = unicodedata.normalize("NFC", _trimmed(text))
    if "@" not in whole:
        return whole.casefold()
    try:
        local, domain = wire_address(whole)
    except ValueError:
        return whole.casefold()
    return f"{local.casefold()}@{domain}"


def _trimmed(text: str) -> str:
    start, end = 0, len(text)
    while start < end and unicodedata.category(text[start]) in _INVISIBLE:
        start += 1
    while start < end and unicodedata.category(text[end - 1]) in _INVISIBLE:
        end -= 1
    return text[start:end]

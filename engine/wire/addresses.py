"""Normalizes addresses: decides, in one place, when two spellings are the same mailbox or the same number.

The mail adapter sends to the normalized address, and the suppression list stores a digest of it. If the two differed,
a customer who unsubscribed could be written to under another spelling.
"""

import re
import unicodedata
from typing import Final

import idna

_INVISIBLE: Final = frozenset({"Cf", "Zs"})
"""Unicode categories that forms and spreadsheets leave at an end: spaces, U+200B, U+FEFF, marks of direction."""

_NOT_DIALLED: Final = re.compile(r"\(\s*0\s*\)")
"""The zero within a country, in +49 (0)170."""
_BETWEEN: Final = re.compile(r"[\s().\u2010-\u2015/-]+")
_E164: Final = re.compile(r"\+[1-9][0-9]{7,14}")


def wire_address(text: str) -> tuple[str, str]:
    """Local part (NFC) and domain (ASCII: IDNA 2008 with UTS 46; lower case). Raises ValueError for a bad domain."""
    local, _, domain = trimmed(text).rpartition("@")
    if not domain.isascii():
        domain = idna.encode(domain, uts46=True).decode()
    return unicodedata.normalize("NFC", local), domain.lower()


def canonical_address(text: str) -> str:
    """A text that is the same for all spellings of one mail address. Case is ignored, also before the @."""
    whole = unicodedata.normalize("NFC", trimmed(text))
    if "@" not in whole:
        return whole.casefold()
    try:
        local, domain = wire_address(whole)
    except ValueError:
        return whole.casefold()
    return f"{local.casefold()}@{domain}"


def e164(number: str) -> str:
    """The number with + and country code; "" for one without a country code, which only its country could complete."""
    found = _BETWEEN.sub("", _NOT_DIALLED.sub("", trimmed(number)))
    found = f"+{found[2:]}" if found.startswith("00") else found
    return found if _E164.fullmatch(found) else ""


def trimmed(text: str) -> str:
    """Without the spaces and invisible characters at both ends."""
    start, end = 0, len(text)
    while start < end and unicodedata.category(text[start]) in _INVISIBLE:
        start += 1
    while start < end and unicodedata.category(text[end - 1]) in _INVISIBLE:
        end -= 1
    return text[start:end]

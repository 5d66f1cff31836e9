"""Addresses as ad platforms match them: normalized, then hashed, under the names that each reads in a file.

The platforms hash what they know of their users in the same way, so a character too many means no match.
docs/audiences.md names the published rules.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from types import MappingProxyType
from typing import Final

from engine.wire.addresses import trimmed

_NOT_DIALLED: Final = re.compile(r"\(\s*0\s*\)")
"""The zero within a country, in +49 (0)170."""
_BETWEEN: Final = re.compile(r"[\s().\u2010-\u2015/-]+")
_E164: Final = re.compile(r"\+[1-9][0-9]{7,14}")


def plain_mail(address: str) -> str:
    """The address trimmed and in small letters; "" for what is no address."""
    found = trimmed(address).lower()
    return found if "@" in found and not any(char.isspace() for char in found) else ""


def e164(number: str) -> str:
    """The number with + and country code; "" for one without a country code, which only its country could complete."""
    found = _BETWEEN.sub("", _NOT_DIALLED.sub("", trimmed(number)))
    found = f"+{found[2:]}" if found.startswith("00") else found
    return found if _E164.fullmatch(found) else ""


def hashed(text: str) -> str:
    """SHA-256 in small hex digits; nothing stays nothing."""
    return sha256(text.encode()).hexdigest() if text else ""


@dataclass(frozen=True, slots=True)
class Form:
    """A kind of file: its columns by channel, and how each address is written."""

    columns: Mapping[str, str]
    mail: Callable[[str], str] = plain_mail
    phone: Callable[[str], str] = e164
    names_customers: bool = False

    def written(self, channel: str, address: str) -> str:
        return self.mail(address) if channel == "email" else self.phone(address)


def _hashed_mail(address: str) -> str:
    return hashed(plain_mail(address))


def _hashed_phone(number: str) -> str:
    return hashed(e164(number))


def _hashed_digits(number: str) -> str:
    return hashed(e164(number).removeprefix("+"))


FORMS: Final[Mapping[str, Form]] = MappingProxyType(
    {
        "plain": Form({"email": "email", "sms": "phone"}, trimmed, trimmed, names_customers=True),
        "hashed": Form({"email": "email_sha256", "sms": "phone_sha256"}, _hashed_mail, _hashed_phone),
        "google": Form({"email": "Email", "sms": "Phone"}, _hashed_mail, _hashed_phone),
        "meta": Form({"email": "email", "sms": "phone"}, _hashed_mail, _hashed_digits),
    }
)

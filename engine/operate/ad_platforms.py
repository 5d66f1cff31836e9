"""Addresses as ad platforms match them: normalized, then hashed, under the names that each reads in a file.

The platforms hash what they know of their users in the same way, so a character too many means no match.
docs/audiences.md names the published rules.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from types import MappingProxyType
from typing import Final

from engine.wire.addresses import e164, trimmed


def plain_mail(address: str) -> str:
    """The address trimmed and in small letters; "" for what is no address."""
    found = trimmed(address).lower()
    return found if "@" in found and not any(char.isspace() for char in found) else ""


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

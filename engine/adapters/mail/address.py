"""Parses mail addresses and mailboxes and brings them into the form for SMTP."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from engine.errors import PermanentFailure
from engine.wire.addresses import wire_address

_LOCAL: Final = re.compile(r"[^\s\x00-\x1f\x7f\"(),:;<>@\[\\\]]{1,64}")
_MAILBOX: Final = re.compile(r"(?s:(?P<name>.*)<(?P<address>[^<>]*)>)\s*")
_QUOTED: Final = re.compile(r'"((?:[^"\\]|\\.)*)"')
_NEEDS_QUOTES: Final = re.compile(r'[<>@;"\\]')
"""Characters that make an unquoted name ambiguous: a second mailbox, or an open quote. Commas and colons are kept."""
_DOMAIN: Final = re.compile(r"(?=.{1,253}\Z)(?!-)[a-z0-9-]{1,63}(?:\.(?!-)[a-z0-9-]{1,63})*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Address:
    """An address whose domain is in ASCII. Its local part may not be; the server must then know SMTPUTF8."""

    local: str
    domain: str

    def __str__(self) -> str:
        return f"{self.local}@{self.domain}"

    @property
    def is_ascii(self) -> bool:
        return self.local.isascii()


def parse_address(text: str) -> Address:
    """A bare address, without a name. Raises PermanentFailure, which does not quote it."""
    try:
        local, domain = wire_address(text)
    except ValueError as error:
        why = "not a mail address: its domain is no domain"
        raise PermanentFailure(why) from error
    if not _LOCAL.fullmatch(local) or not _DOMAIN.fullmatch(domain):
        raise PermanentFailure("not a mail address")
    return Address(local, domain)


@lru_cache(maxsize=64)
def parse_mailbox(text: str) -> tuple[str, Address]:
    """Name and address of `Shop, Inc. <news@shop.example>`; "" for no name. Raises PermanentFailure."""
    found = _MAILBOX.fullmatch(text)
    if not found:
        return "", parse_address(text)
    name = found["name"].strip()
    if quoted := _QUOTED.fullmatch(name):
        name = re.sub(r"\\(.)", r"\1", quoted[1])
    elif _NEEDS_QUOTES.search(name):
        why = "expected one mailbox, such as Shop <news@shop.example>; put the name in double quotes"
        raise PermanentFailure(why)
    return name, parse_address(found["address"])

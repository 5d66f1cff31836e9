"""Mail addresses: what is one, and how it goes over the wire."""

import re
from dataclasses import dataclass
from email.utils import parseaddr
from functools import lru_cache
from typing import Final

import idna

from engine.errors import PermanentFailure

_LOCAL: Final = re.compile(r"[^\s\x00-\x1f\x7f\"(),:;<>@\[\\\]]{1,64}")
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
    local, _, domain = text.strip(" ").rpartition("@")
    try:
        domain = domain.lower() if domain.isascii() else idna.encode(domain, uts46=True).decode()
    except idna.IDNAError as error:
        why = "not a mail address: its domain is no domain"
        raise PermanentFailure(why) from error
    if not _LOCAL.fullmatch(local) or not _DOMAIN.fullmatch(domain):
        raise PermanentFailure("not a mail address")
    return Address(local, domain)


@lru_cache(maxsize=64)
def parse_mailbox(text: str) -> tuple[str, Address]:
    """Name and address of `Shop <news@shop.example>`. Raises PermanentFailure."""
    name, address = parseaddr(text)
    return name, parse_address(address)

"""Decides whether a mail server's refusal means a bad mailbox (a bounce) or concerns us or the mail.

550 alone says nothing: servers use it as well for a relay that is not permitted, a login that is missing, a block list.
"""

import re
from typing import Final

# RFC 3463: 1.1 no mailbox, 1.2 no such domain, 1.3 bad syntax, 1.6 moved, 1.10 null MX (RFC 7505), 2.1 disabled.
_ABOUT_THE_MAILBOX: Final = re.compile(r"5\.(?:1\.(?:1|2|3|6|10)|2\.1)")
_ENHANCED: Final = re.compile(r"(?:^[ -]*|[#(])([245]\.\d{1,3}\.\d{1,3})(?![.\d])", re.MULTILINE)
"""The enhanced code, first in a line, or behind # or ( as with older servers; not within an address as 5.1.1.9."""

_SAYS_SO: Final = re.compile(
    r"\b(?:"
    r"no such (?:user|mailbox|recipient|address|account|person|local user)"
    r"|no (?:mailbox|user) (?:here )?(?:by|with) that name"
    r"|(?:user|mailbox|recipient|address|account)(?: <?\S+@\S+>?)? (?:is )?(?:unknown|not found|not known)"
    r"|unknown (?:user|mailbox|recipient|address|account|local[ -]?part)"
    r"|(?:user|mailbox|recipient|address|account)(?: <?\S+@\S+>?)? (?:does not|doesn't|doesnt) exist"
    r"|(?:invalid|nonexistent|non-existent) (?:user|mailbox|recipient)"
    r"|(?:doesn't|does not) have an? \S+ account"
    r"|(?:mailbox|account)(?: <?\S+@\S+>?)? (?:is )?no longer (?:exists|valid|active)"
    r"|unrouteable address"
    r")",
    re.IGNORECASE,
)
_ABOUT_SOMETHING_ELSE: Final = re.compile(
    r"relay|authenti|\bsender\b|black ?list|block ?list|blocked|spam|policy|denied|reputation|\bspf\b|dkim|dmarc"
    r"|greylist|rate limit|too many|try again|your (?:account|ip|server|host)",
    re.IGNORECASE,
)
"""Words that show that a refusal concerns the sending server, whatever else the text says."""
_CODES: Final = (550, 551, 553, 554)


def enhanced_code(text: str) -> str:
    """5.1.1 and the like, RFC 3463; "" for a server that gives none."""
    found = _ENHANCED.search(text)
    return found[1] if found else ""


def no_such_mailbox(code: int, text: str) -> bool:
    """Whether the refusal says that the mailbox does not exist: by its enhanced code, else by its words."""
    if enhanced := enhanced_code(text):
        return bool(_ABOUT_THE_MAILBOX.fullmatch(enhanced))
    return code in _CODES and bool(_SAYS_SO.search(text)) and not _ABOUT_SOMETHING_ELSE.search(text)

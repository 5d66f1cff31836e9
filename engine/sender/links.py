"""Replaces the placeholders for unsubscribe and preferences links in a message by signed links.

Templates print the placeholders; `Delivery` replaces them just before each hand-over.
"""

import re
from collections.abc import Callable
from html import escape
from typing import Final, NamedTuple

import msgspec

from engine.model import PREFERENCES_LINK, UNSUBSCRIBE_LINK, Outreach

_PLACEHOLDER: Final = re.compile(f"{UNSUBSCRIBE_LINK}|{PREFERENCES_LINK}")


class Links(NamedTuple):
    """The links of one outreach; "" for a link that is not available."""

    unsubscribe: str = ""
    preferences: str = ""


LinksOf = Callable[[Outreach], Links]


def no_links(outreach: Outreach) -> Links:
    """Returns empty links, for senders without a web endpoint."""
    return Links()


def has_placeholder(outreach: Outreach) -> bool:
    """Whether the message has a placeholder."""
    return any(map(_PLACEHOLDER.search, (outreach.subject, outreach.text, outreach.html)))


def with_links(outreach: Outreach, links: Links) -> Outreach:
    """A copy of the outreach with the links. The original keeps its placeholders: each try has links of its own."""
    found = {UNSUBSCRIBE_LINK: links.unsubscribe, PREFERENCES_LINK: links.preferences}

    def plain(text: str) -> str:
        return _PLACEHOLDER.sub(lambda placeholder: found[placeholder[0]], text)

    html = _PLACEHOLDER.sub(lambda placeholder: escape(found[placeholder[0]]), outreach.html)
    return msgspec.structs.replace(outreach, subject=plain(outreach.subject), text=plain(outreach.text), html=html)

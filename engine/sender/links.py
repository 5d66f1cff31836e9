"""The signed links in a message: templates print placeholders, whoever sends it puts the links there."""

import re
from collections.abc import Callable
from html import escape
from typing import Final, NamedTuple

import msgspec

from engine.model import PREFERENCES_LINK, UNSUBSCRIBE_LINK, Outreach

_PLACEHOLDER: Final = re.compile(f"{UNSUBSCRIBE_LINK}|{PREFERENCES_LINK}")


class Links(NamedTuple):
    """Of one outreach; "" where there is none."""

    unsubscribe: str = ""
    preferences: str = ""


LinksOf = Callable[[Outreach], Links]


def no_links(outreach: Outreach) -> Links:
    """For senders without a web endpoint."""
    return Links()


def has_placeholder(outreach: Outreach) -> bool:
    """Whether there is anything to put links in place of."""
    return any(map(_PLACEHOLDER.search, (outreach.subject, outreach.text, outreach.html)))


def with_links(outreach: Outreach, links: Links) -> Outreach:
    """The outreach as a customer is to get it. The one given stays as it is: every try has links of its own."""
    found = {UNSUBSCRIBE_LINK: links.unsubscribe, PREFERENCES_LINK: links.preferences}

    def plain(text: str) -> str:
        return _PLACEHOLDER.sub(lambda placeholder: found[placeholder[0]], text)

    html = _PLACEHOLDER.sub(lambda placeholder: escape(found[placeholder[0]]), outreach.html)
    return msgspec.structs.replace(outreach, subject=plain(outreach.subject), text=plain(outreach.text), html=html)

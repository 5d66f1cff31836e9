"""Replaces the placeholders for links to `engine web` in a message by signed links.

Templates print the placeholders; `Delivery` replaces them just before each hand-over.
"""

import re
from collections.abc import Callable
from html import escape
from typing import Final, NamedTuple

import msgspec

from engine.model import MAX_SCORE, PREFERENCES_LINK, SHARE_LINK, SURVEY_LINK, UNSUBSCRIBE_LINK, Outreach, Survey

_NUMBER: Final = rf"\d{{1,{len(str(MAX_SCORE))}}}"
_PLACEHOLDER: Final = re.compile(
    f"{UNSUBSCRIBE_LINK}|{PREFERENCES_LINK}|{SHARE_LINK}"
    f"|{SURVEY_LINK}_(?P<low>{_NUMBER})_(?P<high>{_NUMBER})_(?P<score>{_NUMBER})_(?P<survey>(?:[a-z0-9]|__){{1,64}})_end"
)


class Links(NamedTuple):
    """The links of one outreach; "" for a link that is not available. `survey` makes the link of a survey's page."""

    unsubscribe: str = ""
    preferences: str = ""
    survey: Callable[[Survey], str] | None = None
    share: str = ""


LinksOf = Callable[[Outreach], Links]


def no_links(outreach: Outreach) -> Links:
    """Returns empty links, for senders without a web endpoint."""
    return Links()


def has_placeholder(outreach: Outreach) -> bool:
    """Whether the message has a placeholder."""
    return any(map(_PLACEHOLDER.search, (outreach.subject, outreach.text, outreach.html)))


def with_links(outreach: Outreach, links: Links) -> Outreach:
    """A copy of the outreach with the links. The original keeps its placeholders: each try has links of its own."""

    def plain(text: str) -> str:
        return _PLACEHOLDER.sub(lambda placeholder: _link(placeholder, links), text)

    html = _PLACEHOLDER.sub(lambda placeholder: escape(_link(placeholder, links)), outreach.html)
    return msgspec.structs.replace(outreach, subject=plain(outreach.subject), text=plain(outreach.text), html=html)


def _link(placeholder: re.Match[str], links: Links) -> str:
    match placeholder[0]:
        case name if name == UNSUBSCRIBE_LINK:
            return links.unsubscribe
        case name if name == PREFERENCES_LINK:
            return links.preferences
        case name if name == SHARE_LINK:
            return links.share
    survey = Survey(placeholder["survey"].replace("__", "_"), int(placeholder["low"]), int(placeholder["high"]))
    if not (links.survey and survey.sound):  # what customers typed may look like a placeholder
        return ""
    return f"{links.survey(survey)}/{int(placeholder['score'])}"

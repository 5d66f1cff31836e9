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
    fixed = {UNSUBSCRIBE_LINK: links.unsubscribe, PREFERENCES_LINK: links.preferences, SHARE_LINK: links.share}

    def link(placeholder: re.Match[str]) -> str:
        return _survey_link(placeholder, links) if placeholder["survey"] else fixed[placeholder[0]]

    subject, text = (_PLACEHOLDER.sub(link, plain) for plain in (outreach.subject, outreach.text))
    html = _PLACEHOLDER.sub(lambda placeholder: escape(link(placeholder)), outreach.html)
    return msgspec.structs.replace(outreach, subject=subject, text=text, html=html)


def _survey_link(placeholder: re.Match[str], links: Links) -> str:
    survey = Survey(placeholder["survey"].replace("__", "_"), int(placeholder["low"]), int(placeholder["high"]))
    if not (links.survey and survey.sound):  # what customers typed may look like a placeholder
        return ""
    return f"{links.survey(survey)}/{int(placeholder['score'])}"

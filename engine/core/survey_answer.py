"""The event that a customer makes who answers a survey. `engine web` writes it to the feedback topic.

`engine/lang` declares the type for rules that name it, so that events.yaml need not.
"""

from typing import Final

from engine.core.catalog import EventType, Property

SURVEY_ANSWERED: Final = "survey_answered"
_TEXTS: Final = ("survey", "comment", "rule", "outreach", "channel")
_NUMBERS: Final = ("score", "low", "high")

ANSWERED_TYPE: Final = EventType(
    SURVEY_ANSWERED,
    {
        **{name: Property(name, "string", required=name == "survey") for name in _TEXTS},
        **{name: Property(name, "integer", required=name == "score") for name in _NUMBERS},
    },
)

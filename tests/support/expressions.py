"""The events and profile that tests of expressions are written against."""

from engine.core.catalog import Catalog, EventType, Kind, Property

DAY = 86_400_000


NOON = 1_767_268_800_000  # 2026-01-01T12:00:00Z


def declared(**kinds: Kind) -> dict[str, Property]:
    return {name: Property(name, kind) for name, kind in kinds.items()}


CATALOG = Catalog(
    events={
        "purchase": EventType(
            "purchase", declared(amount="number", lines="integer", cart_id="string", gift="boolean", note="any")
        ),
        "site_visit": EventType("site_visit", declared(page="string", amount="string", seconds="number")),
        "subscribed": EventType("subscribed"),
    },
    profile=declared(
        email_opt_in="boolean",
        country="string",
        home="string",
        birthday="date",
        joined_on="date",
        trial_ends_at="time",
        age="integer",
        score="number",
        tags="any",
        größe="number",
    ),
)

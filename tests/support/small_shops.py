"""Shops of a few purchases, from 2026 on, in an archive of their own."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from engine.insight.archive import Archive, Place
from engine.insight.figures.shop import Shop, ShopOptions, open_shop
from engine.model import Event

START = datetime(2026, 1, 1, tzinfo=UTC)


def opened(folder: Path, *events: Event, zone: str = "UTC", end: date | None = None, amount: str = "amount") -> Shop:
    with Archive.opened(folder) as archive:
        for number, event in enumerate(events):
            archive.add_event(Place("shop", 0, number), event.time, event)
        archive.commit()
    return open_shop([folder], ShopOptions(amount=amount, zone=ZoneInfo(zone), end=end))


def bought(identity: str, customer: str, days: float, **properties: Any) -> Event:
    at = int((START + timedelta(days=days)).timestamp() * 1000)
    return Event(identity, "purchase", customer, at, {"amount": 10, "currency": "EUR", **properties})

"""A small stream of sign-ups, site visits, carts and trials for the customers of the CDNOW sample.

It is made up, and says so: every event has `"generated": true` among its properties and an id that begins with `gen-`.
The purchases beside it are real. The same stream comes out every time.
"""

import gzip
import json
import shutil
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from engine.demo.people import NAMES, PLACES, RECORDS, SHARES, SHELVES

SAMPLE = Path(__file__).with_name("cdnow_sample.jsonl.gz")
END = datetime(1998, 6, 30, tzinfo=UTC)
"""The last purchase of the sample."""
OLDEST = datetime(1930, 1, 1, tzinfo=UTC)

JsonObject = dict[str, Any]


def write_demo_events(folder: Path) -> list[Path]:
    """purchases.jsonl.gz, as CDNOW's sample has them, and generated.jsonl.gz in our own format, both sorted by time."""
    folder.mkdir(parents=True, exist_ok=True)
    purchases, generated = folder / "purchases.jsonl.gz", folder / "generated.jsonl.gz"
    shutil.copyfile(SAMPLE, purchases)
    with gzip.GzipFile(generated, "wb", mtime=0) as file:
        file.writelines(json.dumps(event, ensure_ascii=False).encode() + b"\n" for event in generated_events())
    return [purchases, generated]


def demo_history(folder: Path, customer: str) -> list[JsonObject]:
    """One customer's events in the two files, each as `type`, `time` and `properties`, in order of time."""
    known = ("event_id", "customer_id", "type", "ts")
    history = [
        {"type": event["type"], "time": event["ts"], "properties": {k: v for k, v in event.items() if k not in known}}
        for event in read_lines(folder / "purchases.jsonl.gz")
        if event["customer_id"] == customer
    ]
    history += [event for event in read_lines(folder / "generated.jsonl.gz") if event["customer"] == customer]
    return sorted(history, key=lambda event: str(event["time"]))


def generated_events() -> list[JsonObject]:
    """Everything but the purchases, sorted by time; one event in two hundred comes twice, as from real producers."""
    purchases: dict[str, list[datetime]] = {}
    for event in read_lines(SAMPLE):
        purchases.setdefault(event["customer_id"], []).append(datetime.fromisoformat(event["ts"]))
    events = [event for customer, times in purchases.items() for event in _Life(customer, times).events()]
    events += events[::200]
    return sorted(events, key=lambda event: (event["time"], event["id"]))


def read_lines(path: Path) -> Iterator[JsonObject]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


class _Life:
    """What one customer does between the purchases that are known."""

    def __init__(self, customer: str, purchases: list[datetime]) -> None:
        self.customer = customer
        self.purchases = purchases
        self.random = Random(f"northfold {customer}")
        self.taste = Random(f"northfold shelf {customer}")
        self.shelf = self.taste.choice(SHELVES)
        self.place = self.random.choices(PLACES, SHARES)[0]
        self.done: list[tuple[datetime, str, JsonObject]] = []

    def events(self) -> Iterable[JsonObject]:
        self._sign_up()
        self._look_around()
        if self._chance(0.12):
            self._try_the_club()
        if self._chance(0.05):
            self._tell(self._waking_hour(self.random.choice(self.purchases), 20, 200), {"unsubscribed": True})
        if self._chance(0.02):
            self._tell(self.purchases[0] + timedelta(days=self.random.randint(1, 300), hours=9), {"bounced": True})
        happened = sorted((it for it in self.done if it[0] < END), key=lambda it: it[0])
        for number, (time, type_, properties) in enumerate(happened, 1):
            yield {
                "id": f"gen-{self.customer}-{number}",
                "type": type_,
                "customer": self.customer,
                "time": time.isoformat().replace("+00:00", "Z"),
                "properties": properties | {"generated": True},
            }

    def _chance(self, share: float) -> bool:
        return self.random.random() < share

    def _do(self, time: datetime, type_: str, **properties: Any) -> None:
        self.done.append((time, type_, properties))

    def _tell(self, time: datetime, properties: JsonObject) -> None:
        self._do(time, "profile_updated", **properties)

    def _sign_up(self) -> None:
        """Some at the checkout, minutes before the first purchase, most of them some days earlier."""
        first = self.purchases[0]
        early = self._waking_hour(first, -9, -2) if self._chance(0.9) else first
        time = min(early, first - timedelta(minutes=self.random.randint(4, 25)))
        name = self.random.choice(NAMES)
        profile: JsonObject = {"email": f"{name.lower()}.{self.customer}@example.com"}
        if self._chance(0.93):
            profile["first_name"] = name
        if self._chance(0.6):
            profile["birthday"] = f"{OLDEST + timedelta(days=self.random.randrange(50 * 365)):%Y-%m-%d}"
        place = {"timezone": self.place.timezone, "locale": self.place.locale, "country": self.place.country}
        self._do(time, "signup", **profile, **place, email_opt_in=self._chance(0.87))
        if self._chance(0.25):
            token = {"push_token": f"device-{self.customer}", "push_opt_in": self._chance(0.8)}
            self._tell(time + timedelta(minutes=2), token)

    def _look_around(self) -> None:
        """A look at the parcel after most orders, a look at the shop before them, and now and then one in between."""
        for bought, next_time in zip(self.purchases, [*self.purchases[1:], None], strict=True):
            if self._chance(0.4):
                self._visit(self._waking_hour(bought, 1, 6), "/orders")
            if next_time and self._chance(0.6):
                self._visit(self._waking_hour(next_time, -3, -1), "/new", browsing=True)
            gap = ((next_time or END) - bought).days
            for _ in range(min(3, gap // 45)):
                if self._chance(0.35 if next_time else 0.28):
                    self._visit(self._waking_hour(bought, 7, gap), "/new", browsing=True)

    def _waking_hour(self, day: datetime, earliest: int, latest: int) -> datetime:
        """A moment some days later or earlier, from ten in the morning to eleven at night where the customer lives."""
        days = self.random.randint(earliest, max(earliest, latest))
        local = timedelta(hours=10 - self.place.offset, minutes=self.random.randrange(13 * 60))
        return day + timedelta(days=days) + local

    def _visit(self, time: datetime, page: str, browsing: bool = False) -> None:
        self._do(time, "site_visit", page=page)
        if browsing and self._chance(0.4):
            self._fill_cart(time + timedelta(minutes=self.random.randint(2, 15)))

    def _fill_cart(self, time: datetime) -> None:
        cart = f"{self.customer}-{time:%y%m%d}"
        amount = self.random.randint(8, 60) + 0.99
        item = self.random.choice(RECORDS)
        if self.taste.random() < 0.8:
            item = self.taste.choice(self.shelf)
        self._do(time, "cart_updated", cart_id=cart, item=item, items=1, amount=amount, currency="USD")
        if self._chance(0.55):
            self._do(time + timedelta(minutes=self.random.randint(5, 50)), "cart_emptied", cart_id=cart)

    def _try_the_club(self) -> None:
        start = self._waking_hour(self.random.choice(self.purchases), 2, 30)
        ends = start + timedelta(days=14)
        self._do(start, "trial_started", plan="listening-club", trial_ends_at=ends.isoformat().replace("+00:00", "Z"))
        if self._chance(0.35):
            self._do(self._waking_hour(start, 3, 12), "subscribed", plan="listening-club")

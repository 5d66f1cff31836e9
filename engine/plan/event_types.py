"""What events.yaml says otherwise in a new rule book, and what that does to the customers who are there.

`build` asks for it; what rules make of it stands in their own changes.
"""

from collections.abc import Iterator

import msgspec

from engine.core.catalog import Catalog, EventType
from engine.plan.classify import Kind


class EventChange(msgspec.Struct, frozen=True):
    """What differs of an event type, or of the file as a whole ("")."""

    event: str
    kind: Kind
    so: str


def event_changes(old: Catalog, new: Catalog) -> list[EventChange]:
    """Every difference, in the order of the new file; then the types that are gone."""
    return [*_of_file(old, new), *_of_types(old, new)]


def _of_file(old: Catalog, new: Catalog) -> Iterator[EventChange]:
    if old.sources != new.sources:
        yield EventChange("", Kind.GUARD, "other sources: records are read from, or understood, otherwise")
    if old.accept != new.accept:
        yield EventChange("", Kind.GUARD, "other bounds in `accept`: other records become dead letters")
    kinds = sorted(name for name in old.profile.keys() & new.profile.keys() if old.profile[name] != new.profile[name])
    if kinds:
        yield EventChange("", Kind.GUARD, f"profile fields of another type: {', '.join(kinds)}; what they hold stays")


def _of_types(old: Catalog, new: Catalog) -> Iterator[EventChange]:
    for name, event in new.events.items():
        before = old.events.get(name)
        if before is None and not event.made:
            yield EventChange(name, Kind.NEW, "such events count from now on")
        elif before is not None and (so := _differing(before, event, old, new)):
            yield EventChange(name, Kind.GUARD, "; ".join(so))
    gone = "dead letters" if new.accept.undeclared == "dead_letter" else "ignored"
    for name in old.events.keys() - new.events.keys():
        if not old.events[name].made:
            yield EventChange(name, Kind.REMOVED, f"such events are {gone}")


def _differing(before: EventType, after: EventType, old: Catalog, new: Catalog) -> list[str]:
    found = []
    names = {
        name
        for name in before.properties | after.properties
        if before.properties.get(name) != after.properties.get(name)
    }
    names -= (
        old.profile.keys() & new.profile.keys() if after.profile_all else set()
    )  # of those the profile's type is told
    if names:
        found.append(f"declared otherwise: {', '.join(sorted(names))}; events that do not fit become dead letters")
    fields = {name for name in before.profile | after.profile if before.profile.get(name) != after.profile.get(name)}
    if fields or before.profile_all != after.profile_all:
        told = ", ".join(sorted(fields)) or "all fields"
        found.append(f"feeds the profile otherwise: {told}; what is there stays")
    if before.activity != after.activity:
        found.append("counts as activity" if after.activity else "is no activity: it keeps nobody from being forgotten")
    return found

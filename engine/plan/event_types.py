"""What events.yaml says otherwise in a new rule book, and what that does to the customers who are there.

`build` asks for it; what rules make of it stands in their own changes.
"""

from collections.abc import Iterator, Mapping

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
    kinds = [name for name in _other_keys(old.profile, new.profile) if name in old.profile and name in new.profile]
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
    for name, event in old.events.items():
        if name not in new.events and not event.made:
            yield EventChange(name, Kind.REMOVED, f"such events are {gone}")


def _differing(before: EventType, after: EventType, old: Catalog, new: Catalog) -> list[str]:
    found, names = [], _other_keys(before.properties, after.properties)
    if after.profile_all:  # it has all fields of the profile, of which the file as a whole is told
        names = [name for name in names if name not in old.profile | new.profile]
    if names:
        found.append(f"declared otherwise: {', '.join(names)}; events that do not fit become dead letters")
    added = [name for name in names if name not in before.properties]
    if added:
        found.append(f"missing in what is kept of earlier events: {', '.join(added)}")
    fields = _other_keys(before.profile, after.profile)
    if fields or before.profile_all != after.profile_all:
        found.append(f"feeds the profile otherwise: {', '.join(fields) or 'all fields'}; what is there stays")
    if before.activity != after.activity:
        found.append("counts as activity" if after.activity else "is no activity: it keeps nobody from being forgotten")
    return found


def _other_keys(old: Mapping[str, object], new: Mapping[str, object]) -> list[str]:
    """The keys with another value, or that only one of them has."""
    return sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))

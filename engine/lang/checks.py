"""Checks all rules together with the policy: caps without effect, unused purposes, ids used twice."""

from collections.abc import Collection, Iterable, Sequence, Set

import msgspec

from engine.core.actions.send import Send
from engine.core.book import Rule
from engine.core.catalog import EventType
from engine.core.policy import Cap, Permission, Policy, QuietHours, on_channel
from engine.core.zones import DAY
from engine.lang.diagnostics import did_you_mean
from engine.lang.grammar import PolicyFile
from engine.lang.site import Site
from engine.model import TRANSACTIONAL
from engine.wire.feedback import FeedbackKind

UNSUBSCRIBED, CHANGED = FeedbackKind.UNSUBSCRIBED.value, FeedbackKind.PREFERENCES.value
CHANNELS = frozenset({"email", "sms", "push", "webhook"})
_ADDRESSED = frozenset({"email", "sms"})
"""Channels on which a message without an address reaches nobody."""
_A_LETTER = 0.85
"""How much two words are alike (of 1) of which one is most likely the other, misspelt."""
_HOUR = DAY // 24
_MINUTES = 24 * 60
_LONGEST_CALENDAR = {"day": DAY + _HOUR, "week": 7 * DAY + _HOUR, "month": 31 * DAY + _HOUR}
_COVERS = {("week", "day"), ("month", "day")}


def check_ids(rules: Iterable[tuple[Site, str, Collection[str]]]) -> None:
    """Report ids used twice. `rules`: (place, id, former ids) of each rule, in order."""
    taken: dict[str, Site] = {}
    for site, id_, was in rules:
        places = [(id_, site.at("id")), *((old, site.at("was", index)) for index, old in enumerate(was))]
        for name, place in places:
            if name in taken:
                first = taken[name]
                line = first.document.place(first.route).line
                place.report("duplicate-id", f"the id '{name}' is taken", f"by {first.document.file}:{line}")
            else:
                taken[name] = place


def check_policy(site: Site, content: PolicyFile, policy: Policy, rules: Collection[Rule]) -> None:
    """Report parts of the policy without effect; most often a misspelt purpose or channel."""
    sends = [send for rule in rules for send in rule.action.sends]
    used = _Used({send.purpose for send in sends}, {send.channel for send in sends})
    for name in ("consent", "suppress", "preferences"):
        for purpose in getattr(content, name):
            if purpose != "all" or name != "suppress":
                _check_used(site.at(name, purpose), "purpose", purpose, used.purposes, key=True)
    _check_permissions(site, policy, sends, used)
    for index, hours in enumerate(content.quiet_hours):
        for name, known in (("purposes", used.purposes), ("channels", used.channels)):
            for position, word in enumerate(getattr(hours, name)):
                _check_used(site.at("quiet_hours", index, name, position), name[:-1], word, known)
    _check_hours(site.at("quiet_hours"), policy.quiet_hours, sends)
    for channel in content.addresses:
        _check_used(site.at("addresses", channel), "channel", channel, used.channels, key=True)
    for channel in sorted((used.channels & _ADDRESSED) - content.addresses.keys()) if content.addresses else ():
        message = f"messages go out by {channel}, and no address is named for it"
        site.at("addresses").report("no-address", message, f"add {channel}: and an expression", key=True)
    _check_unnamed(site.at("consent"), content, rules)
    for index, cap in enumerate(policy.caps):
        _check_cap(site.at("caps", index), cap, policy.caps[:index], policy.caps[index + 1 :], used)


def _check_unnamed(site: Site, content: PolicyFile, rules: Collection[Rule]) -> None:
    """Report purposes that are misspelt names of the policy: nothing would ask for their consent."""
    named = {*content.consent, *content.suppress, *content.preferences} - {"all"}
    for rule in rules:
        for purpose in sorted({send.purpose for send in rule.action.sends} - named - {TRANSACTIONAL}):
            if help := did_you_mean(purpose, named, _A_LETTER):
                message = f"rule {rule.id} has the purpose '{purpose}', of which the policy says nothing"
                site.report("unnamed-purpose", message, help, key=True)


def check_preferences(site: Site, purposes: Collection[str], read: Set[str]) -> None:
    """Report what customers take back on the preference page, and rules do not hear of. `read`: the fields they ask."""
    told, changed = (site.catalog.events.get(name, EventType(name)) for name in (UNSUBSCRIBED, CHANGED))
    for purpose in purposes:
        for field in sorted(read & _fed(told, purpose) - _fed(changed, purpose)):
            message = (
                f"who has unsubscribed and chooses '{purpose}' on the preference page again stays unsubscribed:"
                f" {UNSUBSCRIBED} sets profile.{field}, and {CHANGED} does not"
            )
            example = f"{CHANGED}: {{ properties: {{ {purpose}: boolean }}, profile: {{ {field}: {purpose} }} }}"
            site.at(purpose).report("unheard-preference", message, f"declare it in events.yaml: {example}", key=True)


def _fed(event_type: EventType, name: str) -> set[str]:
    """The profile fields that this property of the event type feeds."""
    fields = {field for field, source in event_type.profile.items() if source == name}
    return fields | {name} if event_type.profile_all else fields


def _check_hours(site: Site, quiet: Sequence[QuietHours], sends: Collection[Send]) -> None:
    """Report messages that would never be sent, since quiet hours cover their whole day together."""
    for purpose, channel in sorted({(send.purpose, send.channel) for send in sends}):
        held: set[int] = set()
        for index, hours in enumerate(quiet):
            if hours.concern(purpose, channel):
                held |= _minutes(hours)
                if len(held) == _MINUTES:
                    message = f"the quiet hours together leave no minute in which {purpose} may go out by {channel}"
                    site.at(index).report("no-hour-left", message, "leave a part of the day free")
                    break


def _minutes(hours: QuietHours) -> set[int]:
    """The minutes of a day that the quiet hours cover."""
    end = hours.end if hours.start < hours.end else hours.end + _MINUTES
    return {minute % _MINUTES for minute in range(hours.start, end)}


def _check_permissions(site: Site, policy: Policy, sends: Collection[Send], used: "_Used") -> None:
    for name, permissions in (("consent", policy.consent), ("suppress", policy.suppress)):
        for purpose, permission in permissions.items():
            for channel in permission if isinstance(permission, dict) else ():
                _check_used(site.at(name, purpose, channel), "channel", channel, used.channels, key=True)
    for purpose, permission in policy.consent.items():
        channels = sorted({send.channel for send in sends if send.purpose == purpose})
        _check_consent(site.at("consent", purpose), purpose, permission, channels)


def _check_consent(site: Site, purpose: str, permission: Permission, channels: Collection[str]) -> None:
    """Report a channel without consent of its own: a consent to mail, say, that is taken for one to text messages."""
    for channel in channels:
        expression = on_channel(permission, channel)
        place = site.at(channel) if isinstance(permission, dict) else site
        if expression is None:
            message = f"nothing of {purpose} can go out by {channel}: no consent to it is named"
            site.report("never-consented", message, f"add {channel}: and an expression")
        elif lent := _lent(expression.needs.reads.fields, channel):
            message = f"{purpose} goes out by {channel} too, and profile.{lent} reads like a consent to another channel"
            help = "give each channel its own, as in consent: { marketing: { email: …, sms: … } }"
            place.report("borrowed-consent", message, help)


def _lent(fields: Collection[str], channel: str) -> str:
    """A field that is named after another channel than this one, where none is named after this one; else ""."""
    words = {field: set(field.lower().split("_")) for field in fields}
    if any(channel in named for named in words.values()):
        return ""
    return min((field for field, named in words.items() if named & CHANNELS), default="")


class _Used(msgspec.Struct, frozen=True):
    purposes: Set[str]
    channels: Set[str]


def _check_used(site: Site, what: str, word: str, known: Collection[str], *, key: bool = False) -> None:
    if word not in known:
        site.report(f"unused-{what}", f"no rule has the {what} '{word}'", did_you_mean(word, known), key=key)


def _check_cap(site: Site, cap: Cap, before: Iterable[Cap], after: Iterable[Cap], used: _Used) -> None:
    if cap.purpose == TRANSACTIONAL:
        site.at("purpose").report("cap-never-fires", "caps do not apply to transactional outreach")
    elif cap.purpose and cap.purpose not in used.purposes:
        help = did_you_mean(cap.purpose, used.purposes)
        site.at("purpose").report("cap-never-fires", f"no rule has the purpose '{cap.purpose}'", help)
    elif cap.channel and cap.channel not in used.channels:
        help = did_you_mean(cap.channel, used.channels)
        site.at("channel").report("cap-never-fires", f"no rule has the channel '{cap.channel}'", help)
    elif any(_stricter(other, cap) for other in before) or any(
        _stricter(other, cap) and not _stricter(cap, other) for other in after
    ):
        site.report(
            "cap-never-fires", "another cap always stops outreach before this one", "raise the other, or drop this"
        )


def _stricter(cap: Cap, other: Cap) -> bool:
    """Whether `cap` always stops whatever `other` would stop."""
    return (
        cap.limit <= other.limit
        and cap.purpose in (None, other.purpose)
        and cap.channel in (None, other.channel)
        and _covers(cap, other)
    )


def _covers(cap: Cap, other: Cap) -> bool:
    if cap.calendar:
        return cap.calendar == other.calendar or (cap.calendar, other.calendar) in _COVERS
    return cap.span >= (_LONGEST_CALENDAR[other.calendar] if other.calendar else other.span)

"""Compiles policy.yaml to the policy. `project` calls it."""

from collections.abc import Mapping

from engine.core.expression import Expression
from engine.core.policy import Cap, Permission, Policy, QuietHours
from engine.core.zones import Zones
from engine.lang.grammar import CapFields, PolicyFile, QuietFields
from engine.lang.site import Site


def compile_policy(site: Site, content: PolicyFile) -> Policy:
    """The policy; problems are reported at `site`, the top of the file."""
    zone, locale = content.zone, content.locale
    for name, fields in (("zone", zone), ("locale", locale)):
        if fields.field:
            site.at(name, "field").field(fields.field, ("string", "any"))
    return Policy(
        zones=Zones(zone.default, zone.field or None),
        locale=locale.default,
        locale_field=locale.field or None,
        quiet_hours=tuple(_quiet(each) for each in content.quiet_hours),
        caps=tuple(_cap(each) for each in content.caps),
        consent=_permissions(site.at("consent"), content.consent),
        suppress=_permissions(site.at("suppress"), content.suppress),
        addresses=_expressions(site.at("addresses"), content.addresses, value=True),
        preferences=dict(content.preferences),
        surveys=dict(content.surveys),
        publish=site.at("publish").events(content.publish),
        fresh_for=content.fresh_for,
        dedupe=content.dedupe or 0,
        allowed_lateness=content.allowed_lateness,
        forget_after=content.forget_after,
        holdout=content.holdout,
    )


def _quiet(fields: QuietFields) -> QuietHours:
    start, end = (each.hour * 60 + each.minute for each in (fields.from_, fields.to))
    return QuietHours(start, end, frozenset(fields.purposes), frozenset(fields.channels))


def _cap(fields: CapFields) -> Cap:
    if isinstance(fields.per, int):
        return Cap(fields.limit, span=fields.per, purpose=fields.purpose, channel=fields.channel)
    return Cap(fields.limit, calendar=fields.per, purpose=fields.purpose, channel=fields.channel)


def _permissions(site: Site, texts: Mapping[str, str | dict[str, str]]) -> dict[str, Permission]:
    compiled: dict[str, Permission | None] = {
        name: site.at(name).expression(text, ()) if isinstance(text, str) else _expressions(site.at(name), text)
        for name, text in texts.items()
    }
    return {name: permission for name, permission in compiled.items() if permission}


def _expressions(site: Site, texts: Mapping[str, str], *, value: bool = False) -> dict[str, Expression]:
    compiled = {name: site.at(name).expression(text, (), value=value) for name, text in texts.items()}
    return {name: expression for name, expression in compiled.items() if expression}

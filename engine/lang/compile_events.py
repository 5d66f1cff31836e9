"""Compiles events.yaml to the catalog of sources, event types and profile fields. `project` calls it."""

from msgspec.structs import replace

from engine.core.catalog import Accept, Catalog, EventType, Keep, Property, Source
from engine.lang.diagnostics import Diagnostic, did_you_mean
from engine.lang.grammar import EventFields, EventsFile, PropertyFields, SourceFields
from engine.lang.located import Document, Route
from engine.lang.site import RESERVED


class _Compiler:
    def __init__(self, document: Document, content: EventsFile) -> None:
        self.document = document
        self.content = content
        self.profile: dict[str, Property] = {}
        self.findings: list[Diagnostic] = []

    def compile(self) -> Catalog:
        events = {name: self.event(name, fields) for name, fields in self.content.events.items()}
        for name, kind in self.content.profile.items():
            self.feed(Property(name, kind), ("profile", name))
        events = {name: self.widened(event) for name, event in events.items()}
        sources = tuple(self.source(index, fields) for index, fields in enumerate(self.content.sources))
        accept = self.content.accept
        bounds = Accept(
            accept.earliest,
            accept.ahead,
            accept.max_bytes,
            undeclared=accept.undeclared,
            tombstones=accept.tombstones,
            strangers=accept.strangers,
            nobody=frozenset(accept.nobody),
        )
        return Catalog(sources, events, self.profile, bounds)

    def widened(self, event: EventType) -> EventType:
        """An event type of which every property feeds the profile may carry every profile field."""
        return replace(event, properties={**self.profile, **event.properties}) if event.profile_all else event

    def report(self, code: str, message: str, help: str, route: Route, key: bool = False) -> None:
        self.findings.append(self.document.report(self.document.place(route, key=key), code, message, help))

    def event(self, name: str, fields: EventFields) -> EventType:
        properties = {key: _property(key, each) for key, each in fields.properties.items()}
        for key in properties.keys() & set(RESERVED):
            help = f"event.{key} is the event's own {key}; expressions cannot read this property"
            self.report(
                "shadowed-property", f"{name} has a property '{key}'", help, ("events", name, "properties", key), True
            )
        for key, path in {one.path[0]: one.path for one in properties.values() if len(one.path) > 1}.items():
            if key in properties:
                message = f"{name} has a property '{key}' and looks for one within it, at '{'.'.join(path)}'"
                own = properties[key].path or path
                help = f"what '{key}' holds must keep its name; call this one {key}_{own[-1]}"
                self.report("bad-value", message, help, ("events", name, "properties", key), True)
        if fields.profile == "all":
            for key, each in properties.items():
                self.feed(Property(key, each.kind), ("events", name, "properties", key))
            keep = self.keep(name, fields)
            return EventType(name, properties, profile_all=True, keep=keep, activity=fields.activity)
        for field, key in fields.profile.items():
            self.feed_from(name, field, properties.get(key), key)
        keep = self.keep(name, fields)
        return EventType(name, properties, dict(fields.profile), keep=keep, activity=fields.activity)

    def keep(self, event: str, fields: EventFields) -> Keep | None:
        if fields.keep is None:
            return None
        route = ("events", event, "keep", "sums")
        for index, key in enumerate(fields.keep.sums):
            found = fields.properties.get(key)
            if found is None:
                help = did_you_mean(key, fields.properties)
                self.report("unknown-property", f"{event} has no property '{key}'", help, (*route, index))
            elif found.type not in ("number", "integer"):
                message = f"{event}.{key} is of type {found.type}"
                self.report("type-mismatch", message, "only numbers can be summed", (*route, index))
        return Keep(tuple(fields.keep.sums), fields.keep.window, fields.keep.last)

    def feed_from(self, event: str, field: str, source: Property | None, key: str) -> None:
        route = ("events", event, "profile", field)
        if source is None:
            known = self.content.events[event].properties
            self.report("unknown-property", f"{event} has no property '{key}'", did_you_mean(key, known), route)
        else:
            self.feed(Property(field, source.kind), route)

    def feed(self, field: Property, route: Route) -> None:
        before = self.profile.setdefault(field.name, field)
        if before.kind != field.kind and "any" not in (before.kind, field.kind):
            message = f"profile.{field.name} is {field.kind} here and {before.kind} elsewhere"
            self.report("type-mismatch", message, "a profile field has one type", route)

    def source(self, index: int, fields: SourceFields) -> Source:
        named = {("types", foreign): ours for foreign, ours in fields.types.items()} | {("event",): fields.event}
        for route, ours in named.items():
            if ours and ours not in self.content.events:
                help = did_you_mean(ours, self.content.events)
                self.report("unknown-event", f"there is no event type '{ours}'", help, ("sources", index, *route))
        if fields.topic in [one.topic for one in self.content.sources[:index]]:
            message = f"the topic '{fields.topic}' is declared twice, and workers read it as the last one says"
            help = "declare it once: `types` names all its types, and `field` says where a property sits"
            self.report("duplicate-topic", message, help, ("sources", index, "topic"))
        if fields.id == fields.customer and {"id", "customer"} & fields.model_fields_set:
            message = "all events of a customer have the same id, so only the first within `dedupe` counts"
            help = "name a field that is another one with each event, such as the time of the change"
            self.report("id-of-customer", message, help, ("sources", index, "customer"))
        for part in sorted(
            {"type", "event", "properties"} & fields.model_fields_set if fields.format != "json" else ()
        ):
            says = {"type": "where the type is", "event": "what the type is", "properties": "where the properties are"}
            message = f"format {fields.format} says itself {says[part]}"
            help = "id, customer and time can be declared; type, event and properties only with format json"
            self.report("fixed-by-format", message, help, ("sources", index, part), key=True)
        if fields.format == "segment" and fields.keyed and "customer" not in fields.model_fields_set:
            message = "nobody tells its guests when they have become known, and what they armed still fires"
            help = "keyed: false lets workers re-key the topic and tell them; customer: userId says that there are none"
            self.report("guests-stay", message, help, ("sources", index, "format"))
        return Source(
            fields.name or fields.topic,
            fields.topic,
            format=fields.format,
            keyed=fields.keyed,
            id=_path(fields.id),
            type=() if fields.event else _path(fields.type),
            customer=_path(fields.customer),
            time=_path(fields.time.field),
            properties=() if fields.properties == "." else _path(fields.properties),
            unit=fields.time.unit,
            types=fields.types,
            event=fields.event,
        )


def _property(name: str, fields: PropertyFields) -> Property:
    path = _path(fields.field) if fields.field else ()
    return Property(name, fields.type, fields.required, fields.from_ is not None, path, fields.unit or "ms")


def _path(dotted: str) -> tuple[str, ...]:
    return tuple(dotted.split("."))


def compile_events(document: Document, content: EventsFile) -> tuple[Catalog, list[Diagnostic]]:
    """The catalog; reports contradictions between the parts of events.yaml."""
    compiler = _Compiler(document, content)
    return compiler.compile(), compiler.findings

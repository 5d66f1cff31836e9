"""`engine send-event`: writes one event to its topic."""

from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import uuid4

import typer
from rich.markup import escape

from engine.cli.console import complain, out, say
from engine.cli.opening import open_project
from engine.cli.options import AsJson, RulesDir, TemplatesDir, settings_of
from engine.core.catalog import Catalog, EventType, Source
from engine.core.zones import iso, to_millis
from engine.errors import BadRecord, UsageError
from engine.lang.diagnostics import did_you_mean, with_closest
from engine.model import Event
from engine.operate.customers import partition_of
from engine.ports import Record
from engine.wire.compose import compose, parse
from engine.wire.decode import Decoder
from engine.wiring.brokers import KafkaBrokers
from engine.wiring.wall_clock import wall_clock


def send_event(
    type: Annotated[str, typer.Argument(help="The event type, as events.yaml has it.")],
    customer: Annotated[str, typer.Option(help="Whom it is about.")],
    set_: Annotated[list[str] | None, typer.Option("--set", help="A property: amount=20. May be repeated.")] = None,
    time: Annotated[datetime | None, typer.Option(help="When it happened, UTC. Default: now.")] = None,
    topic: Annotated[str, typer.Option(help="The topic or source. Default: the first of events.yaml.")] = "",
    id: Annotated[str, typer.Option(help="Its id. Default: a new one.")] = "",
    rules: RulesDir = None,
    templates: TemplatesDir = None,
    as_json: AsJson = False,
) -> None:
    """Send one event, checked against events.yaml, in the format of its topic and to the partition of its customer.

    Example: engine send-event purchase --customer c-1042 --set amount=20 --set currency=EUR
    """
    settings = settings_of(rules=rules, templates=templates)
    catalog = open_project(settings).book.catalog
    properties = properties_of(declared_type(catalog, type), set_ or ())
    source = _source(catalog, topic, type)
    moment = to_millis(time if time and time.tzinfo else time.replace(tzinfo=UTC)) if time else wall_clock()
    event = Event(id or str(uuid4()), type, customer, moment, properties)
    value, headers = compose(source, event)
    _check(source, catalog, Record(source.topic, 0, 1, value, customer.encode(), moment, headers))
    brokers = KafkaBrokers(settings)
    partition = partition_of(customer, brokers.partitions_of(source.topic))
    offset = brokers.send_one(source.topic, partition, customer.encode(), value, headers)
    place_ = {"topic": source.topic, "partition": partition, "offset": offset}
    if as_json:
        out.print_json(data={**place_, "id": event.id, "time": iso(moment)})
    else:
        say(f"[green]sent[/] {type} of {escape(customer)}: {source.topic}:{partition}:{offset}")


def _source(catalog: Catalog, name: str, type: str) -> Source:
    found = [source for source in catalog.sources if name in ("", source.name, source.topic)]
    if not found:
        message = f"events.yaml declares no source {name}; it has {', '.join(one.topic for one in catalog.sources)}"
        raise UsageError(message)
    fitting = [source for source in found if source.event in ("", type)]
    if not fitting:
        where = name or "any source"
        message = f"no record of {where} is of the type {type}: `event` in events.yaml says which type they have"
        raise UsageError(message)
    return fitting[0]


def declared_type(catalog: Catalog, type: str) -> EventType:
    """Raises UsageError for a type that workers pass over."""
    taken = {name: one for name, one in catalog.events.items() if not one.made}
    if type in taken:
        return taken[type]
    if type in catalog.events:
        message = f"only the engine makes {type}: send what leads to it"
        raise UsageError(message)
    message = f"events.yaml declares no event type {type}; it has {', '.join(taken)}"
    raise UsageError(with_closest(message, type, taken))


def properties_of(declared: EventType, given: list[str] | tuple[()]) -> dict[str, Any]:
    """Of --set, as the declared types have them; a name that is not declared is sent as it is, with a warning."""
    properties: dict[str, Any] = {}
    for one in given:
        name, equals, text = one.partition("=")
        if not equals or not name:
            message = f"--set {one}: expected name=value"
            raise UsageError(message)
        known = declared.properties.get(name)
        if known is None:
            help = did_you_mean(name, declared.properties) or f"it has {', '.join(declared.properties) or 'none'}"
            complain(f"warning: events.yaml declares no property {name} of {declared.name}; {help}")
        properties[name] = parse(known.kind if known else "any", text)
    return properties


def _check(source: Source, catalog: Catalog, record: Record) -> None:
    """Raises UsageError for an event that a worker would reject."""
    try:
        Decoder(source, catalog).decode(record, wall_clock())
    except BadRecord as error:
        message = f"not sent, {error.code}: {error.reason}"
        raise UsageError(message) from error

"""The checks before a worker starts: settings, rules, Kafka's topics and the store. `engine run --check` and the doctor
use them. They change nothing."""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from engine.config import BadSetting, Settings, channel_urls, linked_settings, unknown_settings
from engine.core.book import RuleBook
from engine.core.catalog import Catalog
from engine.core.durations import text_of
from engine.core.template_facts import SHARE_LINK, TemplateFacts, needs_sender
from engine.core.zones import DAY, ZONES_VERSION
from engine.errors import (
    CannotConnect,
    EngineError,
    OtherFormat,
    PartitionsDiffer,
    SourceUnavailable,
    StateTooNew,
)
from engine.lang.project import Loaded, load
from engine.operate.coupons import missing_secret
from engine.operate.findings import Finding, fail, ok, warn
from engine.operate.installation import Installation
from engine.operate.recreated_topics import check_made_again, made_again
from engine.operate.topics import check_apart, source_topics, topics_of, written_topics
from engine.operate.words import count_of
from engine.ports import (
    MAX_MESSAGE,
    MIN_TOPIC_BYTES,
    HasServers,
    StateStore,
    StoreServer,
    largest_value,
    too_small,
)
from engine.wire.dead_letters import MAX_EXCERPT
from engine.worker.kept_history import INCOMPLETE, missing_history
from engine.worker.opening_checks import check_stored, stored_meta

NEARLY_FULL = 0.9
_WITHOUT_WAITAOF = re.compile(r"\w+ ([1-6]|7\.[01])\.")


Further = Callable[[StateStore, Catalog, Mapping[str, int]], Iterable[Finding]]
"""Further checks, called when rules, Kafka and the store are reachable, with the partition counts of our topics."""


def check_all(there: Installation, further: Further = lambda store, catalog, counts: ()) -> list[Finding]:
    """The findings on settings, rules, Kafka, the store and `further`, in this order, as far as they are in reach."""
    settings = there.settings
    templates = there.inspect_templates()
    about_rules, book = check_rules(settings.rules, templates)
    catalog = book.catalog if book else None
    findings = [*check_names(), *about_rules]
    findings += check_links(settings, templates)
    findings += check_coupons(settings, book) if book else ()
    counts: dict[str, int] = {}
    if catalog is not None:
        findings += check_apart_topics(settings, catalog)
        about_kafka, counts = check_kafka(there, catalog)
        findings += about_kafka
    partitions = max((counts.get(topic, 0) for topic in source_topics(settings, catalog)), default=0) if catalog else 0
    try:
        with there.open_store() as store:
            findings += check_store(store, partitions)
            if book is not None:
                findings += check_history(store, book)
            if catalog is not None and partitions:
                topics = source_topics(settings, catalog)
                findings += check_made_again(made_again(there.brokers, store, topics, partitions))
                findings += further(store, catalog, counts)
    except EngineError as error:
        findings.append(fail("store", str(error), ""))
    return findings


def check_names(environment: Mapping[str, str] = os.environ) -> Iterator[Finding]:
    """Warn of variables that are named like settings and are ignored."""
    for name, nearest in unknown_settings(environment).items():
        advice = f"did you mean {nearest}?" if nearest else "docs/deployment.md lists all settings"
        yield warn("settings", f"{name} is not a setting and is ignored", advice)
    for name in linked_settings(environment):
        advice = (
            "give the service another name, set enableServiceLinks: false for the pod, or set the variable yourself"
        )
        yield warn("settings", f"{name} holds the address of a Kubernetes service and is ignored", advice)


def check_apart_topics(settings: Settings, catalog: Catalog) -> Iterator[Finding]:
    """Fail if a source topic is one that the engine writes itself: it would feed itself."""
    try:
        check_apart(settings, catalog)
    except BadSetting as error:
        yield fail("settings", str(error), "give one of them another name")


def check_rules(rules: Path, templates: Sequence[TemplateFacts]) -> tuple[list[Finding], RuleBook | None]:
    """The finding on the rules; no book if they have errors."""
    loaded = load(rules, templates)
    return [_rules_finding(loaded)], loaded.book


def _rules_finding(loaded: Loaded) -> Finding:
    errors = [one for one in loaded.diagnostics if one.severity == "error"]
    if loaded.book is None:
        says = f"{count_of(len(errors), 'error')}; the first: {errors[0].human().splitlines()[0]}"
        return fail("rules", says, "engine check")
    text = f"{count_of(len(loaded.book.rules), 'rule')}, revision {loaded.book.revision}"
    if loaded.diagnostics:
        return warn("rules", f"{text}, {count_of(len(loaded.diagnostics), 'warning')}", "`engine check` shows them")
    return ok("rules", text)


def check_links(settings: Settings, templates: Sequence[TemplateFacts]) -> Iterator[Finding]:
    """Warn when messages have link placeholders and no link is configured."""
    linked = [facts.template for facts in templates if any(map(needs_sender, facts.reads))]
    if linked and channel_urls(settings) and not settings.public_url:
        says = f"{linked[0]} has links to our pages, and ENGINE_PUBLIC_URL is not set: they would be empty"
        yield warn("links", says, "set it, and ENGINE_TOKEN_SECRET, for `engine send` and `engine web`")
    shared = [facts.template for facts in templates if any(read.path == SHARE_LINK for read in facts.reads)]
    if shared and channel_urls(settings) and not settings.share_url:
        says = f"{shared[0]} has a share link, and ENGINE_SHARE_URL is not set: it would be empty"
        yield warn("links", says, "set it, for `engine send` and `engine web`")


def check_coupons(settings: Settings, book: RuleBook) -> Iterator[Finding]:
    """Fail when messages show coupons and nothing makes their codes."""
    if why := missing_secret(settings, book):
        yield fail("coupons", f"ENGINE_COUPON_SECRET {why}", "a long random text, the same for all workers")
    elif book.shown_coupons:
        yield ok("coupons", ", ".join(book.shown_coupons))


def check_kafka(installation: Installation, catalog: Catalog) -> tuple[list[Finding], dict[str, int]]:
    """Findings on Kafka, and topic -> number of partitions; empty if the cluster cannot be asked."""
    settings = installation.settings
    try:
        with installation.brokers.admin() as admin:
            counts = admin.partition_counts(topics_of(settings, catalog))
            there = [topic for topic in topics_of(settings, catalog) if topic in counts]
            sizes = admin.size_limits(there)
            kept, cleanup = (admin.configured(there, name) for name in ("retention.ms", "cleanup.policy"))
    except SourceUnavailable as error:
        return [fail("kafka", str(error), CannotConnect.advice)], {}
    reached = ok("kafka", f"{settings.kafka_bootstrap} answers")
    findings = [reached, *_topics_findings(settings, catalog, counts), *size_findings(settings, catalog, sizes)]
    findings += keeping_findings(settings, kept, cleanup)
    findings += codec_findings(*installation.brokers.unreadable(there))
    return findings, counts


def _topics_findings(settings: Settings, catalog: Catalog, counts: Mapping[str, int]) -> Iterator[Finding]:
    topics = topics_of(settings, catalog)
    missing = [topic for topic in topics if topic not in counts]
    if missing:
        yield fail("topics", f"missing, or hidden from us: {', '.join(missing)}", "`engine topics create` makes them")
    else:
        yield ok("topics", f"all {len(topics)} are there")
    yield from partitions_findings(source_topics(settings, catalog), written_topics(settings, catalog), counts)


def partitions_findings(read: Sequence[str], written: Sequence[str], counts: Mapping[str, int]) -> Iterator[Finding]:
    """Whether topics have as many partitions as workers need. `written`: those that they write to by partition."""
    numbers = {counts[topic] for topic in read if topic in counts}
    there = [topic for topic in (*read, *written) if topic in counts]
    fewest = max(numbers, default=0)
    if len(numbers) > 1 or any(counts[topic] < fewest for topic in there):
        listed = ", ".join(f"{topic} {counts[topic]}" for topic in there)
        advice = "what workers read needs the same, what they write to as many or more; docs/operations.md says how"
        yield fail("partitions", f"the numbers differ: {listed}", advice)
    elif there:
        listed = ", ".join(f"{topic} {counts[topic]}" for topic in there if counts[topic] != fewest)
        same = ", ".join(topic for topic in there if counts[topic] == fewest)
        yield ok("partitions", ", ".join(filter(None, (f"{fewest} in {same}" if same else "", listed))))


def codec_findings(kinds: Mapping[str, str], missing: Mapping[str, str]) -> Iterator[Finding]:
    """Compressions that kafka-python cannot read. `kinds`: topic -> `compression.type`; `missing`: the packages."""
    for topic, kind in kinds.items():
        if kind in missing:
            yield fail(topic, f"is compressed with {kind}, which is not installed", f"pip install {missing[kind]}")
    if missing and "producer" in kinds.values():
        says = f"kafka-python cannot read {', '.join(missing)} here, which producers may choose"
        yield warn("compression", says, f"pip install {' '.join(missing.values())}")


def size_findings(settings: Settings, catalog: Catalog, sizes: Mapping[str, int]) -> Iterator[Finding]:
    """Whether our topics are large enough for our records. `sizes`: their `max.message.bytes`."""
    read = {source.topic for source in catalog.sources}
    for topic, size in sizes.items():
        if topic not in read and size < MIN_TOPIC_BYTES:
            yield fail(topic, too_small(size), f"raise its {MAX_MESSAGE}")
    accepted, events = catalog.accept.max_bytes, sizes.get(settings.events_topic)
    if events and largest_value(events) < accepted:
        says = f"{MAX_MESSAGE} is {events:,} and accept.max_bytes {accepted:,}: larger events become dead letters"
        yield warn(settings.events_topic, says, f"raise its {MAX_MESSAGE}, or lower accept.max_bytes in events.yaml")
    letters = sizes.get(settings.dead_letters_topic)
    if letters and largest_value(letters) < accepted * 4 // 3 + MAX_EXCERPT:
        says = f"{MAX_MESSAGE} is {letters:,}: of an event as large as accept.max_bytes it keeps the beginning only"
        yield warn(settings.dead_letters_topic, says, f"raise its {MAX_MESSAGE}, or such events cannot be replayed")
    outreach = sizes.get(settings.outreach_topic)
    if outreach:
        yield ok("sizes", f"an outreach may have {largest_value(outreach):,} bytes; what is larger fails")


def keeping_findings(settings: Settings, kept: Mapping[str, str], cleanup: Mapping[str, str]) -> Iterator[Finding]:
    """Whether topics keep records for as long as we need them, and no longer. `kept`: their `retention.ms`; `cleanup`:
    their `cleanup.policy`."""
    days, retention = settings.send_claims_days, int(kept.get(settings.outreach_topic, 0))
    deletes = "delete" in cleanup.get(settings.outreach_topic, "delete")
    if retention < 0 or retention > days * DAY or not deletes:
        how_long = text_of(retention) if retention >= 0 and deletes else "ever"
        says = f"keeps outreach for {how_long}, and senders know for {days}d what they have sent"
        advice = "lower its retention.ms, or raise ENGINE_SEND_CLAIMS_DAYS: a group that reads it anew would send again"
        yield warn(settings.outreach_topic, says, advice)
    for topic, policy in cleanup.items():
        if "compact" in policy and topic != settings.dead_letters_topic:
            says = "is compacted: of a customer's records it keeps the last one, so what was not read in time is lost"
            yield warn(topic, says, "set its cleanup.policy to delete")


def check_store(store: StateStore, partitions: int) -> Iterator[Finding]:
    """Findings on the store. `partitions`: how many the topics have, 0 if unknown."""
    if isinstance(store, HasServers):
        for server in store.servers():
            yield from server_findings(server)
    else:
        yield warn("store", "in memory", "everything is lost when the worker stops; use --store redis://…")
    meta = None
    try:
        meta = stored_meta(store)
        if partitions:
            check_stored(store, partitions)
    except OtherFormat as error:
        yield fail("customers", str(error), "docs/operations.md says how to upgrade")
        return
    except PartitionsDiffer as error:
        yield fail("customers", str(error), "docs/operations.md says how to change the number of partitions")
    except StateTooNew as error:
        yield fail("customers", str(error), "docs/operations.md says how to upgrade")
    else:
        yield ok("customers", f"in {count_of(meta.partitions, 'partition')}" if meta else "none yet")
    yield _zones(store, meta.partitions if meta else 0)


def check_history(store: StateStore, book: RuleBook) -> Iterator[Finding]:
    """Warn of history that rules read and that is not complete for all customers yet."""
    meta = stored_meta(store)
    for reader, asked in missing_history(book, meta.keeps, meta.clock) if meta else ():
        says = f"{reader} asks for {asked}: {INCOMPLETE}"
        yield warn("history", says, "`keep:` in events.yaml keeps it ahead (docs/rules.md)")


def _zones(store: StateStore, partitions: int) -> Finding:
    """Warn when the workers use other time zone data than this installation."""
    used = {store.meta(partition).zones for partition in range(partitions)} - {"", ZONES_VERSION}
    if not used:
        return ok("time zones", ZONES_VERSION)
    says = f"{ZONES_VERSION} here; workers have used {', '.join(sorted(used))}"
    return warn("time zones", says, "install the same tzdata everywhere, then restart the workers that have another")


def server_findings(server: StoreServer) -> Iterator[Finding]:
    """Findings on one server of the store."""
    what = f"store {server.name}"
    if not server.version:
        says = "answers; its user may not run INFO, so it is not known whether it keeps all that it is given"
        yield warn(what, says, "let the user run INFO, or see for yourself: docs/deployment.md says what is needed")
        return
    yield ok(what, f"{server.version}, {server.used / 2**20:.0f} MiB used")
    if not server.primary:
        yield fail(what, "is a replica: nothing can be written", "give the URL of the primary, or of the sentinels")
    if server.policy != "noeviction":
        says = f"maxmemory-policy is {server.policy}: when it is full it forgets customers"
        yield warn(what, says, "CONFIG SET maxmemory-policy noeviction")
    if not server.aof:
        says = "no append-only file: a restart loses what came after the last snapshot"
        yield warn(what, says, "CONFIG SET appendonly yes, and appendfsync everysec")
    elif _WITHOUT_WAITAOF.match(server.version):
        says = f"{server.version} has no WAITAOF: what went out in the last second before its crash may go out again"
        yield warn(what, says, "use Redis 7.2 or newer, or Valkey")
    if server.limit and server.used > NEARLY_FULL * server.limit:
        says = f"{server.used / server.limit:.0%} of maxmemory is used"
        yield warn(what, says, "raise maxmemory, or set a shorter forget_after in policy.yaml")

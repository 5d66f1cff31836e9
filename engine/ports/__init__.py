"""The ports: the protocols and values by which workers and senders speak to stores, topics and channels.

Adapters implement them, and one contract suite per port runs over every adapter. Import from this package, not from
its modules; `as` marks what it passes on. Nothing here may do IO or know a client library.
"""

from engine.ports.events import (
    EventSource as EventSource,
    IngestMark as IngestMark,
    IngestProgress as IngestProgress,
    Ownership as Ownership,
    Record as Record,
    Rekeyed as Rekeyed,
    Source as Source,
    Transfer as Transfer,
    position_of as position_of,
    topic_of as topic_of,
)
from engine.ports.format2 import HasFormat2 as HasFormat2, OldCustomer as OldCustomer
from engine.ports.sending import (
    CLOCKS_DIFFER as CLOCKS_DIFFER,
    Channel as Channel,
    Claim as Claim,
    ClaimState as ClaimState,
    ClaimStore as ClaimStore,
    DeliveryResult as DeliveryResult,
    InDoubt as InDoubt,
    Suppression as Suppression,
    SuppressionList as SuppressionList,
    SuppressionQuery as SuppressionQuery,
)
from engine.ports.sinks import (
    UNLIMITED as UNLIMITED,
    OutreachSink as OutreachSink,
    RecordWriter as RecordWriter,
    Renderer as Renderer,
)
from engine.ports.store import (
    HISTORY_LENGTH as HISTORY_LENGTH,
    OUTREACH as OUTREACH,
    STORE_FORMAT as STORE_FORMAT,
    Commit as Commit,
    Counts as Counts,
    Entry as Entry,
    HasClock as HasClock,
    HasServers as HasServers,
    KeptHistory as KeptHistory,
    Limits as Limits,
    Meta as Meta,
    Opened as Opened,
    Rollout as Rollout,
    StateStore as StateStore,
    StoreServer as StoreServer,
    fenced as fenced,
    read_meta as read_meta,
    sealed as sealed,
)
from engine.ports.telemetry import Hooks as Hooks, Measures as Measures, SenderHooks as SenderHooks, Work as Work
from engine.ports.topics import (
    AWAY_SECONDS as AWAY_SECONDS,
    BATCH_BYTES as BATCH_BYTES,
    KAFKA_DEFAULT as KAFKA_DEFAULT,
    MAX_MESSAGE as MAX_MESSAGE,
    MAX_RECORD_BYTES as MAX_RECORD_BYTES,
    MAX_WAITING_BYTES as MAX_WAITING_BYTES,
    MIN_TOPIC_BYTES as MIN_TOPIC_BYTES,
    RECORD_OVERHEAD as RECORD_OVERHEAD,
    REFUSES_BATCHES as REFUSES_BATCHES,
    WRITE_SECONDS as WRITE_SECONDS,
    Brokers as Brokers,
    Done as Done,
    GroupOffsets as GroupOffsets,
    Headers as Headers,
    NewTopic as NewTopic,
    Place as Place,
    TopicAdmin as TopicAdmin,
    TopicReader as TopicReader,
    TopicWriter as TopicWriter,
    largest_value as largest_value,
    too_small as too_small,
)

"""What rules over purchases must do on a whole history, worked out by SQL that knows nothing of the engine."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import duckdb

from tests.support.command import lines_of

Firing = tuple[str, str, str]
"""Rule, customer, and when (ISO 8601, UTC)."""

MILESTONES, IDLE_DAYS = (2, 3, 5, 10), (30, 60, 90)

EVENTS = """\
version: 1
sources:
  - { topic: shop.events, id: event_id, customer: customer_id, time: ts, properties: "." }
events:
  purchase: { properties: { amount: number } }
"""
POLICY = """\
version: 1
fresh_for: off
"""
RULES = "\n".join(
    [
        "version: 1",
        "rules:",
        *(
            f"  - {{ id: bought-{n}, when: {{ milestone: {{ count: purchase, reaches: [{n}] }} }}, send: note }}"
            for n in MILESTONES
        ),
        *(
            f"  - {{ id: idle-{n}, when: {{ inactivity: {{ of: purchase, for: {n}d }} }}, send: note }}"
            for n in IDLE_DAYS
        ),
    ]
)
TEMPLATE = "{% block subject %}{{ rule.id }}{% endblock %}{% block text %}Dear customer{% endblock %}\n"
PROJECT = {"events.yaml": EVENTS, "policy.yaml": POLICY, "rules.yaml": RULES, "note.email.j2": TEMPLATE}

END = "1998-06-30T00:00:00Z"
"""How far the clock runs on CDNOW."""
CDNOW = {
    "bought-2": 11_662,
    "bought-3": 7_583,
    "bought-5": 3_925,
    "bought-10": 1_154,
    "idle-30": 45_815,
    "idle-60": 36_814,
    "idle-90": 31_773,
}
"""What is known of CDNOW: how often each rule fires until then."""

_SQL = """
with happened as (
    select customer_id as customer, type, ts
    from read_json($path, columns = {customer_id: 'varchar', type: 'varchar', ts: 'timestamp'})
), bought as (
    select *, row_number() over (partition by customer order by ts) as n from happened where type = 'purchase'
), active as (
    select *, lead(ts, 1, $until) over (partition by customer order by ts) as next from happened where type in $idle_of
), fired as (
    select 'bought-' || n as rule, customer, ts as due from bought where n in $milestones
    union all
    select 'idle-' || days, customer, ts + to_days(days)
    from active, (select unnest($idle_days)::int as days) where next >= ts + to_days(days)
)
select rule, customer, strftime(due, '%Y-%m-%dT%H:%M:%SZ') from fired
"""


def wanted(events: Path, until: str, idle_of: Sequence[str] = ("purchase",)) -> Counter[Firing]:
    """Every firing that a look at whole histories calls for, the clock having run to `until` inclusive."""
    given = {
        "path": str(events),
        "until": until.removesuffix("Z"),
        "idle_of": list(idle_of),
        "milestones": list(MILESTONES),
        "idle_days": list(IDLE_DAYS),
    }
    sql = _SQL.replace("$until", "$until::timestamp")
    with duckdb.connect() as database:
        return Counter(database.execute(sql, given).fetchall())


def fired(out: Path) -> Counter[Firing]:
    """What the engine sent. Every line is whole, and no id is there twice."""
    lines = lines_of(out)
    assert len({line["id"] for line in lines}) == len(lines)
    return Counter((line["rule"], line["customer"], line["at"]) for line in lines)


def by_rule(firings: Counter[Firing]) -> dict[str, int]:
    """How often each rule fired."""
    counts: Counter[str] = Counter()
    for (rule, _, _), number in firings.items():
        counts[rule] += number
    return dict(counts)

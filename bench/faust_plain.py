"""The yardstick below: the job as most would write it with Faust and Redis.

An agent that reads and writes a customer's state for each event, a sorted set of due moments, and a timer that scans
it. `faust -A bench.faust_plain worker`; BENCH_EVENTS, BENCH_OUTREACH and BENCH_REDIS name the topics and the server.
"""

import asyncio
import json
import os
from typing import Any

import faust
from jinja2 import Template
from redis.asyncio import Redis

DAY = 86_400_000
PARTITIONS = 8

app = faust.App("plain", topic_allow_declare=False, topic_disable_leader=True)
events = app.topic(os.environ["BENCH_EVENTS"], value_serializer="json")
outreach = app.topic(os.environ["BENCH_OUTREACH"], value_serializer="json")
redis: Any = Redis.from_url(os.environ["BENCH_REDIS"], decode_responses=True)
text = Template("Dear {{ customer }}, you have bought {{ bought }} times.")
one_at_a_time = asyncio.Lock()
clocks: dict[int, int] = {}

State = dict[str, Any]


@app.agent(events)
async def decide(stream: faust.StreamT[Any]) -> None:
    """One event after the other."""
    async for one in stream.events():
        event, customer = one.value, one.value["customer"]
        async with one_at_a_time:
            if event["type"] != "tick":
                state = json.loads(await redis.get(f"customer:{customer}") or "{}")
                await fire_due(customer, state, event["time"])
                await apply(customer, state, event)
                await keep(customer, state)
            clocks[one.message.partition] = event["time"]


@app.timer(1.0)  # type: ignore[untyped-decorator]
async def scan() -> None:
    """Whoever is due and has not been heard of since."""
    async with one_at_a_time:
        if len(clocks) < PARTITIONS:
            return
        clock = min(clocks.values())
        for customer in await redis.zrangebyscore("due", 0, clock):
            state = json.loads(await redis.get(f"customer:{customer}") or "{}")
            await fire_due(customer, state, clock)
            await keep(customer, state)


async def apply(customer: str, state: State, event: dict[str, Any]) -> None:
    """What the event changes."""
    if event["type"] in ("purchase", "site_visit"):
        state["last"] = event["time"]
    if event["type"] == "purchase":
        state["bought"] = bought = state.get("bought", 0) + 1
        if bought in (3, 5, 10):
            await send("milestone", customer, state, str(bought), event["time"])
    if event["type"] == "trial_started" and not state.get("subscribed"):
        state["ends"] = event["properties"]["ends_at"]
    if event["type"] == "subscribed":
        state["subscribed"] = True
        state.pop("ends", None)
    due = due_moments(state)
    if due:
        await redis.zadd("due", {customer: min(due.values())})


async def fire_due(customer: str, state: State, clock: int) -> None:
    """What has come true until then."""
    for rule, due in due_moments(state).items():
        if due <= clock:
            field = "last" if rule == "inactive_30d" else "ends"
            occurrence = state.pop(field)
            if rule != "inactive_30d" or state.get("bought"):
                await send(rule, customer, state, str(occurrence), due)


def due_moments(state: State) -> dict[str, int]:
    """By rule."""
    due = {}
    if "last" in state:
        due["inactive_30d"] = state["last"] + 30 * DAY
    if "ends" in state:
        due["trial_expiring"] = state["ends"] - 3 * DAY
    return due


async def keep(customer: str, state: State) -> None:
    """State and due moment."""
    await redis.set(f"customer:{customer}", json.dumps(state))
    due = due_moments(state)
    if due:
        await redis.zadd("due", {customer: min(due.values())})
    else:
        await redis.zrem("due", customer)


async def send(rule: str, customer: str, state: State, occurrence: str, at: int) -> None:
    """One outreach."""
    message = text.render(customer=customer, bought=state.get("bought", 0))
    await outreach.send(
        key=customer.encode(),
        value={"rule": rule, "customer": customer, "occurrence": occurrence, "at": at, "text": message},
    )

"""The job through one worker, two and three: throughput, what it costs, and whether every id is right."""

from bench.job import judge, seconds_between, sent_on
from bench.modes.context import Context
from bench.table import Goal, Section, Value, figure
from bench.work import Crew
from tests.support.job import project

HOW = (
    "The topic is loaded before the workers start. events/s: the job's events over the time from its first outreach to"
    " its last, by the broker's clock; by commits: the same as the store's offsets have it, looked at every 0.1 s."
    " CPU: seconds per million events, from when the workers have come up until all is published."
    " Redis bytes: what the server holds more than when it was empty, over the customers; nothing else is in it."
)

SHARES = {1: 1 / 10, 2: 1 / 6}
"""What so many workers are to reach of bare consumption."""


def run(context: Context, workers: tuple[int, ...]) -> Section:
    """One row a number of workers."""
    section = Section("The job", HOW)
    for number in workers:
        with context.servers.crew(f"job-{number}", context.job.topic, project(context.job.topic)) as crew:
            section.rows.append(_measure(context, crew, number))
    section.goals = _goals(context, section.rows)
    return section


def _measure(context: Context, crew: Crew, number: int) -> dict[str, Value]:
    job = context.job
    meter = crew.start(number)
    pace = crew.work_off(job.records)
    cpu, commits = meter.cpu(), crew.metric("engine_commit_seconds_count") / meter.seconds
    end, peak = crew.mebibytes(), crew.peak_mebibytes()
    crew.stop()
    outreach = list(sent_on(crew.bus, crew.outreach))
    verdict = judge(outreach, job.wanted)
    rate = job.events / seconds_between(outreach)
    context.rates[f"job {number}"] = rate
    return {
        "workers": number,
        "events/s": round(rate),
        "by commits": round(pace.rate),
        **{f"{group} CPU s/M": round(seconds / job.events * 1e6, 1) for group, seconds in cpu.items()},
        "MiB a worker, half-way": round(pace.mebibytes_at_half),
        "at the end": round(end),
        "at most": round(peak),
        "redis bytes a customer": round(crew.redis_bytes() / job.customers, 1),
        "commits/s": round(commits, 1),
        "outreach": verdict.records,
        "missing": len(verdict.missing),
        "extra": len(verdict.extra),
        "repeated": verdict.repeated,
    }


def _goals(context: Context, rows: list[dict[str, Value]]) -> list[Goal]:
    goals = []
    for row in rows:
        number = int(figure(row, "workers"))
        wrong = sum(figure(row, name) for name in ("missing", "extra", "repeated"))
        goals.append(Goal(f"wrong ids, workers: {number}", wrong, 0, at_most=True))
        if number in SHARES:
            ratio = context.ratio(f"job {number}", "bare")
            goals.append(Goal(f"of bare consumption, workers: {number}", ratio, SHARES[number]))
    first = rows[0]
    if first["workers"] == 1:
        goals.append(Goal("worker CPU s per million events", figure(first, "worker CPU s/M"), 10, at_most=True))
        goals.append(Goal("Redis bytes a customer", figure(first, "redis bytes a customer"), 250, at_most=True))
    return goals

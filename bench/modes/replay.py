"""`engine replay` in memory: the job from a file, its outreach to a file."""

import json

import msgspec

from bench.job import Sent, judge
from bench.modes.context import Context
from bench.table import Goal, Section, Value
from bench.usage import MIB, watch
from tests.support.command import start
from tests.support.job import make_job, project
from tests.support.project_files import write_project

HOW = "A process for each core, no broker, no Redis. events/s as the command counts them itself; CPU and memory of all."


def run(context: Context) -> Section:
    """One row."""
    number = context.sizes.replay_events
    job = make_job.__wrapped__(number, number // 10)
    folder = write_project(context.servers.folder / "replay", project("bench.events"))
    (folder / "events.jsonl").write_bytes(b"".join((entry.value or b"") + b"\n" for entry in job.entries))
    with (folder / "summary.json").open("wb") as said:
        process = start("replay", "events.jsonl", "--out", "out.jsonl", "--json", folder=folder, stdout=said)
        ended = watch(process.pid)
    process.returncode = ended.status
    summary = json.loads((folder / "summary.json").read_text())
    with (folder / "out.jsonl").open("rb") as out:
        verdict = judge([_decode(line) for line in out], job.wanted)
    rate = round(summary["events"] / summary["seconds"])
    row: dict[str, Value] = {
        "run": f"{number:,} events",
        "events/s": rate,
        "CPU s/M": round(ended.cpu / number * 1e6, 1),
        "peak MiB": round(ended.peak / MIB),
        "wrong ids": len(verdict.missing) + len(verdict.extra) + verdict.repeated,
    }
    return Section("Replay in memory", HOW, [row], [Goal("events/s of engine replay", rate, 100_000)])


_decode = msgspec.json.Decoder(Sent).decode

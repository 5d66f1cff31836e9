"""`engine backtest` beside `engine replay`, in turn, on the benchmark job: events a second, and CPU an event.

    python -m bench.backtest [events] [runs]

The history is sorted once before, which is timed by itself. Prints a JSON object a run, and exits 1 where the two do
not write the same lines.
"""

import json
import sys
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from bench.usage import MIB, watch
from tests.support.command import start
from tests.support.job import make_job, project
from tests.support.project_files import write_project

REPLAY = "replay", "events.jsonl", "--out", "r.o", "--outcomes", "r.c"
BACKTEST = "backtest", "rules", "--events", "events.jsonl", "--out", "b.o", "--outcomes", "b.c"


def main() -> None:
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    runs = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    with TemporaryDirectory() as name:
        folder = write_project(Path(name), project("events"))
        with (folder / "events.jsonl").open("w") as lines:
            for event in make_job.__wrapped__(number, number // 10).events:
                lines.write(json.dumps(event, separators=(",", ":")) + "\n")
        tell("first backtest, with sorting", folder, number, *BACKTEST)
        for _ in range(runs):
            tell("replay", folder, number, *REPLAY)
            tell("backtest", folder, number, *BACKTEST)
        if any(digest(folder / f"r.{end}") != digest(folder / f"b.{end}") for end in "oc"):
            sys.exit("replay and backtest have written different lines")


def tell(what: str, folder: Path, events: int, *command: str) -> None:
    """Run a command, writing outreach and outcomes to files."""
    began = perf_counter()
    with (folder / "summary.json").open("wb") as said:
        run = start(*command, "--json", folder=folder, stdout=said)
        ended = watch(run.pid)
    run.returncode = ended.status
    wall = perf_counter() - began
    found = {
        "what": what,
        "events_per_second": round(events / wall),
        "microseconds_of_cpu_an_event": round(ended.cpu / events * 1e6, 1),
        "seconds": round(wall, 1),
        "peak_mebibytes": round(ended.peak / MIB),
    }
    print(json.dumps(found), flush=True)


def digest(path: Path) -> str:
    return sha256(b"\n".join(sorted(path.read_bytes().splitlines()))).hexdigest()


if __name__ == "__main__":
    main()

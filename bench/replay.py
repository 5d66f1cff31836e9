"""How fast `engine replay` is on one core: CDNOW's 69,659 purchases, two messages an event, all in memory.

    python -m bench.replay cdnow.jsonl.gz [runs]

Prints a JSON object a run: events a second as the command itself counts them, CPU and wall seconds of the whole
process, its peak memory; and exits 1 where the firings are not those known of CDNOW.
"""

import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from bench.usage import MIB, watch
from tests.support.cdnow import CDNOW, END, PROJECT, by_rule, fired
from tests.support.command import start
from tests.support.project_files import write_project


def main() -> None:
    events = Path(sys.argv[1]).resolve()
    runs = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    with TemporaryDirectory() as folder:
        project = write_project(Path(folder), PROJECT)
        for _ in range(runs):
            print(json.dumps(measure(project, events)), flush=True)
        if by_rule(fired(project / "out.jsonl")) != CDNOW:
            sys.exit("the firings are not those known of CDNOW")


def measure(project: Path, events: Path) -> dict[str, float]:
    """One run, writing its outreach to a file."""
    began = perf_counter()
    with (project / "summary.json").open("wb") as said:
        run = start("replay", events, "--until", END, "--out", "out.jsonl", "--json", folder=project, stdout=said)
        ended = watch(run.pid)
    run.returncode = ended.status
    wall = perf_counter() - began
    summary = json.loads((project / "summary.json").read_text())
    return {
        "events": summary["events"],
        "outreach": summary["outreach"],
        "events_per_second": round(summary["events"] / summary["seconds"]),
        "seconds": summary["seconds"],
        "process_seconds": round(wall, 2),
        "cpu_seconds": round(ended.cpu, 2),
        "peak_mebibytes": round(ended.peak / MIB),
    }


if __name__ == "__main__":
    main()

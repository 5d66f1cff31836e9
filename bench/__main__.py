"""`make bench`: measures the engine beside its yardsticks, prints the tables and writes them to bench/results/.

python -m bench [MODE …] [--quick | --full] [--events N …]. Without a mode, all of them.
"""

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import asdict, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

from rich.console import Console
from rich.markup import escape

from bench import machine
from bench.modes import bare, job, latency, many, plain, programs, replay, rules, storm
from bench.modes.context import Context
from bench.sizes import FULL, QUICK, Sizes
from bench.table import Section, Value, goal_rows, markdown_table, rich_table, turned
from bench.work import open_servers

RESULTS = Path(__file__).parent / "results"
MODES: dict[str, Callable[[Context], Section]] = {
    "bare": bare.run,
    "job": lambda context: job.run(context, (1,)),
    "workers": lambda context: job.run(context, (2, 3)),
    "faust": plain.run,
    "latency": latency.run,
    "storm": storm.run,
    "many": many.run,
    "rules": rules.run,
    "programs": programs.run,
    "replay": replay.run,
}
"""In the order they run: those that others compare with come first."""
console = Console()


def main() -> None:
    options = _options()
    sizes = _sizes(options)
    about = machine.describe()
    began, sections = monotonic(), []
    with open_servers() as servers:
        context = Context(servers, sizes)
        chosen = {name: measure for name, measure in MODES.items() if name in options.modes or not options.modes}
        for name, measure in chosen.items():
            if section := _run(name, measure, context):
                sections.append(section)
    about["took"] = f"{monotonic() - began:.0f} s"
    if sections:
        _conclude(sections, about, sizes)
    if len(sections) < len(chosen):
        sys.exit("not all modes could be measured: see above")


def _run(name: str, measure: Callable[[Context], Section], context: Context) -> Section | None:
    """A mode that fails says so, and the others go on."""
    began = monotonic()
    try:
        with console.status(name):
            section = measure(context)
    except RuntimeError as error:
        console.print(f"[bold red]{name}[/]: {escape(str(error))}", "")
        return None
    section.seconds = monotonic() - began
    console.print(rich_table(f"{section.title} (took {section.seconds:.0f} s)", turned(section.rows)), "")
    return section


def _conclude(sections: list[Section], about: dict[str, str], sizes: Sizes) -> None:
    goals = goal_rows(sections)
    if goals:
        console.print(rich_table("Goals", goals), "")
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{datetime.now(UTC):%Y-%m-%d-%H%M}-{about['commit']}"
    data = {"machine": about, "sizes": asdict(sizes), "sections": [section.as_data() for section in sections]}
    path.with_suffix(".json").write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")
    path.with_suffix(".md").write_text(_markdown(sections, goals, about, sizes), encoding="utf-8")
    console.print(f"Written to {path}.md and .json", highlight=False)


def _markdown(sections: list[Section], goals: list[dict[str, Value]], about: dict[str, str], sizes: Sizes) -> str:
    machine_rows: list[dict[str, Value]] = [{"machine": name, "": value} for name, value in about.items()]
    parts = [f"# Benchmark of {datetime.now(UTC):%Y-%m-%d %H:%M} UTC\n"]
    parts += [markdown_table(machine_rows)]
    parts += [f"Sizes: {', '.join(f'{name} {value:,}' for name, value in asdict(sizes).items())}.\n"]
    parts += [f"## Goals\n\n{markdown_table(goals)}"] if goals else []
    parts += [f"## {section.title}\n\n{section.how}\n\n{markdown_table(turned(section.rows))}" for section in sections]
    return "\n".join(parts)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description="Measure the engine beside its yardsticks.")
    parser.add_argument("modes", nargs="*", metavar="MODE", help=f"some of: {', '.join(MODES)}; all of them if none")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_const", dest="sizes", const=QUICK, help="two minutes")
    size.add_argument("--full", action="store_const", dest="sizes", const=FULL, help="as large as the goals say it")
    for each in fields(Sizes):
        parser.add_argument(f"--{each.name.replace('_', '-')}", type=int, metavar="N", help=f"default {each.default:,}")
    parser.set_defaults(sizes=Sizes())
    options = parser.parse_args()
    if unknown := set(options.modes) - MODES.keys():
        parser.error(f"no such mode: {', '.join(sorted(unknown))}")
    return options


def _sizes(options: argparse.Namespace) -> Sizes:
    given = {each.name: getattr(options, each.name) for each in fields(Sizes)}
    chosen: Sizes = options.sizes
    return replace(chosen, **{name: value for name, value in given.items() if value is not None})


if __name__ == "__main__":
    main()

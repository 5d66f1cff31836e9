"""The table of commands. A command's module is imported when it runs, so that --help is fast."""

import gc
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from io import TextIOWrapper
from typing import Any, NamedTuple

import typer
import typer.core

from engine.errors import CannotConnect, EngineError, UsageError
from engine.extras import explaining_duckdb, naming_extras
from engine.wiring.unwinding import unwound_by_signals


class Entry(NamedTuple):
    """A command: its module in engine.cli, and the first paragraph of its help, which `engine --help` lists."""

    module: str
    help: str


COMMANDS: Mapping[str, Entry] = {
    "check": Entry(
        "check", "Check rules, policy, events, templates and rule tests; show every finding with its place."
    ),
    "test": Entry(
        "rule_tests",
        "Run rule tests on a virtual clock; each also with every event twice and the state saved in between.",
    ),
    "replay": Entry("replay", "Run a history of events through the rules, on the events' own clock."),
    "backtest": Entry(
        "backtest",
        "Show what rules would have sent over a history of events, per rule and day, and what two rule books do"
        " differently.",
    ),
    "plan": Entry(
        "plan",
        "Show what a change of the rules will do to the customers who are there: which timers it arms, moves and drops,"
        " what is due at once, and a forecast per day. Nothing is written; workers may be running.",
    ),
    "apply": Entry(
        "apply",
        "Roll out a plan to some customers first, always the same ones; without a plan, tell how it goes. Workers may"
        " run.",
    ),
    "explain": Entry(
        "explain", "Show a customer's armed timers and past outcomes, and for each rule why it has not fired."
    ),
    "preview": Entry(
        "preview",
        "Render one template, from sample data or for a customer of the store, on a journey as their run sends it.",
    ),
    "show": Entry("show", "Draw a journey: its steps, waits and branches, and what ends it."),
    "schema": Entry(
        "schema",
        "Print the JSON Schema of a kind of file, for editors that complete and check, or of the outreach record.",
    ),
    "init": Entry("init", "Start a project: rules, templates and tests of an example, to be changed into yours."),
    "demo": Entry(
        "demo",
        "Replay real shop purchases of 1997 and 1998, with generated visits, carts and trials, through the rules.",
    ),
    "run": Entry(
        "worker",
        "Run a worker: events in from Kafka, customers in Redis, outreach out to Kafka."
        " Settings are ENGINE_… variables.",
    ),
    "send": Entry(
        "send", "Run a sender: outreach from Kafka, to mail servers and webhooks. Settings are ENGINE_… variables."
    ),
    "web": Entry("web", "Run the pages for unsubscribing, preferences and surveys. Settings are ENGINE_… variables."),
    "doctor": Entry(
        "doctor",
        "Look at everything around the workers: reach, topics, partitioner, clocks, lag, overdue timers;"
        " advise on each.",
    ),
    "topics": Entry("topics", "The topics that the engine reads and writes."),
    "send-event": Entry(
        "send_event",
        "Send one event, checked against events.yaml, in the format of its topic and to the partition of its customer.",
    ),
    "dead-letters": Entry("dead_letters", "Records that could not be used: why, and sending them again."),
    "customer": Entry("customer", "What the engine knows of one customer."),
    "audience": Entry("audience", "Segments as lists for other programs: files for ad platforms."),
    "suppression": Entry("suppression", "Who is not written to: the suppression list of the senders."),
    "archive": Entry(
        "archive",
        "Append events, outcomes and feedback to an archive of Parquet files, each record once: from topics or files.",
    ),
    "metrics": Entry(
        "metrics",
        "Show how customers stay: retention, churn, repeat purchases, cohorts, RFM, predictions, what outreach led to.",
    ),
    "fit": Entry(
        "fit",
        "Fit a model to the purchases of an archive and write its parameters to scores.json in the folder of the"
        " rules.",
    ),
    "recommend": Entry("recommend", "What customers bought with an item, as a reference table that templates read."),
    "coupons": Entry("coupons", "Coupons that messages have issued: whose a code is."),
    "experiment": Entry("experiment", "Experiments: how long one will take, and what it shows."),
    "store": Entry("store", "What the store has: where a customer is, everything as JSON, a check."),
    "reshard": Entry(
        "reshard",
        "Move all customers to another number of partitions: states, timers, history, tombstones."
        " Stop all workers first.",
    ),
}
"""In the order of --help."""


class OnDemand(Mapping[str, Any]):
    """The commands, each imported when it is asked for. Raises ExtraMissing."""

    def __getitem__(self, name: str) -> Any:
        entry = COMMANDS[name]
        with naming_extras():
            module = import_module(f"engine.cli.{entry.module}")
        if not gc.isenabled():  # see engine.cli.start
            gc.freeze()
            gc.enable()
        app = typer.Typer()
        module.register(app)
        return typer.main.get_group(app).commands[name]

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


class Commands(typer.core.TyperGroup):
    """The group of all commands: it lists them from the table, and imports the one that runs."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings | {"commands": OnDemand()})

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """A stand-in, for lists. `resolve_command` gives the command itself."""
        entry = COMMANDS.get(cmd_name)
        return typer.core.TyperCommand(cmd_name, help=entry.help) if entry else None

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Name, command and the arguments left for it."""
        name, found, rest = super().resolve_command(ctx, args)
        return name, found and self.commands[str(name)], rest


app = typer.Typer(
    name="engine",
    help="Retention rules as text files: check them, test them, replay history through them, explain what they did.",
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


@app.callback(invoke_without_command=True)
def _root(show_version: bool = typer.Option(False, "--version", help="Show the version and stop.")) -> None:
    if show_version:
        from importlib.metadata import version  # imports email, a tenth of a second

        typer.echo(f"trigger-engine {version('trigger-engine')}")
        raise typer.Exit


def _check_arguments(arguments: Sequence[str]) -> None:
    """Refuse arguments that are not UTF-8: neither Redis nor Kafka nor a terminal can encode them."""
    for place, argument in enumerate(arguments, 1):
        try:
            argument.encode()
        except UnicodeEncodeError as error:
            shown = argument.encode(errors="replace").decode()
            message = f"argument {place} ({shown}) is not UTF-8"
            raise UsageError(message) from error


def run() -> None:
    """Runs a command: prints an EngineError as one message, without a traceback, and exits with code 1.

    So it does with what the system or DuckDB refuses, such as a file that cannot be written.

    SIGTERM, Ctrl-C and a closed terminal let it remove what it made for the time being; the code is 128 and the signal.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that knows only ASCII
    try:
        _check_arguments(sys.argv[1:])
        with unwound_by_signals(), naming_extras(), explaining_duckdb():
            app()
    except (EngineError, OSError) as error:
        from engine.cli.console import complain  # rich takes 25 ms, which a command without colours does without

        for line in _complaints(error):
            complain(line)
        sys.exit(1)


def _complaints(error: EngineError | OSError) -> Iterator[str]:
    if isinstance(error, OSError):
        where = "" if error.filename is None else f"{error.filename}: "
        yield where + (error.strerror or str(error)).lower()
        return
    yield str(error)
    if isinstance(error, CannotConnect):
        yield error.advice

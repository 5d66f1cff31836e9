"""The table of commands: `engine --help` lists it without importing a command's module."""

from collections.abc import Mapping
from typing import NamedTuple


class Entry(NamedTuple):
    """A command: its module in engine.cli, and the first paragraph of its help, which `engine --help` lists.

    `function`: what runs; named like the module if "". `group`: of a command that has commands of its own, such as
    `engine topics create`, their names, with their functions.
    """

    module: str
    help: str
    function: str = ""
    group: Mapping[str, str] = {}


COMMANDS: Mapping[str, Entry] = {
    "check": Entry(
        "check", "Check rules, policy, events, templates and rule tests; show every finding with its place."
    ),
    "test": Entry(
        "rule_tests",
        "Run rule tests on a virtual clock; each also with every event twice and the state saved in between.",
        "run_tests",
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
        "Roll out a plan to some customers first, always the same ones; without a plan, show how the roll-out goes."
        " Workers may be running.",
        "apply_command",
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
        "run",
    ),
    "send": Entry(
        "send", "Run a sender: outreach from Kafka, to mail servers and webhooks. Settings are ENGINE_… variables."
    ),
    "web": Entry("web", "Run the pages for unsubscribing, preferences and surveys. Settings are ENGINE_… variables."),
    "doctor": Entry(
        "doctor",
        "Check all that workers need: connections, topics, partitioner, clocks, lag, overdue timers; with advice.",
    ),
    "topics": Entry("topics", "Create the topics that the engine reads and writes.", group={"create": "create"}),
    "send-event": Entry(
        "send_event",
        "Send one event, checked against events.yaml, in the format of its topic and to the partition of its customer.",
    ),
    "dead-letters": Entry(
        "dead_letters",
        "List records that could not be used, with the reasons, and send them again.",
        group={"list": "list_letters", "replay": "replay"},
    ),
    "customer": Entry(
        "customer",
        "Show, export or erase what the engine knows of one customer.",
        group={"show": "show", "export": "export", "erase": "erase"},
    ),
    "audience": Entry(
        "audience",
        "Export a segment as a file, for ad platforms and other programs.",
        group={"export": "export_segment"},
    ),
    "suppression": Entry(
        "suppression",
        "List, add and remove addresses to which senders must not send.",
        group={"list": "list_", "add": "add", "remove": "remove"},
    ),
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
    "recommend": Entry(
        "recommend", "Make a reference table for templates: what customers bought with an item.", group={"fit": "fit"}
    ),
    "coupons": Entry(
        "coupons",
        "Verify the code of a coupon that a message has issued, and say whose it is.",
        group={"verify": "verify"},
    ),
    "experiment": Entry(
        "experiment", "Plan an experiment, or report what one has shown.", group={"plan": "plan", "report": "report"}
    ),
    "store": Entry(
        "store",
        "Look into the store: where a customer is, everything as JSON, and whether all of it can be read.",
        group={"where": "where", "dump": "dump", "check": "check"},
    ),
    "reshard": Entry(
        "reshard",
        "Move all customers to another number of partitions: states, timers, history, tombstones."
        " Stop all workers first.",
    ),
}
"""In the order of --help."""

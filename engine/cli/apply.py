"""`engine apply`: rolls out a plan, first to some customers, watches it, finishes it or goes back."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from engine.cli.console import complain, out, print_as_json, say
from engine.cli.folding import FoldingTable
from engine.cli.options import AsJson, Data, Namespace, Store, duration_of, refuse_ignored, settings_of
from engine.core.durations import text_of
from engine.errors import RolloutRefused, UsageError
from engine.operate.rollout import BY_HAND, Status, end, forget, reasons_to_hold, status
from engine.ports import StateStore
from engine.wiring.apply import Wish, apply, knows_complaints, read_plan
from engine.wiring.store import open_store

GONE_BACK = 4
"""The exit code of --status where the roll-out has gone back."""
SHARE = 5.0
"""Percent of the customers who have the new rules first."""
PHASES = {
    "canary": "is being tried",
    "finished": "is what all customers have, or will have when they are met",
    "back": "has been taken back",
}


def apply_command(
    plan: Annotated[Path | None, typer.Argument(help="What `engine plan … --out` has written.")] = None,
    share: Annotated[
        float | None, typer.Option(min=0.01, max=100, help="Customers who have the new rules first, %; 5 if not given.")
    ] = None,
    spread: Annotated[str, typer.Option(help="Over how long they go over, such as 1d; for shortened waits.")] = "",
    exits: Annotated[int, typer.Option(min=0, help="How many people may leave a journey by it.")] = 0,
    factor: Annotated[
        float | None, typer.Option(min=1, help="Brake: a rule sends so many times its forecast; 3, or as before.")
    ] = None,
    most: Annotated[
        int | None, typer.Option(min=0, help="Brake: so many messages in all (0: no limit); none, or as before.")
    ] = None,
    finish: Annotated[bool, typer.Option("--finish", help="Give the new rules to everybody.")] = False,
    back: Annotated[bool, typer.Option("--back", help="Take the new rules from everybody.")] = False,
    forgotten: Annotated[bool, typer.Option("--forget", help="Run what the folders have again.")] = False,
    regardless: Annotated[
        bool, typer.Option("--regardless", help="--finish without data; a plan that a brake has taken back.")
    ] = False,
    store: Store = None,
    data: Data = None,
    namespace: Namespace = None,
    as_json: AsJson = False,
) -> None:
    """Roll out a plan to some customers first, always the same ones; without a plan, show how the roll-out goes.
    Workers may be running.

    Brakes take the new rules back by themselves. Exits 0 when done, 1 when refused, 4 when the roll-out has gone back.

    Example: engine apply plan.json --share 5 --store redis://redis:6379/0
    """
    if sum((plan is not None, finish, back, forgotten)) > 1:
        message = "give one of: a plan, --finish, --back, --forget"
        raise UsageError(message)
    if not plan:
        of_a_plan = {"--share": share, "--exits": exits, "--factor": factor, "--most": most is not None}
        refuse_ignored("with a plan", of_a_plan)
    if not (plan or finish):
        refuse_ignored("with a plan or --finish", {"--spread": spread, "--regardless": regardless})
    wish = Wish(round((share or SHARE) * 100), duration_of(spread, "--spread"), exits, factor, most, regardless)
    settings = settings_of(store=store, data=data, namespace=namespace)
    with open_store(settings) as opened:
        if plan is not None:
            apply(opened, read_plan(plan), wish)
        elif finish:
            _finish(opened, wish.spread, regardless)
        elif back:
            end(opened, "back", BY_HAND)
        elif forgotten:
            forget(opened)
        _tell(status(opened), as_json)


def _finish(store: StateStore, spread: int, regardless: bool) -> None:
    now = status(store)
    if now is not None and now.rollout.phase == "canary" and not regardless:
        reasons = list(reasons_to_hold(now))
        if not knows_complaints(store, now.rollout):
            reasons.append("complaints are not known, as events.yaml does not read the feedback topic")
        for reason in reasons:
            complain(reason)
        if reasons:
            message = "no data means hold; --regardless finishes it nevertheless"
            raise RolloutRefused(message)
    end(store, "finished", "", spread)


def _tell(now: Status | None, as_json: bool) -> None:
    if as_json:
        print_as_json(now)
    elif now is None:
        out.print("no roll-out: workers run what their folders have")
    else:
        _show(now)
    if now is not None and now.rollout.phase == "back":
        raise typer.Exit(GONE_BACK)


def _show(now: Status) -> None:
    rollout, counts = now.rollout, now.counts
    because = f": {rollout.reason}" if rollout.reason else ""
    say(f"[bold]{rollout.base} → {rollout.revision} {PHASES[rollout.phase]}{escape(because)}[/]")
    waiting = f"; in {now.waiting} of {now.partitions} partitions they are still being met" if now.waiting else ""
    say(
        f"{rollout.share / 100:g} % of all customers; {counts.customers:,} had the new rules, watched for"
        f" {text_of(now.watched // 1000 * 1000)}{waiting}"
    )
    if now.kept:
        say(
            f"[yellow]{now.kept} of {now.partitions} partitions had finished it before and keep the new rules; when"
            " their customers have met them, `engine apply --forget` lets all run what the workers' folders have[/]"
        )
    if now.apart > now.kept:
        say(f"[yellow]{now.apart} of {now.partitions} partitions are not there yet: run the same command again[/]")
    say(f"failed: {counts.failed:,} ({counts.failed_without:,} with the old rules); complaints: {counts.complaints:,}")
    table = FoldingTable(box=None, pad_edge=False, header_style="dim")
    for column in ("rule", "sent", "expected by now", "the old rules"):
        table.add_column(column, justify="left" if column == "rule" else "right")
    for rule in now.rules:
        table.add_row(escape(rule.id), f"{rule.sent:,}", f"{rule.expected:,.0f}", f"{rule.without:,}")
    out.print(table, highlight=False)

"""A channel that prints outreach on the screen, for `console:` URLs."""

from rich.console import Console, Group
from rich.panel import Panel
from rich.text import Text

from engine.model import Outreach


class ConsoleChannel:
    """A Channel that prints."""

    def __init__(self, console: Console) -> None:
        self._console = console

    async def deliver(self, outreach: Outreach) -> None:
        """Returns when it has been printed."""
        head = f"{outreach.channel} to {outreach.to or outreach.customer}, {outreach.purpose}, by {outreach.rule}"
        subject = Text(outreach.subject, style="bold")
        self._console.print(Panel(Group(subject, Text(outreach.text)), title=Text(head), subtitle=Text(outreach.id)))

    async def close(self) -> None:
        """The screen stays."""

"""Builds the installation that checks examine from settings."""

from functools import partial

from engine.config import Settings
from engine.operate.installation import Installation
from engine.render import inspect_templates
from engine.wiring.brokers import KafkaBrokers
from engine.wiring.store import open_store
from engine.wiring.wall_clock import wall_clock


def installation_of(settings: Settings) -> Installation:
    """The installation; connects to nothing yet."""
    return Installation(
        settings,
        brokers=KafkaBrokers(settings),
        open_store=partial(open_store, settings),
        wall=wall_clock,
        inspect_templates=partial(inspect_templates, settings.templates),
    )

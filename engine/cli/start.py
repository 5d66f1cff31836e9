"""`engine`: the entry point."""

import gc
import os
import sys


def run() -> None:
    """Runs the command line without garbage collection until the command is imported.

    Importing makes 300,000 objects and no garbage. Collections on the way, and one at the end of the process, would be
    a fifth of what `engine check` takes. What is imported is then set aside for good (`engine.cli.main`).
    """
    gc.disable()
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # it would read the metadata of every distribution
    from engine.cli.main import run as run_command  # its imports are half of it

    try:
        run_command()
    finally:
        if "duckdb" in sys.modules:  # it complains, 60 lines long, of its objects that the end of the process leaves
            gc.unfreeze()

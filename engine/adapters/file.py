"""Reads events from files of JSON lines, plain or gzipped, and writes outreach into such a file. Replays use both."""

import gzip
import os
import stat
import sys
import zlib
from codecs import BOM_UTF8
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from hashlib import sha256
from io import BufferedReader, RawIOBase
from itertools import repeat
from pathlib import Path
from typing import IO, Any, Final, Self

import msgspec

from engine.errors import BadInputFile, BadOutputFile
from engine.model import UNREADABLE
from engine.ports import UNLIMITED, Entry, Record

STANDARD: Final = "-"
"""The path that stands for standard input, or standard output."""

LINE_BREAKS_OFF: Final = "the last line breaks off; everything before that was read"
_TABLES: Final = (".csv", ".tsv", ".parquet", ".xlsx")
"""Endings of files that are tables; DuckDB reads all of them."""
_BUFFER: Final = 1024 * 1024
_Bytes = IO[bytes] | gzip.GzipFile


class _Beginning(RawIOBase):
    """A stream that ends after so many bytes of a file."""

    def __init__(self, file: BufferedReader, size: int) -> None:
        self._file = file
        self._left = size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._file.read(min(len(buffer), self._left))
        self._left -= len(data)
        buffer[: len(data)] = data
        return len(data)


class JsonLinesSource:
    """One record per line that is not blank, from files that may be gzipped, one file after the other.

    A source is named by its file and a hash of its first line. So a file that has grown since the last run is read on
    from where that ended, and another file that has taken its name is read from its beginning.
    Of a line longer than `longest_line` bytes the rest is dropped; the decoder then rejects it as too large.
    With `size` only so many bytes of each file are read, even if it grows meanwhile.
    Raises BadInputFile: here for what cannot be opened, while reading for what breaks off, after all that came before.
    """

    def __init__(
        self, paths: Sequence[Path | str], longest_line: int = 16 * 1024 * 1024, size: int | None = None
    ) -> None:
        self._paths = [str(path) for path in paths]
        self._longest_line = longest_line
        self._size = size
        self._readers: dict[str, tuple[int, int]] = {}
        for path in self._paths:
            _check_readable(path)

    @classmethod
    def of_each(cls, paths: Sequence[Path | str], sizes: Sequence[int] = ()) -> list[Self]:
        """One source per file, to be merged by time; each with its number of bytes to read, or all."""
        sources = [cls([path], size=size) for path, size in zip(paths, sizes or repeat(None), strict=False)]
        for source in sources:
            source._readers = sources[0]._readers
        return sources

    def read(self, offsets: Mapping[str, int]) -> Iterator[Record]:
        """Records from `offsets` (source -> lines read already; 0 where absent) to the end."""
        for place, path in enumerate(self._paths):
            with _reading(path, self._size) as stream:
                yield from self._records(place, stream, offsets)

    def _records(self, place: int, stream: _Bytes, offsets: Mapping[str, int]) -> Iterator[Record]:
        longest, source, done = self._longest_line, "", 0
        for number, line in enumerate(iter(partial(stream.readline, longest), b""), 1):
            value = line.strip()
            if value:
                if not source:
                    value = value.removeprefix(BOM_UTF8)
                    _check_first(self._paths[place], value)
                    source = self._name(place, value)
                    done = offsets.get(source, 0)
                if number > done:
                    if line[-1:] != b"\n" and len(line) < longest and _breaks_off(value):
                        raise BadInputFile(self._paths[place], LINE_BREAKS_OFF)
                    yield Record(source, 0, number, value)
            if len(line) == longest:
                _drop_rest(stream, line)

    def _name(self, place: int, first: bytes) -> str:
        path = self._paths[place]
        source = f"{Path(path).name}#{sha256(first).hexdigest()[:8]}"
        if self._readers.setdefault(source, (id(self), place)) != (id(self), place):
            raise BadInputFile(path, "another file of this run has the same name and the same first line; rename one")
        return source


def _breaks_off(line: bytes) -> bool:
    """Whether JSON begins and does not end: a copy that was cut, or a line that is still being written."""
    try:
        msgspec.json.decode(line)
    except msgspec.DecodeError as error:
        return "truncated" in str(error)
    except UNREADABLE:
        return False
    return False


def _drop_rest(stream: _Bytes, line: bytes) -> None:
    """Skip the rest of a line that was too long."""
    longest = len(line)
    while len(line) == longest and not line.endswith(b"\n"):
        line = stream.readline(longest)


def _check_readable(path: str) -> None:
    if path == STANDARD:
        return
    with _explained(path):
        mode = os.stat(path).st_mode
    if stat.S_ISDIR(mode):
        raise BadInputFile(path, "is a folder; name the files in it")
    if not os.access(path, os.R_OK):
        raise BadInputFile(path, "permission denied")
    name = Path(path.removesuffix(".gz"))
    if name.suffix.lower() in _TABLES:
        convert = f"COPY (FROM '{path}') TO '{name.stem}.jsonl' (FORMAT json)"
        raise BadInputFile(path, f'is no file of JSON lines; convert it: duckdb -c "{convert}"')


def _check_first(path: str, line: bytes) -> None:
    """Refuse JSON that is not in lines: each of its lines would be a record that cannot be read."""
    if line.startswith(b"["):
        raise BadInputFile(path, f"is one JSON array; write each record on a line of its own: jq -c '.[]' {path}")
    if line == b"{":
        raise BadInputFile(path, f"has records of several lines; write each on a line of its own: jq -c . {path}")


@contextmanager
def _reading(path: str, size: int | None) -> Iterator[_Bytes]:
    with _explained(path), _opened(path) as whole:
        file = whole if size is None else BufferedReader(_Beginning(whole, size), _BUFFER)
        if path.endswith(".gz") or file.peek(2).startswith(b"\x1f\x8b"):
            with gzip.open(file) as unpacked:
                yield unpacked
        else:
            yield file


@contextmanager
def _opened(path: str) -> Iterator[BufferedReader]:
    if path == STANDARD:
        assert isinstance(sys.stdin.buffer, BufferedReader)
        yield sys.stdin.buffer
        return
    with open(path, "rb") as file:
        yield file


@contextmanager
def _explained(path: str) -> Iterator[None]:
    try:
        yield
    except EOFError as error:
        raise BadInputFile(path, "the gzip data breaks off; everything before that was read") from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise BadInputFile(path, f"the gzip data is damaged ({error}); everything before that was read") from error
    except OSError as error:
        raise BadInputFile(path, _reason(error)) from error


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()


class JsonLinesSink:
    """Appends one line per outreach, whatever its partition; its folder is made where missing.

    A last line that a killed run left unfinished is cut off: that outreach is still in the outbox.
    `anew`: begin with an empty file, for a run that continues no other. Raises BadOutputFile.
    """

    def __init__(self, path: Path | str, *, anew: bool = False) -> None:
        self._path = str(path)
        self._handed_over: dict[int, list[str]] = {}
        with self._explained():
            self._regular = self._path != STANDARD and _mend(Path(self._path))
            if anew and self._regular:
                os.truncate(self._path, 0)
            self._stream = sys.stdout.buffer if self._path == STANDARD else open(self._path, "ab")  # noqa: SIM115

    largest = UNLIMITED

    def published(self, partition: int) -> set[str]:
        """Every id in the file; none for a pipe or the standard output, which cannot be read again."""
        if not self._regular:
            return set()
        with self._explained(), open(self._path, "rb") as lines:
            return {self._id(number, line) for number, line in enumerate(lines, 1)}

    def publish(self, partition: int, entries: Sequence[Entry]) -> None:
        """Append the values; `delivered` and `flush` write it to disk."""
        with self._explained():
            self._stream.write(b"".join(entry.value + b"\n" for entry in entries))
        self._handed_over.setdefault(partition, []).extend(entry.id for entry in entries)

    def delivered(self, partition: int) -> list[str]:
        """Ids published since the last call; on disk when this returns."""
        ids = self._handed_over.pop(partition, [])
        if ids:
            self.flush()
        return ids

    def refused(self, partition: int) -> list[tuple[Entry, str]]:
        """Nothing is too large for a file."""
        return []

    def flush(self) -> None:
        """Write everything published to disk."""
        with self._explained():
            self._stream.flush()
            if self._regular:
                os.fsync(self._stream.fileno())

    def close(self) -> None:
        """Flush and close; standard output stays open."""
        if self._stream.closed:
            return
        try:
            self.flush()
        finally:
            if self._path != STANDARD:
                with self._explained():
                    self._stream.close()

    def _id(self, number: int, line: bytes) -> str:
        try:
            return _PUBLISHED.decode(line).id
        except UNREADABLE as error:
            reason = f"line {number} is no outreach ({error}); give the outreach a file of its own"
            raise BadOutputFile(self._path, reason) from error

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except BrokenPipeError:
            raise  # nothing is wrong: the reader has read enough
        except OSError as error:
            raise BadOutputFile(self._path, _reason(error)) from error


class _Published(msgspec.Struct):
    id: str


_PUBLISHED = msgspec.json.Decoder(_Published)


def _mend(path: Path) -> bool:
    """Make the file and its folder if missing, and end it with a whole line. False for what is not a regular file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    if not path.is_file():
        return False
    with path.open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        torn = _after_last_newline(file, size)
        if _is_whole(torn):
            file.seek(size)
            file.write(b"\n")
        else:
            file.truncate(size - len(torn))
    return True


def _after_last_newline(file: IO[bytes], size: int) -> bytes:
    tail, start = b"", size
    while start and b"\n" not in tail:
        start, stop = max(0, start - 65536), start
        file.seek(start)
        tail = file.read(stop - start) + tail
    return tail.rpartition(b"\n")[2]


def _is_whole(line: bytes) -> bool:
    try:
        return bool(_PUBLISHED.decode(line).id)
    except UNREADABLE:
        return False

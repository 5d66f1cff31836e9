"""Detects restarts and failovers of a server: the new process may have lost writes that the old one confirmed.

INFO would say so, but users without @dangerous may not run it. So a process is marked: by a script that only it has
loaded. A server forgets its scripts when it restarts, and a replica that takes over never had them.
"""

from contextlib import suppress
from hashlib import sha1
from typing import Any, Final
from uuid import uuid4

from redis.exceptions import NoScriptError, RedisError

from engine.adapters.redis.script import Script

_FIRST: Final = Script("first.lua")
_MARK: Final = "redis.call('SET', KEYS[1], '{} ' .. ARGV[1], 'EX', 60) return 1"
"""Writes down that this process runs it in this turn. Its text never changes: senders of two versions share marks."""
_TRIES: Final = 20
"""Each but the last few wants a restart, or another sender's mark, in between."""


class Process:
    """The process behind a connection, known to all who use the same keys: `run` has its name, `turn` a turn's."""

    def __init__(self, prefix: str) -> None:
        self._run_key = f"{prefix}run"
        self._turn_key = f"{prefix}turn"
        self._name = ""

    def run(self, connection: Any, script: Script, keys: list[str], *arguments: bytes | str | int) -> Any:
        """Run a script that must know its process, in one transaction with the mark.

        It gets the key of the turn before `keys`, and name and turn before `arguments`. It must write nothing, and
        answer with an error, where that key does not hold both. `connection` is one connection, not a pool.
        """
        for _ in range(_TRIES):
            self._name = self._name or self._find(connection)
            turn = uuid4().hex
            mark = "EVALSHA", _hash(_MARK.format(self._name)), 1, self._turn_key, turn
            asked = script.by_hash([self._turn_key, *keys], self._name, turn, *arguments)
            marked, answer = _together(connection, mark, asked)
            if isinstance(answer, NoScriptError):
                connection.execute_command("SCRIPT LOAD", script.text)
            elif isinstance(marked, NoScriptError):
                self._name = ""  # another process than the last time
            elif error := next((one for one in (marked, answer) if isinstance(one, Exception)), None):
                raise error
            else:
                return answer
        message = "its process changes again and again"
        raise RedisError(message)

    def _find(self, connection: Any) -> str:
        """The name that somebody has given to this process, or a new one; of two at once the first counts."""
        for _ in range(_TRIES):
            known = connection.execute_command("GET", self._run_key) or b""
            if known and connection.execute_command("SCRIPT EXISTS", _hash(_MARK.format(known.decode())))[0]:
                return str(known.decode())
            name = uuid4().hex
            connection.execute_command("SCRIPT LOAD", _MARK.format(name))
            _FIRST.run(connection, [self._run_key], known, name)
        message = "its process changes again and again"
        raise RedisError(message)


def mark(client: Any, key: str, name: str) -> None:
    """Name the process that has `key`."""
    client.execute_command("EVAL", _named(name), 1, key)


def is_marked(client: Any, key: str, name: str) -> bool:
    """Whether the process is still the one with this name."""
    try:
        client.execute_command("EVALSHA", _hash(_named(name)), 1, key)
    except NoScriptError:
        return False
    return True


def _named(name: str) -> str:
    return f"return '{name}'"


def _hash(text: str) -> str:
    return sha1(text.encode(), usedforsecurity=False).hexdigest()


def _together(connection: Any, *commands: tuple[Any, ...]) -> list[Any]:
    """The answers of one transaction; a failed command's answer is its error."""
    connection.execute_command("MULTI")
    try:
        for command in commands:
            connection.execute_command(*command)
    except Exception:
        with suppress(RedisError):  # the transaction ended with its connection: the first error says why
            connection.execute_command("DISCARD")
        raise
    answers: list[Any] = connection.execute_command("EXEC")
    return answers

"""A Lua script from a file of this package, called by its hash so that its text crosses the wire once."""

from hashlib import sha1
from importlib.resources import files
from typing import Any

from redis.exceptions import NoScriptError


class Script:
    """One script. A server that does not know it (a new one, or after a failover) gets it again by itself.

    `flags`: what the server is told of it, if it is of version 7 or later.
    """

    def __init__(self, name: str, flags: str = "") -> None:
        self.text = files(__package__).joinpath(name).read_text("utf-8")
        if flags:
            self.text = f"#!lua flags={flags}\n{self.text}"
        self._hash = sha1(self.text.encode(), usedforsecurity=False).hexdigest()

    def by_hash(self, keys: list[str], *arguments: bytes | str | int) -> tuple[Any, ...]:
        """The command that runs the script; it fails with NoScriptError where the server does not know it."""
        return "EVALSHA", self._hash, len(keys), *keys, *arguments

    def run(self, client: Any, keys: list[str], *arguments: bytes | str | int) -> Any:
        """Run the script; strings of its result are bytes."""
        try:
            return client.execute_command(*self.by_hash(keys, *arguments))
        except NoScriptError:
            return client.execute_command("EVAL", self.text, len(keys), *keys, *arguments)

"""Outreach to send, the senders of the real `engine send` that do, and what became of each."""

import sys
from base64 import b64decode
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from engine.adapters.kafka.confluent.writer import ConfluentWriter
from engine.adapters.kafka.outreach import KafkaSink
from engine.adapters.kafka.settings import KafkaSettings
from engine.adapters.redis import connect_sending
from engine.model import Outreach
from engine.ports import Entry
from engine.wire.partitioner import murmur2_partition
from engine.wire.records import decode_outreach, encode_outreach
from tests.services.mail import PASSWORD, USER, MailServer
from tests.services.processes import PATIENCE, Process, wait_until
from tests.support.command import PROGRAM
from tests.support.topics import Read, Topics

NOW = 1_790_000_000_000


def letter(number: int, to: str, purpose: str = "marketing", expires_at: int = 0, **changes: Any) -> Outreach:
    """One outreach of its own customer."""
    fields: dict[str, Any] = {
        "id": f"o-{number:06d}", "rule": "win-back", "occurrence": str(number), "customer": f"c-{number:06d}",
        "at": NOW, "moment": NOW, "expires_at": expires_at, "channel": "email", "purpose": purpose,
        "template": "win_back", "revision": "r1", "reason": "inactive for 14d", "to": to,
        "subject": f"We miss you, Zoë 🙂 ({number})", "text": f"Hello {number}\n" + "long " * 300,
        "html": f"<p>Hello {number} — Grüße</p>",
    }  # fmt: skip
    return Outreach(**fields | changes)


class PostOffice:
    """Topics, a namespace and senders of one test. `settings` are of every sender."""

    def __init__(self, bootstrap: str, redis_url: str, folder: Path, name: str, partitions: int = 4) -> None:
        self.folder = folder
        self.topics = Topics(bootstrap, name, partitions)
        self.claims, self.suppressions = connect_sending(redis_url, name)
        self._writer = ConfluentWriter(KafkaSettings(bootstrap))
        self._sink = KafkaSink(self._writer, self.topics.outreach)
        self.senders: list[Process] = []
        self.settings: dict[str, object] = {
            "store": redis_url,
            "namespace": name,
            "kafka_bootstrap": bootstrap,
            "kafka_session_timeout": 6,  # not 45: who takes the place of a sender that was killed waits as long
            "send_group": name,
            "outreach_topic": self.topics.outreach,
            "outcomes_topic": self.topics.outcomes,
            "dead_letters_topic": self.topics.dead_letters,
            "feedback_topic": self.topics.make("feedback"),
            "mail_from": "Größe & Söhne <news@shop.example>",
            "public_url": "https://shop.example/mail",
            "token_secret": "a secret of enough letters".replace(" ", "-"),
            "send_first_retry": 0.05,
            "http_port": 0,
        }

    def mailing_to(self, server: MailServer, timeout: float = 30) -> "PostOffice":
        tls = "starttls&" if server.context else ""
        who = f"{USER}@" if server.login else ""
        self.settings |= {
            "email_url": f"smtp://{who}localhost:{server.port}?{tls}timeout={timeout}",
            "smtp_password": PASSWORD if server.login else "",
        }
        return self

    def post(self, letters: Iterable[Outreach]) -> None:
        """As the relay would; returns when the broker has them."""
        by_partition: dict[int, list[Entry]] = defaultdict(list)
        for each in letters:
            number = murmur2_partition(each.customer.encode(), self.topics.partitions)
            by_partition[number].append(encode_outreach(each))
        for number, entries in by_partition.items():
            self._sink.publish(number, entries)
        self._sink.flush()

    def start(self, program: str = PROGRAM) -> Process:
        """`program`: the text of Python that runs the command `engine`."""
        settings = [f"ENGINE_{name.upper()}={value}" for name, value in self.settings.items()]
        command = ["env", *settings, sys.executable, "-c", program, "send"]
        sender = Process(command, self.folder / f"sender-{len(self.senders)}.log", lambda: True)
        sender.start()
        self.senders.append(sender)
        return sender

    def outcomes(self) -> dict[str, list[str]]:
        """By outreach id, each once, in order."""
        found: dict[str, dict[str, str]] = defaultdict(dict)
        for read in self.topics.read(self.topics.outcomes):
            found[read.json["outreach"]][read.identity] = read.json["outcome"]
        return {identity: list(told.values()) for identity, told in found.items()}

    def dead_letters(self) -> list[Read]:
        return self.topics.read(self.topics.dead_letters)

    def outreach_of(self, read: Read) -> str:
        """The id of the outreach that a dead letter is about."""
        return decode_outreach(b64decode(read.json["value"])).id

    def wait_for_all(self, ids: Iterable[str], seconds: float = PATIENCE) -> dict[str, list[str]]:
        """Until each has an outcome that is the last."""
        wanted = set(ids)
        final = {"sent", "bounced", "expired", "failed", "suppressed"}

        def ended() -> bool:
            self._seen = self.outcomes()
            return wanted <= {identity for identity, told in self._seen.items() if self._is_final(told, final)}

        wait_until(ended, f"all {len(wanted)} have ended", seconds)
        return self._seen

    def _is_final(self, told: list[str], final: set[str]) -> bool:
        return bool(final & set(told)) or told == ["in_doubt"]

    def close(self) -> None:
        for sender in self.senders:
            sender.kill9()
        self._writer.close()
        self.topics.close()
        self.claims.close()

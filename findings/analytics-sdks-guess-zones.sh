#!/usr/bin/env bash
# segment-analytics-python 2.4.0, rudder-sdk-python 2.1.9 and posthog 7.91.1 guess the zone of a datetime without one by its
# age: younger than 5 seconds it is local, older it is UTC. So `timestamp=datetime.now()` is right while events are sent at
# once, and hours off for those that waited in a queue or a retry: in Berlin they lie in the future, and what happened
# later comes first. Of moments to come, Segment and RudderStack take all for local, PostHog all for UTC.
# Nothing is logged. Only a datetime with a zone is safe.
#
# Output seen (a machine in Berlin, in winter; how far the time sent is from the true one):
#   segment-analytics-python 2.4.0: 1 s ago right, 10 s ago +1 h, in 10 s right
#   rudder-sdk-python 2.1.9:        1 s ago right, 10 s ago +1 h, in 10 s right
#   posthog 7.91.1:                 1 s ago right, 10 s ago +1 h, in 10 s +1 h
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet segment-analytics-python==2.4.0 rudder-sdk-python==2.1.9 posthog==7.91.1
cat >send.py <<'PY'
import gzip
import json
import threading
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version

from posthog import Posthog
from rudderstack.analytics.client import Client as RudderStack
from segment.analytics.client import Client as Segment

received = []


class Collector(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        received.extend(json.loads(gzip.decompress(body) if body[:1] == b"\x1f" else body)["batch"])
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_):
        pass


def send(name):
    client = (Posthog if name == "posthog" else Segment if name.startswith("segment") else RudderStack)("key", host=HOST)
    now = datetime.now()  # as programs do that do not think of zones
    moments = {f"{n} s ago": now - timedelta(seconds=n) for n in (1, 10)} | {"in 10 s": now + timedelta(seconds=10)}
    for event, moment in moments.items():
        who = {"distinct_id": "anna"} if name == "posthog" else {"user_id": "anna"}
        (client.capture if name == "posthog" else client.track)(event=event, timestamp=moment, **who)
    client.flush()
    client.shutdown()
    return moments


server = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
threading.Thread(target=server.serve_forever, daemon=True).start()
HOST = f"http://127.0.0.1:{server.server_port}"
for name in ("segment-analytics-python", "rudder-sdk-python", "posthog"):
    true = send(name)
    sent = {item["event"]: datetime.fromisoformat(item["timestamp"]) for item in received}
    received.clear()
    off = {event: round((sent[event] - true[event].astimezone()) / timedelta(hours=1)) for event in true}
    told = ", ".join(f"{event} {f'{hours:+} h' if hours else 'right'}" for event, hours in off.items())
    print(f"{name} {version(name)}:".ljust(31), told)
PY
TZ=CET-1 venv/bin/python send.py >seen
cat seen
diff seen - <<'SEEN'
segment-analytics-python 2.4.0: 1 s ago right, 10 s ago +1 h, in 10 s right
rudder-sdk-python 2.1.9:        1 s ago right, 10 s ago +1 h, in 10 s right
posthog 7.91.1:                 1 s ago right, 10 s ago +1 h, in 10 s +1 h
SEEN

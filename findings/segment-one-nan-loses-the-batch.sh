#!/usr/bin/env bash
# segment-analytics-python 2.4.0 and rudder-sdk-python 2.1.9 send a NaN, which pandas has for a missing number, as NaN, and
# that is not JSON. Events go out in batches of up to 100, and a server that cannot read the body takes none of them: one
# such property of one customer loses the events of all others in the batch. track() has returned before, nothing is
# tried again after a 400, and the only trace is a line in the log. posthog 7.91.1 sends null instead and loses nothing.
#
# Output seen (three customers' events, the second with NaN, to a server that answers 400 to what is not JSON):
#   segment-analytics-python 2.4.0: received 0 of 3, requests refused 1
#   rudder-sdk-python 2.1.9: received 0 of 3, requests refused 1
#   posthog 7.91.1: received 3 of 3, requests refused 0
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet segment-analytics-python==2.4.0 rudder-sdk-python==2.1.9 posthog==7.91.1
cat >send.py <<'PY'
import gzip
import json
import logging
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version

from posthog import Posthog
from rudderstack.analytics.client import Client as RudderStack
from segment.analytics.client import Client as Segment

received, refused = [], []


def no_json(word):
    raise ValueError(f"{word} is not JSON")


class Collector(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        body = gzip.decompress(body) if body[:1] == b"\x1f" else body
        try:
            received.extend(json.loads(body, parse_constant=no_json)["batch"])
            self.send_response(200)
        except ValueError as error:
            refused.append(error)
            self.send_response(400)
        answer = b'{"code": "answer", "message": "see the status"}'
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


logging.disable()
server = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
threading.Thread(target=server.serve_forever, daemon=True).start()
HOST = f"http://127.0.0.1:{server.server_port}"
CLIENTS = {
    "segment-analytics-python": lambda: Segment("key", host=HOST, upload_interval=5),
    "rudder-sdk-python": lambda: RudderStack("key", host=HOST, upload_interval=5),
    "posthog": lambda: Posthog("key", host=HOST, flush_interval=5),
}
for name, connect in CLIENTS.items():
    client = connect()
    for customer, spent in {"anna": 5.0, "bo": float("nan"), "cy": 7.0}.items():
        event = {"event": "month closed", "properties": {"spent": spent}}
        client.capture(distinct_id=customer, **event) if name == "posthog" else client.track(user_id=customer, **event)
    client.shutdown()
    print(f"{name} {version(name)}: received {len(received)} of 3, requests refused {len(refused)}")
    received.clear()
    refused.clear()
PY
venv/bin/python send.py >seen
cat seen
diff seen - <<'SEEN'
segment-analytics-python 2.4.0: received 0 of 3, requests refused 1
rudder-sdk-python 2.1.9: received 0 of 3, requests refused 1
posthog 7.91.1: received 3 of 3, requests refused 0
SEEN

#!/usr/bin/env bash
# mixpanel 5.4.1 for Python writes a datetime as its wall clock and drops its zone, also where it has one. Mixpanel takes a
# time without a zone for UTC, so 1:00 on 1 July in Berlin, which is 30 June in UTC, becomes 1:00 UTC on 1 July: two hours
# late, in the next day and month. Of moments in several zones the order is lost: a last visit in New York that came five
# hours after one in Berlin lies an hour before it, and two moments an hour apart are one when the clocks go back.
# Nothing is logged; a sender's tests with UTC show nothing. customerio 3.2.0 sends the same datetimes rightly. With
# mixpanel: moment.astimezone(UTC) first. (mixpanel-ruby had the same until its pull request 50.)
#
# Output seen (hours from the true moment, as the server that they are sent to must read them):
#   2026-07-01T01:00:00+02:00: mixpanel 2026-07-01T01:00:00 +2, customerio 2026-06-30T23:00:00 +0
#   2026-07-01T09:00:00+02:00: mixpanel 2026-07-01T09:00:00 +2, customerio 2026-07-01T07:00:00 +0
#   2026-07-01T08:00:00-04:00: mixpanel 2026-07-01T08:00:00 -4, customerio 2026-07-01T12:00:00 +0
#   2026-10-25T02:30:00+02:00: mixpanel 2026-10-25T02:30:00 +2, customerio 2026-10-25T00:30:00 +0
#   2026-10-25T02:30:00+01:00: mixpanel 2026-10-25T02:30:00 +1, customerio 2026-10-25T01:30:00 +0
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet customerio==3.2.0 mixpanel==5.4.1
cat >send.py <<'PY'
import json
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs

from customerio import CustomerIO
from mixpanel import Consumer, Mixpanel

MOMENTS = (
    "2026-07-01T01:00:00+02:00",
    "2026-07-01T09:00:00+02:00",
    "2026-07-01T08:00:00-04:00",
    "2026-10-25T02:30:00+02:00",
    "2026-10-25T02:30:00+01:00",
)
received = []


class Collector(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        received.append(json.loads(parse_qs(body)["data"][0] if body.startswith("data=") else body))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"status": 1, "error": null}')

    do_PUT = do_POST

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", 0), Collector)
threading.Thread(target=server.serve_forever, daemon=True).start()
address = f"http://127.0.0.1:{server.server_port}"
mixpanel = Mixpanel("token", consumer=Consumer(people_url=address))
customerio = CustomerIO("site", "key", host="127.0.0.1", port=server.server_port, url_prefix="")
customerio.base_url = address  # of its own it takes https
for text in MOMENTS:
    moment = datetime.fromisoformat(text)
    mixpanel.people_set("anna", {"last_visit": moment})
    customerio.identify("anna", last_visit=moment)
    of_mixpanel, of_customerio = received
    received.clear()
    record = of_mixpanel[0] if isinstance(of_mixpanel, list) else of_mixpanel
    said = {
        "mixpanel": datetime.fromisoformat(record["$set"]["last_visit"]).replace(tzinfo=UTC),
        "customerio": datetime.fromtimestamp(of_customerio["last_visit"], UTC),
    }
    hours = ((name, seen, (seen - moment) // timedelta(hours=1)) for name, seen in said.items())
    print(f"{text}:", ", ".join(f"{name} {seen:%Y-%m-%dT%H:%M:%S} {off:+}" for name, seen, off in hours))
PY
venv/bin/python send.py >seen
cat seen
diff seen - <<'SEEN'
2026-07-01T01:00:00+02:00: mixpanel 2026-07-01T01:00:00 +2, customerio 2026-06-30T23:00:00 +0
2026-07-01T09:00:00+02:00: mixpanel 2026-07-01T09:00:00 +2, customerio 2026-07-01T07:00:00 +0
2026-07-01T08:00:00-04:00: mixpanel 2026-07-01T08:00:00 -4, customerio 2026-07-01T12:00:00 +0
2026-10-25T02:30:00+02:00: mixpanel 2026-10-25T02:30:00 +2, customerio 2026-10-25T00:30:00 +0
2026-10-25T02:30:00+01:00: mixpanel 2026-10-25T02:30:00 +1, customerio 2026-10-25T01:30:00 +0
SEEN

#!/usr/bin/env bash
# Unleash (feature flags): a constraint has a contextName, the field that it is about, and DATE_AFTER or DATE_BEFORE with a day.
# unleash-client 6.12.1 (Node) never reads the field: it compares the day with now, whichever field is named.
# UnleashClient 6.9.1 (Python) reads it. So "registered after 1 June" is in Node nobody until 1 June and then every
# customer, also old ones and those of whom no day is known: the welcome offer goes to all, and the one for old
# customers, "registered before 1 June", to nobody. Neither gives an error. With currentTime, which the operators were made
# for, both are right, so tests with a day of the campaign show nothing.
# (Unleash's issue 9878, open, asks for dates in fields of one's own; who asks there takes numbers, seconds since 1970,
# until then. That Python has them was not found written.)
#
# Output seen (customers by their day of registration):
#   registered after 1 June, asked on 15 May:  Node nobody; Python 10-June
#   registered after 1 June, asked on 15 July: Node 10-January 10-June none-known; Python 10-June
#   registered before 1 June, asked on 15 July: Node nobody; Python 10-January
#   by the clock, after 1 June, asked on 15 July: Node 10-January 10-June none-known; Python 10-January 10-June none-known
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet UnleashClient==6.9.1
npm install --silent --no-audit --no-fund unleash-client@6.12.1 >/dev/null
cat >flags.py <<'PY'
import json


def flag(name: str, field: str, operator: str) -> dict[str, object]:
    constraint = {"contextName": field, "operator": operator, "value": "2026-06-01T00:00:00Z", "values": []}
    return {"name": name, "enabled": True, "strategies": [{"name": "default", "parameters": {}, "constraints": [constraint]}]}


FLAGS = [
    flag("after", "registeredAt", "DATE_AFTER"),
    flag("before", "registeredAt", "DATE_BEFORE"),
    flag("clock", "currentTime", "DATE_AFTER"),
]
print(json.dumps({"version": 1, "features": FLAGS}))
PY
venv/bin/python flags.py >flags.json
cat >questions.json <<'JSON'
[
  ["registered after 1 June, asked on 15 May: ", "after", "2026-05-15T12:00:00Z"],
  ["registered after 1 June, asked on 15 July:", "after", "2026-07-15T12:00:00Z"],
  ["registered before 1 June, asked on 15 July:", "before", "2026-07-15T12:00:00Z"],
  ["by the clock, after 1 June, asked on 15 July:", "clock", "2026-07-15T12:00:00Z"]
]
JSON
cat >customers.json <<'JSON'
{"10-January": {"registeredAt": "2026-01-10T12:00:00Z"}, "10-June": {"registeredAt": "2026-06-10T12:00:00Z"}, "none-known": {}}
JSON
cat >ask.mjs <<'JS'
import { readFileSync } from "node:fs";
import unleash from "unleash-client";

const read = (file) => JSON.parse(readFileSync(file, "utf8"));
const client = new unleash.Unleash({
  appName: "offers", url: "http://127.0.0.1:9/", disableMetrics: true, refreshInterval: 0, skipInstanceCountWarning: true,
  bootstrap: { data: read("flags.json").features }, storageProvider: new unleash.InMemStorageProvider(),
});
for (const event of ["error", "warn"]) client.on(event, () => {});
await new Promise((ready) => client.once("ready", ready));
for (const [, flag, at] of read("questions.json")) {
  const told = Object.entries(read("customers.json"))
    .filter(([, properties]) => client.isEnabled(flag, { currentTime: new Date(at), properties }))
    .map(([customer]) => customer);
  console.log(told.join(" ") || "nobody");
}
process.exit();
JS
cat >ask.py <<'PY'
import json
from datetime import datetime
from pathlib import Path

from UnleashClient import UnleashClient
from UnleashClient.cache import FileCache


def read(file: str) -> object:
    return json.loads(Path(file).read_text())


cache = FileCache("offers", directory=".")
cache.bootstrap_from_dict(read("flags.json"))
client = UnleashClient("http://127.0.0.1:9/", "offers", disable_metrics=True, disable_registration=True, cache=cache)
client.initialize_client(fetch_toggles=False)
for _, flag, at in read("questions.json"):
    now = datetime.fromisoformat(at)
    told = [name for name, fields in read("customers.json").items()
            if client.is_enabled(flag, {"currentTime": now, "properties": fields})]
    print(" ".join(told) or "nobody")
client.destroy()
PY
node ask.mjs >by-node
venv/bin/python ask.py >by-python
paste -d '|' <(venv/bin/python -c 'import json; print(*(one[0] for one in json.load(open("questions.json"))), sep="\n")') by-node by-python |
  sed -E 's/^([^|]*)\|([^|]*)\|(.*)$/\1 Node \2; Python \3/' >seen
cat seen
diff seen - <<'SEEN'
registered after 1 June, asked on 15 May:  Node nobody; Python 10-June
registered after 1 June, asked on 15 July: Node 10-January 10-June none-known; Python 10-June
registered before 1 June, asked on 15 July: Node nobody; Python 10-January
by the clock, after 1 June, asked on 15 July: Node 10-January 10-June none-known; Python 10-January 10-June none-known
SEEN

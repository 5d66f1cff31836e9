#!/usr/bin/env bash
# `time` is optional in CloudEvents 1.0, and an event that has none is valid. Both readers of Python's cloudevents 2.2.0 hand
# over such an event with the moment of reading as its `time`, and do not say that it was made up: each reading of one
# record gives another time, and a topic that is read from the start again says that all of it happened today.
# JavaScript's cloudevents 10.0.0 does the same with the record in binary mode, and refuses the same event in structured
# mode ("Invalid time value"). A program that measures absence must look for `time` itself, and else take the
# record's timestamp.
#
# Output seen ("today" stands for the moment of the reading):
#   Python v1 structured: today, another at the second reading
#   Python core structured: today, another at the second reading
#   JavaScript binary: today, another at the second reading
#   JavaScript structured: RangeError: Invalid time value
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet cloudevents==2.2.0
npm install --silent --no-audit --no-fund cloudevents@10.0.0 >/dev/null

cat >read.py <<'PY'
import time
from datetime import UTC, datetime

from cloudevents.core.bindings import kafka as core
from cloudevents.core.formats.json import JSONFormat
from cloudevents.v1 import kafka as v1

headers = {"content-type": b"application/cloudevents+json"}
value = b'{"specversion":"1.0","id":"1","source":"/shop","type":"order.paid","data":{"amount":5}}'
readers = {
    "v1": lambda: datetime.fromisoformat(v1.from_structured(v1.KafkaMessage(headers, None, value))["time"]),
    "core": lambda: core.from_structured(core.KafkaMessage(headers, None, value), JSONFormat()).get_time(),
}
for name, read in readers.items():
    first = read()
    time.sleep(0.01)
    today = "today" if abs(datetime.now(UTC) - first).total_seconds() < 600 else str(first)
    print(f"Python {name} structured: {today}, {'another' if read() != first else 'the same'} at the second reading")
PY
cat >read.js <<'JS'
const { Kafka } = require("cloudevents");
const event = { specversion: "1.0", id: "1", source: "/shop", type: "order.paid" };
const binary = Object.fromEntries(Object.entries(event).map(([name, value]) => [`ce_${name}`, value]));
const records = {
  binary: { headers: { ...binary, "content-type": "application/json" }, value: '{"amount":5}' },
  structured: {
    headers: { "content-type": "application/cloudevents+json" },
    value: JSON.stringify({ ...event, data: { amount: 5 } }),
  },
};
for (const [mode, record] of Object.entries(records)) {
  let seen;
  try {
    const first = Kafka.toEvent(record).time;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
    const today = Math.abs(Date.now() - new Date(first)) < 600_000 ? "today" : first;
    seen = `${today}, ${Kafka.toEvent(record).time !== first ? "another" : "the same"} at the second reading`;
  } catch (error) {
    seen = `${error.name}: ${error.message}`;
  }
  console.log(`JavaScript ${mode}: ${seen}`);
}
JS
venv/bin/python read.py >seen
node read.js >>seen
cat seen
diff seen - <<'SEEN'
Python v1 structured: today, another at the second reading
Python core structured: today, another at the second reading
JavaScript binary: today, another at the second reading
JavaScript structured: RangeError: Invalid time value
SEEN

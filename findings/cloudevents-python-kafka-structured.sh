#!/usr/bin/env bash
# Python's cloudevents 2.2.0, cloudevents.v1.kafka.to_structured: the record's `content-type` header is the type of the
# data (application/json), not application/cloudevents+json, and `datacontenttype` is missing in the envelope.
# JavaScript's cloudevents 10.0.0 therefore does not see an event in it ("No CloudEvent detected"); the newer Python API
# (cloudevents.core.bindings.kafka) writes the header as the Kafka binding has it, and JavaScript reads that.
# So a reader must not ask for application/cloudevents+json before it looks for `specversion` in the value.
#
# Output seen:
#   v1   content-type=application/json datacontenttype=None JavaScript: No CloudEvent detected
#   core content-type=application/cloudevents+json datacontenttype=application/json JavaScript: order.paid
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet cloudevents==2.2.0
npm install --silent --no-audit --no-fund cloudevents@10.0.0 >/dev/null

cat >write.py <<'PY'
import json
from cloudevents.core.bindings import kafka as core
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent as CoreEvent
from cloudevents.v1 import kafka as v1
from cloudevents.v1.http import CloudEvent

said = {"type": "order.paid", "source": "/shop", "id": "1", "datacontenttype": "application/json"}
messages = {
    "v1": v1.to_structured(CloudEvent(said, {"amount": 5})),
    "core": core.to_structured(CoreEvent({**said, "specversion": "1.0"}, {"amount": 5}), JSONFormat()),
}
for name, message in messages.items():
    headers = {key: value.decode() for key, value in message.headers.items()}
    print(json.dumps({"name": name, "headers": headers, "value": message.value.decode()}))
PY
cat >read.js <<'JS'
const { Kafka } = require("cloudevents");
for (const line of require("fs").readFileSync(0, "utf8").trim().split("\n")) {
  const { name, headers, value } = JSON.parse(line);
  let seen;
  try {
    seen = Kafka.toEvent({ headers, value }).type;
  } catch (error) {
    seen = error.message;
  }
  const type = JSON.parse(value).datacontenttype ?? "None";
  console.log(`${name.padEnd(4)} content-type=${headers["content-type"]} datacontenttype=${type} JavaScript: ${seen}`);
}
JS
venv/bin/python write.py | node read.js >seen
cat seen
diff seen - <<'SEEN'
v1   content-type=application/json datacontenttype=None JavaScript: No CloudEvent detected
core content-type=application/cloudevents+json datacontenttype=application/json JavaScript: order.paid
SEEN

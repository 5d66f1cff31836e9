#!/usr/bin/env bash
# A UUID of version 7 begins with its time, in milliseconds (RFC 9562), so ids sort as the events came, a table is cut by their
# range, and an event without a time still has one. The package uuid7 0.1.0 on PyPI writes what an early draft had: seconds
# in the first 36 bits, and fractions after them. Its ids are valid, of version 7, and in order among themselves, so tests of
# one service show nothing. To all others those of today lie in the year 2203. Beside ids of another service, by uuid_utils
# 1.2.0 for Python or npm's uuid 14.0.3, each of its events comes after all of theirs, a purchase of last year too;
# "newer than a week" keeps them for ever, and 14 days since the last event never come. (Its issue 1 asks about
# "non-compliance" and is open since 2023.)
#
# Output seen (a purchase of 1 January 2025, and visits of now; ids made, and in the order of the ids):
#   uuid7: version 7, its first 48 bits say 2195-04-15
#   sorted: visit by npm's uuid, visit by uuid_utils, purchase by uuid7
#   visits of now: uuid_utils right, npm's uuid right, uuid7 after the year 2200
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet uuid7==0.1.0 uuid_utils==1.2.0
npm install --silent --no-audit --no-fund uuid@14.0.3 >/dev/null
cat >make.mjs <<'JS'
import { v7 } from "uuid";

console.log(v7());
JS
cat >read.py <<'PY'
import subprocess
import uuid
from datetime import UTC, datetime, timedelta

import uuid_extensions
import uuid_utils


def at(made):
    return datetime.fromtimestamp((made.int >> 80) / 1000, UTC)


def say(name, made):
    right = abs(at(made) - datetime.now(UTC)) < timedelta(minutes=5)
    return f"{name} {'right' if right else 'after the year 2200' if at(made).year > 2200 else at(made)}"


past = datetime(2025, 1, 1, tzinfo=UTC)
purchase = uuid_extensions.uuid7(int(past.timestamp()) * 10**9)
print(f"uuid7: version {purchase.version}, its first 48 bits say {at(purchase):%Y-%m-%d}")
visits = {
    "npm's uuid": uuid.UUID(subprocess.check_output(["node", "make.mjs"], text=True).strip()),
    "uuid_utils": uuid.UUID(str(uuid_utils.uuid7())),
}
ids = [(made, f"visit by {name}") for name, made in visits.items()]
print("sorted:", ", ".join(name for _, name in sorted([(purchase, "purchase by uuid7"), *ids])))
now = {"uuid_utils": visits["uuid_utils"], "npm's uuid": visits["npm's uuid"], "uuid7": uuid_extensions.uuid7()}
print("visits of now:", ", ".join(say(*made) for made in now.items()))
PY
venv/bin/python read.py >seen
cat seen
diff seen - <<'SEEN'
uuid7: version 7, its first 48 bits say 2195-04-15
sorted: visit by npm's uuid, visit by uuid_utils, purchase by uuid7
visits of now: uuid_utils right, npm's uuid right, uuid7 after the year 2200
SEEN

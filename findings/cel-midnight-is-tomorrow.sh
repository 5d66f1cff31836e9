#!/usr/bin/env bash
# @bufbuild/cel 0.6.1 (Common Expression Language for JavaScript): with the name of a zone, a timestamp's day is one too late
# in the hour after midnight there. 0:30 on Sunday in Berlin has the hour 0 and the weekday of Monday, and 0:00 on 31
# December lies in the next year. So a rule that leaves Sundays alone sends on Sunday from midnight to one, and not on
# Saturday; and a job at midnight, when such jobs run, writes to those whose birthday is tomorrow. Without a zone, with
# an offset like "+01:00" and at all other hours the day is right, so tests by daylight show nothing.
# cel-python 0.5.0 and @marcbachmann/cel-js 8.0.0 are right. Seen with Node 20; no issue about it was found.
#
# Output seen (weekday with 0 for Sunday, date, month from 0, year, hour, in Europe/Berlin):
#   Sat 28 November 23:30: @bufbuild/cel 6 28 10 2026 23, the others 6 28 10 2026 23
#   Sun 29 November 00:30: @bufbuild/cel 1 30 10 2026 0, the others 0 29 10 2026 0
#   Sun 29 November 01:30: @bufbuild/cel 0 29 10 2026 1, the others 0 29 10 2026 1
#   Thu 31 December 00:00: @bufbuild/cel 5 1 0 2027 0, the others 4 31 11 2026 0
#   Wed 1 July 00:15: @bufbuild/cel 4 2 6 2026 0, the others 3 1 6 2026 0
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet cel-python==0.5.0
npm install --silent --no-audit --no-fund @bufbuild/cel@0.6.1 @marcbachmann/cel-js@8.0.0 >/dev/null
cat >moments <<'MOMENTS'
2026-11-28T22:30:00Z Sat 28 November 23:30
2026-11-28T23:30:00Z Sun 29 November 00:30
2026-11-29T00:30:00Z Sun 29 November 01:30
2026-12-30T23:00:00Z Thu 31 December 00:00
2026-06-30T22:15:00Z Wed 1 July 00:15
MOMENTS
echo getDayOfWeek getDate getMonth getFullYear getHours >parts
cat >days.mjs <<'JS'
import { run } from "@bufbuild/cel";
import { evaluate } from "@marcbachmann/cel-js";
import { readFileSync } from "node:fs";
const ask = { "@bufbuild/cel": run, "cel-js": evaluate }[process.argv[2]];
const parts = readFileSync("parts", "utf8").trim().split(" ");
for (const line of readFileSync("moments", "utf8").trim().split("\n")) {
  const [moment] = line.split(" ");
  console.log(parts.map((part) => ask(`timestamp("${moment}").${part}("Europe/Berlin")`)).join(" "));
}
JS
cat >days.py <<'PY'
from pathlib import Path

from celpy import Environment

environment = Environment()
for line in Path("moments").read_text().splitlines():
    asked = [f'timestamp("{line.split()[0]}").{part}("Europe/Berlin")' for part in Path("parts").read_text().split()]
    print(*(environment.program(environment.compile(part)).evaluate({}) for part in asked))
PY
TZ=UTC node days.mjs @bufbuild/cel >by-bufbuild
TZ=UTC node days.mjs cel-js >by-others
diff by-others <(venv/bin/python days.py)
paste -d '|' <(cut -d ' ' -f 2- moments) by-bufbuild by-others |
  sed -E 's/^([^|]*)\|([^|]*)\|(.*)$/\1: @bufbuild\/cel \2, the others \3/' >seen
cat seen
diff seen - <<'SEEN'
Sat 28 November 23:30: @bufbuild/cel 6 28 10 2026 23, the others 6 28 10 2026 23
Sun 29 November 00:30: @bufbuild/cel 1 30 10 2026 0, the others 0 29 10 2026 0
Sun 29 November 01:30: @bufbuild/cel 0 29 10 2026 1, the others 0 29 10 2026 1
Thu 31 December 00:00: @bufbuild/cel 5 1 0 2027 0, the others 4 31 11 2026 0
Wed 1 July 00:15: @bufbuild/cel 4 2 6 2026 0, the others 3 1 6 2026 0
SEEN

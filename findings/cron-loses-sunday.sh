#!/usr/bin/env bash
# To cron, 0 and 7 are Sunday (crontab(5)), so a mail of each Sunday may be "0 9 * * 7" and one of each day "0 9 * * 1-7". Three
# libraries take such a line without an error and leave Sunday out or take another day:
# - pycron 3.3.0 (Python) never runs a 7. The Sunday mail is never sent; the one of each day is not sent on Sundays.
# - @breejs/later 4.2.0 (JavaScript) takes 7 for Saturday, so the Sunday mail goes out a day early.
# - hashicorp/cronexpr 1.1.3 (Go, Nomad's) has 7 right alone and in a list, as its README says, but drops it at the end
#   of a range, also in SAT-SUN.
# With 0, all are right, and on the other six days nothing shows. croniter 7.0.0 and cron-parser 5.10.6 have Sunday in all.
# (pycron's issue 26, open, and issue 152 of later's predecessor, open since 2016, name the 7; issue 27 of cronexpr's
# predecessor, open, names the range; a change for it was merged into hashicorp's, and still the range lacks Sunday.)
#
# Output seen (days of the week from Monday, 6 April 2026, on which the mail goes out):
#   7: croniter Sun; pycron none; cron-parser Sun; later Sat; cronexpr Sun
#   1,7: croniter Mon Sun; pycron Mon; cron-parser Mon Sun; later Mon Sat; cronexpr Mon Sun
#   6-7: croniter Sat Sun; pycron Sat; cron-parser Sat Sun; later Sat; cronexpr Sat
#   1-7: croniter all; pycron all but Sun; cron-parser all; later all but Sun; cronexpr all but Sun
#   0: croniter Sun; pycron Sun; cron-parser Sun; later Sun; cronexpr Sun
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet croniter==7.0.0 pycron==3.3.0
npm install --silent --no-audit --no-fund cron-parser@5.10.6 @breejs/later@4.2.0 >/dev/null
export GOPATH="$folder/gopath" GOFLAGS="-modcacherw -mod=mod" TZ=UTC
printf '%s\n' 7 1,7 6-7 1-7 0 >weekdays

cat >days.py <<'PY'
from datetime import datetime, timedelta
from pathlib import Path

import pycron
from croniter import croniter

DAYS = [datetime(2026, 4, 6, 9) + timedelta(days=day) for day in range(7)]
for weekday in Path("weekdays").read_text().split():
    line = f"0 9 * * {weekday}"
    for name, runs in (("croniter", croniter.match), ("pycron", pycron.is_now)):
        print(weekday, name, *(day.strftime("%a") for day in DAYS if runs(line, day)))
PY
cat >days.mjs <<'JS'
import later from "@breejs/later";
import { CronExpressionParser } from "cron-parser";
import { readFileSync } from "node:fs";

const first = new Date("2026-04-06T00:00:00Z");
const last = new Date("2026-04-12T23:00:00Z");
const libraries = {
  "cron-parser": (line) => {
    const days = [];
    const runs = CronExpressionParser.parse(line, { currentDate: first, endDate: last, tz: "UTC" });
    while (runs.hasNext()) days.push(runs.next().toDate());
    return days;
  },
  later: (line) => later.schedule(later.parse.cron(line)).next(7, first, last),
};
later.date.UTC();
for (const weekday of readFileSync("weekdays", "utf8").trim().split("\n"))
  for (const [name, runs] of Object.entries(libraries))
    console.log(weekday, name, ...[runs(`0 9 * * ${weekday}`)].flat().map((day) => day.toUTCString().slice(0, 3)));
JS
cat >go.mod <<'MOD'
module days

go 1.21

require github.com/hashicorp/cronexpr v1.1.3
MOD
cat >days.go <<'GO'
package main

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/hashicorp/cronexpr"
)

func main() {
	weekdays, err := os.ReadFile("weekdays")
	if err != nil {
		panic(err)
	}
	for _, weekday := range strings.Fields(string(weekdays)) {
		runs := cronexpr.MustParse("0 9 * * " + weekday)
		told := weekday + " cronexpr"
		next := runs.Next(time.Date(2026, 4, 6, 0, 0, 0, 0, time.UTC))
		for ; next.Before(time.Date(2026, 4, 13, 0, 0, 0, 0, time.UTC)); next = runs.Next(next) {
			told += next.Format(" Mon")
		}
		fmt.Println(told)
	}
}
GO
{ venv/bin/python days.py && node days.mjs && go run . 2>log; } >days
awk '{
  weekday = $1; name = $2; $1 = $2 = ""; told = substr($0, 3)
  if (told == "") told = "none"
  if (told == "Mon Tue Wed Thu Fri Sat Sun") told = "all"
  if (told == "Mon Tue Wed Thu Fri Sat") told = "all but Sun"
  if (!(weekday in line)) { order[++lines] = weekday; line[weekday] = weekday ":" } else line[weekday] = line[weekday] ";"
  line[weekday] = line[weekday] " " name " " told
} END { for (at = 1; at <= lines; at++) print line[order[at]] }' days >seen
cat seen
diff seen - <<'SEEN'
7: croniter Sun; pycron none; cron-parser Sun; later Sat; cronexpr Sun
1,7: croniter Mon Sun; pycron Mon; cron-parser Mon Sun; later Mon Sat; cronexpr Mon Sun
6-7: croniter Sat Sun; pycron Sat; cron-parser Sat Sun; later Sat; cronexpr Sat
1-7: croniter all; pycron all but Sun; cron-parser all; later all but Sun; cronexpr all but Sun
0: croniter Sun; pycron Sun; cron-parser Sun; later Sun; cronexpr Sun
SEEN

#!/usr/bin/env bash
# ical.js 2.2.1 takes two yearly rules that RFC 5545 has as examples for weekly ones: "every 20th Monday of the year"
# (FREQ=YEARLY;BYDAY=20MO) and "Monday of week number 20" (BYWEEKNO=20;BYDAY=MO) come in May and then each Monday, and the
# second one's own first day is left out. So what goes out once a year goes out 52 times a year. Days that a month lacks become
# days of the next: the birthday of 29 February falls on 1 March (issue 91 of its project, closed; pull request 1004),
# and the 31st of January and February is 3 March in the second. RFC 5545 has such days ignored. No error is given.
# rrule 2.8.1 (JavaScript), python-dateutil 2.9.0 and rrule-go 1.8.2 agree with the RFC on all of them, and ical.js
# does on the first and the last Monday of a year (1MO, -1MO).
#
# Output seen (the first three days; those of the others are alike):
#   YEARLY;BYDAY=20MO: ical.js 1997-05-19 1997-05-26 1997-06-02; the others 1997-05-19 1998-05-18 1999-05-17
#   YEARLY;BYWEEKNO=20;BYDAY=MO: ical.js 1997-05-19 1997-05-26 1997-06-02; the others 1997-05-12 1998-05-11 1999-05-17
#   YEARLY: ical.js 2024-02-29 2025-03-01 2026-03-01; the others 2024-02-29 2028-02-29 2032-02-29
#   YEARLY;BYMONTH=1,2;BYMONTHDAY=31: ical.js 2026-01-31 2026-03-03 2027-01-31; the others 2026-01-31 2027-01-31 2028-01-31
#   YEARLY;BYDAY=1MO: all 2026-01-05 2027-01-04 2028-01-03
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet python-dateutil==2.9.0.post0
npm install --silent --no-audit --no-fund ical.js@2.2.1 rrule@2.8.1 >/dev/null
cat >rules <<'RULES'
19970519T090000 YEARLY;BYDAY=20MO
19970512T090000 YEARLY;BYWEEKNO=20;BYDAY=MO
20240229T090000 YEARLY
20260131T090000 YEARLY;BYMONTH=1,2;BYMONTHDAY=31
20260105T090000 YEARLY;BYDAY=1MO
RULES
# Each prints the first three days of each rule, a rule a line.
cat >days.js <<'JS'
const ICAL = require("ical.js");
const { rrulestr } = require("rrule");
const read = {
  "ical.js": (start, rule) => {
    const text = start.replace(/(....)(..)(..)T(..)(..)(..)/, "$1-$2-$3T$4:$5:$6");
    const iterator = ICAL.Recur.fromString(rule).iterator(ICAL.Time.fromString(text));
    return [1, 2, 3].map(() => iterator.next().toString());
  },
  rrule: (start, rule) => rrulestr(`DTSTART:${start}Z\nRRULE:${rule};COUNT=3`).all().map((day) => day.toISOString()),
}[process.argv[2]];
for (const line of require("fs").readFileSync("rules", "utf8").trim().split("\n")) {
  const [start, rule] = line.split(" ");
  console.log(read(start, `FREQ=${rule}`).map((day) => day.slice(0, 10)).join(" "));
}
JS
cat >days.py <<'PY'
from pathlib import Path

from dateutil.rrule import rrulestr

for start, rule in map(str.split, Path("rules").read_text().splitlines()):
    print(*(f"{day:%Y-%m-%d}" for day in rrulestr(f"DTSTART:{start}\nRRULE:FREQ={rule};COUNT=3")))
PY
mkdir go
cat >go/days.go <<'GO'
package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"

	"github.com/teambition/rrule-go"
)

func main() {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		start, rule, _ := strings.Cut(lines.Text(), " ")
		read, err := rrule.StrToRRule(fmt.Sprintf("DTSTART:%sZ\nRRULE:FREQ=%s;COUNT=3", start, rule))
		if err != nil {
			panic(err)
		}
		var days []string
		for _, day := range read.All() {
			days = append(days, day.Format("2006-01-02"))
		}
		fmt.Println(strings.Join(days, " "))
	}
}
GO
export GOPATH="$folder/gopath" GOFLAGS=-modcacherw
(cd go && go mod init days && go get github.com/teambition/rrule-go@v1.8.2 && go build -o ../days .) 2>log
TZ=UTC node days.js ical.js >by-ical
TZ=UTC node days.js rrule >by-others
diff by-others <(venv/bin/python days.py)
diff by-others <(./days <rules)
paste -d '|' rules by-ical by-others |
  sed -E -e 's/^\S+ ([^|]*)\|([^|]*)\|\2$/\1: all \2/' -e 's/^\S+ ([^|]*)\|([^|]*)\|(.*)$/\1: ical.js \2; the others \3/' >seen
cat seen

diff seen - <<'SEEN'
YEARLY;BYDAY=20MO: ical.js 1997-05-19 1997-05-26 1997-06-02; the others 1997-05-19 1998-05-18 1999-05-17
YEARLY;BYWEEKNO=20;BYDAY=MO: ical.js 1997-05-19 1997-05-26 1997-06-02; the others 1997-05-12 1998-05-11 1999-05-17
YEARLY: ical.js 2024-02-29 2025-03-01 2026-03-01; the others 2024-02-29 2028-02-29 2032-02-29
YEARLY;BYMONTH=1,2;BYMONTHDAY=31: ical.js 2026-01-31 2026-03-03 2027-01-31; the others 2026-01-31 2027-01-31 2028-01-31
YEARLY;BYDAY=1MO: all 2026-01-05 2027-01-04 2028-01-03
SEEN

#!/usr/bin/env bash
# "0 9 1,15 * 5" is at nine on the 1st, on the 15th, and on each Friday: where a line names days of the month and days of the week,
# cron runs on either (POSIX's crontab, crontab(5)). node-cron 4.6.0 (JavaScript), of which its page says that it "uses the
# standard cron format", and crontab 1.0.5 (Python) run on days that are both. So what was to go out six times in February
# 2026 never goes out, and what was for each day of the first week and each Monday goes out once. Neither gives an error,
# and lines with one kind of day are right, so tests with these show nothing. croner 11.0.1 and cron-parser 5.10.6
# (JavaScript), croniter 7.0.0 and cronsim 2.8 (Python) run on either. (Issue 40 of node-cron, closed, has it since 2017.
# crontab refused such lines once, as its issue 18, closed, shows.)
#
# Output seen (days of February 2026):
#   0 9 * * 5: node-cron 6 13 20 27; crontab 6 13 20 27; the other four 6 13 20 27
#   0 9 1,15 * *: node-cron 1 15; crontab 1 15; the other four 1 15
#   0 9 1,15 * 5: node-cron none; crontab none; the other four 1 6 13 15 20 27
#   0 9 1-7 * 1: node-cron 2; crontab 2; the other four 1 2 3 4 5 6 7 9 16 23
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet crontab==1.0.5 croniter==7.0.0 cronsim==2.8
npm install --silent --no-audit --no-fund node-cron@4.6.0 croner@11.0.1 cron-parser@5.10.6 >/dev/null
cat >days.mjs <<'JS'
import nodeCron from "node-cron";
import { Cron } from "croner";
import { CronExpressionParser } from "cron-parser";

const days = Array.from({ length: 28 }, (_, day) => new Date(Date.UTC(2026, 1, day + 1, 9)));
const before = new Date("2026-01-31T12:00:00Z");
const line = process.argv[2];
const parsed = CronExpressionParser.parse(line, { currentDate: before, tz: "UTC" });
const runs = {
  "node-cron": days.filter((day) => nodeCron.createTask(line, () => {}, { timezone: "UTC" }).match(day)),
  croner: new Cron(line, { timezone: "UTC" }).nextRuns(28, before),
  "cron-parser": Array.from({ length: 28 }, () => parsed.next().toDate()),
};
for (const [name, moments] of Object.entries(runs)) {
  const february = moments.filter((moment) => moment.toISOString().startsWith("2026-02"));
  console.log(name, february.map((moment) => moment.getUTCDate()).join(" ") || "none");
}
process.exit();
JS
cat >days.py <<'PY'
import sys
from datetime import datetime, timedelta

from croniter import croniter
from cronsim import CronSim
from crontab import CronTab

line = sys.argv[1]
before = datetime(2026, 1, 31, 12)
all_days = [datetime(2026, 2, 1, 9) + timedelta(days=n) for n in range(28)]
runs = {
    "crontab": [day for day in all_days if CronTab(line).test(day)],
    "croniter": [day for day in all_days if croniter.match(line, day)],
    "cronsim": [day for _, day in zip(range(28), CronSim(line, before))],
}
for name, moments in runs.items():
    print(name, " ".join(str(moment.day) for moment in moments if (moment.year, moment.month) == (2026, 2)) or "none")
PY
while read -r line; do
  { node days.mjs "$line"; venv/bin/python days.py "$line"; } >days
  others=$(grep -v -e '^node-cron' -e '^crontab' days | cut -d ' ' -f 2- | sort -u | paste -sd '|')
  echo "$line: $(grep '^node-cron' days); $(grep '^crontab' days); the other four $others"
done >seen <<'LINES'
0 9 * * 5
0 9 1,15 * *
0 9 1,15 * 5
0 9 1-7 * 1
LINES
cat seen
diff seen - <<'SEEN'
0 9 * * 5: node-cron 6 13 20 27; crontab 6 13 20 27; the other four 6 13 20 27
0 9 1,15 * *: node-cron 1 15; crontab 1 15; the other four 1 15
0 9 1,15 * 5: node-cron none; crontab none; the other four 1 6 13 15 20 27
0 9 1-7 * 1: node-cron 2; crontab 2; the other four 1 2 3 4 5 6 7 9 16 23
SEEN

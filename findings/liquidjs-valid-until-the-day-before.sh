#!/usr/bin/env bash
# liquidjs 10.30.1: `Valid until {{ until | date: "%d.%m.%Y" }}` of "2026-03-01", a day without a time, as a date column gives it.
# Its documentation says that such values are taken in the server's zone. A day is not: new Date() has it as midnight in UTC,
# and the filter prints what a clock in the server's zone shows then. So on a server in New York every customer reads
# 28.02.2026, and birthdays, appointments and ends of trials are a day early on each day of the year. A day with a time is
# as documented. East of Greenwich and in UTC the day is right, so tests on a developer's machine in Berlin show nothing.
# python-liquid 2.3.6 is right in both. The option preserveTimezones does not help; timezoneOffset: 0 does, and moves
# the times that have no zone. (Its issue 375, closed, is about Date objects in UTC; about days as texts nothing was found.)
#
# Output seen (a day; a day with 09:30; how many days of 2026 are printed right):
#   America/New_York: python-liquid 01.03.2026, 01.03.2026 09:30
#   America/New_York: liquidjs 28.02.2026, 01.03.2026 09:30, 0 days right
#   America/New_York: liquidjs with preserveTimezones 28.02.2026, 01.03.2026 09:30, 0 days right
#   America/New_York: liquidjs with timezoneOffset: 0 01.03.2026, 01.03.2026 14:30, 365 days right
#   Europe/Berlin: python-liquid 01.03.2026, 01.03.2026 09:30
#   Europe/Berlin: liquidjs 01.03.2026, 01.03.2026 09:30, 365 days right
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet python-liquid==2.3.6
npm install --silent --no-audit --no-fund liquidjs@10.30.1 >/dev/null
cat >mail.mjs <<'JS'
import { Liquid } from "liquidjs";
const options = {
  liquidjs: {},
  "liquidjs with preserveTimezones": { preserveTimezones: true },
  "liquidjs with timezoneOffset: 0": { timezoneOffset: 0 },
};
for (const [name, option] of Object.entries(options)) {
  const print = (until, format) => new Liquid(option).parseAndRenderSync(`{{ until | date: "${format}" }}`, { until });
  const days = Array.from({ length: 365 }, (_, day) => new Date(Date.UTC(2026, 0, 1 + day)).toISOString().slice(0, 10));
  const right = days.filter((day) => print(day, "%Y-%m-%d") === day).length;
  const printed = [print("2026-03-01", "%d.%m.%Y"), print("2026-03-01T09:30:00", "%d.%m.%Y %H:%M")];
  console.log(`${process.env.TZ}: ${name} ${printed.join(", ")}, ${right} days right`);
}
JS
cat >mail.py <<'PY'
import os

import liquid

MAILS = {"2026-03-01": "%d.%m.%Y", "2026-03-01T09:30:00": "%d.%m.%Y %H:%M"}
printed = [liquid.render('{{ until | date: "' + form + '" }}', until=until) for until, form in MAILS.items()]
print(f"{os.environ['TZ']}: python-liquid {', '.join(printed)}")
PY
for zone in America/New_York Europe/Berlin; do
  TZ=$zone venv/bin/python mail.py
  TZ=$zone node mail.mjs
done >all
grep -v "Berlin: liquidjs with" all >seen
cat seen
diff seen - <<'SEEN'
America/New_York: python-liquid 01.03.2026, 01.03.2026 09:30
America/New_York: liquidjs 28.02.2026, 01.03.2026 09:30, 0 days right
America/New_York: liquidjs with preserveTimezones 28.02.2026, 01.03.2026 09:30, 0 days right
America/New_York: liquidjs with timezoneOffset: 0 01.03.2026, 01.03.2026 14:30, 365 days right
Europe/Berlin: python-liquid 01.03.2026, 01.03.2026 09:30
Europe/Berlin: liquidjs 01.03.2026, 01.03.2026 09:30, 365 days right
SEEN

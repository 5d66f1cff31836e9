#!/usr/bin/env bash
# cron 4.4.0 (npm; NestJS's scheduler stands on it) runs a daily job twice on the day the clocks go back, if it is set for
# the hour that follows the change: "0 3 * * *" in Berlin at 2:00 and at 3:00, though 3:00 comes once on that day too.
# Cairo, Beirut and Santiago change at midnight: there "0 0 * * 5" runs on Thursday at 23:00, which is neither its hour
# nor its day, and on Friday at 0:00. So whoever gets one message a day, or the newsletter of Friday, gets two.
# croner 11.0.1 runs once, at the hour that was asked for. The project's closed issues (563 is one) are about the hour
# that comes twice; none of these schedules names it.
#
# Output seen (a clock that is moved by hand; all runs from the evening before to a day after, in local time):
#   Berlin 0 3 * * *:   cron Sun 02:00, Sun 03:00, Mon 03:00; croner Sun 03:00, Mon 03:00
#   New_York 0 2 * * *: cron Sun 01:00, Sun 02:00, Mon 02:00; croner Sun 02:00, Mon 02:00
#   Cairo 0 0 * * *:    cron Thu 23:00, Fri 00:00, Sat 00:00; croner Fri 00:00, Sat 00:00
#   Cairo 0 0 * * 5:    cron Thu 23:00, Fri 00:00; croner Fri 00:00
#   Santiago 0 0 * * *: cron Sat 23:00, Sun 00:00, Mon 00:00; croner Sun 00:00, Mon 00:00
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund cron@4.4.0 croner@11.0.1 luxon@3.7.2 @sinonjs/fake-timers@15.5.0 >/dev/null
cat >ring.js <<'JS'
const { CronJob } = require("cron");
const { Cron } = require("croner");
const { DateTime } = require("luxon");
const timers = require("@sinonjs/fake-timers");

const cases = [
  ["Europe/Berlin", "0 3 * * *", "2026-10-24T20:00"],
  ["America/New_York", "0 2 * * *", "2026-10-31T20:00"],
  ["Africa/Cairo", "0 0 * * *", "2026-10-29T20:00"],
  ["Africa/Cairo", "0 0 * * 5", "2026-10-29T20:00"],
  ["America/Santiago", "0 0 * * *", "2026-04-04T20:00"],
];
const schedulers = {
  cron: (cronTime, timeZone, onTick) => CronJob.from({ cronTime, timeZone, onTick, start: true }),
  croner: (pattern, timezone, run) => new Cron(pattern, { timezone }, run),
};

function runs(schedule, pattern, zone, start) {
  const now = DateTime.fromISO(start, { zone }).toMillis();
  const clock = timers.install({ now, toFake: ["setTimeout", "clearTimeout", "Date"] });
  const seen = [];
  const job = schedule(pattern, zone, () => seen.push(DateTime.now().setZone(zone).toFormat("ccc HH:mm")));
  clock.tick(36 * 3_600_000);
  job.stop();
  clock.uninstall();
  return seen.join(", ");
}

for (const [zone, pattern, start] of cases) {
  const all = Object.entries(schedulers).map(([name, schedule]) => `${name} ${runs(schedule, pattern, zone, start)}`);
  console.log(`${zone.split("/")[1]} ${pattern}:`.padEnd(19), all.join("; "));
}
JS
TZ=UTC node ring.js >seen
cat seen
diff seen - <<'SEEN'
Berlin 0 3 * * *:   cron Sun 02:00, Sun 03:00, Mon 03:00; croner Sun 03:00, Mon 03:00
New_York 0 2 * * *: cron Sun 01:00, Sun 02:00, Mon 02:00; croner Sun 02:00, Mon 02:00
Cairo 0 0 * * *:    cron Thu 23:00, Fri 00:00, Sat 00:00; croner Fri 00:00, Sat 00:00
Cairo 0 0 * * 5:    cron Thu 23:00, Fri 00:00; croner Fri 00:00
Santiago 0 0 * * *: cron Sat 23:00, Sun 00:00, Mon 00:00; croner Sun 00:00, Mon 00:00
SEEN

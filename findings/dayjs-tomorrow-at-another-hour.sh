#!/usr/bin/env bash
# dayjs 1.11.23 with its timezone plugin: `dayjs.tz("2026-03-28 09:00", "Europe/Berlin").add(1, "day")` is 10:00 in Berlin,
# as the offset of the day before stays. format() hides it: it prints 09:00 with +01:00, an offset that Berlin does not
# have on that day. So a reminder "in a week at nine" comes an hour late in spring and an hour early in autumn. Luxon 3.7.2 and
# moment-timezone 0.6.6 say 09:00. Setting the hour again, .hour(9), keeps the wrong offset; .tz(zone, true) mends it.
#
# Output seen (TZ=UTC):
#   spring, 1 day:  dayjs 2026-03-29T09:00:00+01:00, in Berlin 10:00; Luxon 09:00; moment-timezone 09:00
#   spring, 1 week: dayjs 2026-04-04T09:00:00+01:00, in Berlin 10:00; Luxon 09:00; moment-timezone 09:00
#   autumn, 1 day:  dayjs 2026-10-25T09:00:00+02:00, in Berlin 08:00; Luxon 09:00; moment-timezone 09:00
#   then hour(9): 2026-03-29T09:00:00+01:00, or tz(zone, true): 2026-03-29T09:00:00+02:00
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund dayjs@1.11.23 luxon@3.7.2 moment-timezone@0.6.6 >/dev/null
cat >remind.js <<'JS'
const dayjs = require("dayjs");
const { DateTime } = require("luxon");
const moment = require("moment-timezone");

dayjs.extend(require("dayjs/plugin/utc"));
dayjs.extend(require("dayjs/plugin/timezone"));
const zone = "Europe/Berlin";
const clock = (moment) => DateTime.fromMillis(moment.valueOf(), { zone }).toFormat("HH:mm");
const cases = { "spring, 1 day:": ["2026-03-28T09:00", 1], "spring, 1 week:": ["2026-03-28T09:00", 7] };
cases["autumn, 1 day:"] = ["2026-10-24T09:00", 1];
for (const [name, [start, days]] of Object.entries(cases)) {
  const byDayjs = dayjs.tz(start, zone).add(days, "day");
  const byLuxon = DateTime.fromISO(start, { zone }).plus({ days });
  const byMoment = moment.tz(start, zone).add(days, "day");
  const others = `Luxon ${clock(byLuxon)}; moment-timezone ${clock(byMoment)}`;
  console.log(`${name.padEnd(15)} dayjs ${byDayjs.format()}, in Berlin ${clock(byDayjs)}; ${others}`);
}
const wrong = dayjs.tz("2026-03-28T09:00", zone).add(1, "day");
console.log(`then hour(9): ${wrong.hour(9).format()}, or tz(zone, true): ${wrong.tz(zone, true).format()}`);
JS
TZ=UTC node remind.js >seen
cat seen
diff seen - <<'SEEN'
spring, 1 day:  dayjs 2026-03-29T09:00:00+01:00, in Berlin 10:00; Luxon 09:00; moment-timezone 09:00
spring, 1 week: dayjs 2026-04-04T09:00:00+01:00, in Berlin 10:00; Luxon 09:00; moment-timezone 09:00
autumn, 1 day:  dayjs 2026-10-25T09:00:00+02:00, in Berlin 08:00; Luxon 09:00; moment-timezone 09:00
then hour(9): 2026-03-29T09:00:00+01:00, or tz(zone, true): 2026-03-29T09:00:00+02:00
SEEN

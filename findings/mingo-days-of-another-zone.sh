#!/usr/bin/env bash
# mingo 7.2.6 runs MongoDB's queries in JavaScript, in tests and for small data. $dateTrunc to the day, with a zone, takes the
# day that it is in UTC and then the zone's midnight: in Berlin all that happens in the first one or two hours of a day is
# counted on the day before, in Tokyo nine hours, and in New York the last four or five on the day after. A month begins
# wrongly in the same hours. $dateAdd of a month to 31 October gives 1 December, where MongoDB's page about $dateAdd has
# 30 November, so a trial of a month ends a day late; of a day over a change of the clocks it adds 24 hours, where that
# page keeps the hour. No error is given, and a test with mingo agrees with itself. Luxon 3.7.2, with which all is
# compared, is right. (Issue 587 of mingo, about summer time, is closed.)
#
# Output seen (zone Europe/Berlin where none is said):
#   Sun 29 November 00:30: day begins mingo Sat 28 November, Luxon Sun 29 November
#   Sun 29 November 01:30: day begins mingo Sun 29 November, Luxon Sun 29 November
#   Wed 1 July 01:30: month begins mingo Mon 1 June, Luxon Wed 1 July
#   24 orders of 1 July, one an hour, counted by mingo:
#     Europe/Berlin: 2 on 30 June, 22 on 1 July
#     America/New_York: 20 on 1 July, 4 on 2 July
#     Asia/Tokyo: 9 on 30 June, 15 on 1 July
#     UTC, no zone: 24 on 1 July
#   31 October and a month: mingo 1 December, Luxon 30 November
#   31 January and a month: mingo 3 March, Luxon 28 February
#   Sat 28 March 09:00 and a day: mingo Sun 29 March 10:00, Luxon Sun 29 March 09:00
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund mingo@7.2.6 luxon@3.7.2 >/dev/null
cat >days.mjs <<'JS'
import { DateTime } from "luxon";
import { aggregate } from "mingo";

const zone = "Europe/Berlin";
const there = (text) => DateTime.fromISO(text, { zone });
const compute = (moment, r) => DateTime.fromJSDate(aggregate([{ at: moment.toJSDate() }], [{ $project: { r } }])[0].r, { zone });
const truncate = (unit) => ({ $dateTrunc: { date: "$at", unit, timezone: zone } });
const add = (unit) => ({ $dateAdd: { startDate: "$at", unit, amount: 1, timezone: zone } });
const DAY = "ccc d MMMM";

for (const [text, unit] of [
  ["2026-11-29T00:30", "day"],
  ["2026-11-29T01:30", "day"],
  ["2026-07-01T01:30", "month"],
]) {
  const [byMingo, byLuxon] = [compute(there(text), truncate(unit)), there(text).startOf(unit)].map((day) => day.toFormat(DAY));
  console.log(`${there(text).toFormat(`${DAY} HH:mm`)}: ${unit} begins mingo ${byMingo}, Luxon ${byLuxon}`);
}
console.log("24 orders of 1 July, one an hour, counted by mingo:");
for (const timezone of [zone, "America/New_York", "Asia/Tokyo", undefined]) {
  const midnight = DateTime.fromISO("2026-07-01T00:00", { zone: timezone ?? "UTC" });
  const orders = Array.from({ length: 24 }, (_, hour) => ({ at: midnight.plus({ hour, minute: 30 }).toJSDate() }));
  const day = { $dateTrunc: { date: "$at", unit: "day", ...(timezone && { timezone }) } };
  const counts = aggregate(orders, [{ $group: { _id: day, count: { $sum: 1 } } }, { $sort: { _id: 1 } }]);
  const told = counts.map(({ _id, count }) => `${count} on ${DateTime.fromJSDate(_id, midnight).toFormat("d MMMM")}`);
  console.log(`  ${timezone ?? "UTC, no zone"}: ${told.join(", ")}`);
}
for (const [text, unit, format] of [
  ["2020-10-31T13:10:05", "month", "d MMMM"], // of MongoDB's page
  ["2026-01-31T12:00", "month", "d MMMM"],
  ["2026-03-28T09:00", "day", `${DAY} HH:mm`],
]) {
  const [byMingo, byLuxon] = [compute(there(text), add(unit)), there(text).plus({ [unit]: 1 })].map((day) => day.toFormat(format));
  console.log(`${there(text).toFormat(format)} and a ${unit}: mingo ${byMingo}, Luxon ${byLuxon}`);
}
JS
TZ=UTC node days.mjs >seen
cat seen
diff seen - <<'SEEN'
Sun 29 November 00:30: day begins mingo Sat 28 November, Luxon Sun 29 November
Sun 29 November 01:30: day begins mingo Sun 29 November, Luxon Sun 29 November
Wed 1 July 01:30: month begins mingo Mon 1 June, Luxon Wed 1 July
24 orders of 1 July, one an hour, counted by mingo:
  Europe/Berlin: 2 on 30 June, 22 on 1 July
  America/New_York: 20 on 1 July, 4 on 2 July
  Asia/Tokyo: 9 on 30 June, 15 on 1 July
  UTC, no zone: 24 on 1 July
31 October and a month: mingo 1 December, Luxon 30 November
31 January and a month: mingo 3 March, Luxon 28 February
Sat 28 March 09:00 and a day: mingo Sun 29 March 10:00, Luxon Sun 29 March 09:00
SEEN

#!/usr/bin/env bash
# @gorules/zen-engine 0.54.0 (business rules): d() reads a time with an offset, and leaves the offset out. 12:30+01:00 is taken
# for 12:30 UTC, an hour late; date(), which the same language has too, is right. So of two events of one
# customer the later one can come first: a purchase half an hour before the end of a trial is after it. With a zone as
# second argument the Z is left out too: 23:30Z is half past eleven on Saturday in Berlin, where it is Sunday. No error
# is given, though an offset without a colon is an "Invalid date". Its documentation shows d() with no offset at all.
# A moment ends up right with d() if it is sent in UTC, and d(moment).tz(zone) then gives the day there.
#
# Output seen:
#   bought 2026-11-29T12:30:00+01:00, trial ends 2026-11-29T12:00:00Z: d(bought) < d(ends) false, date(bought) < date(ends) true
#   2026-11-29T12:30:00-05:00: d 2026-11-29 12:30 UTC, date 2026-11-29 17:30 UTC
#   2026-12-01T00:30:00+01:00: d 2026-12-01 00:30 UTC, date 2026-11-30 23:30 UTC
#   2026-11-28T23:30:00Z in Europe/Berlin: d with the zone Sat 28, with tz() Sun 29
#   2026-11-29T12:30:00+0100: d Invalid date
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund @gorules/zen-engine@0.54.0 >/dev/null
cat >ask.js <<'JS'
const { evaluateExpression: ask } = require("@gorules/zen-engine");
const minutes = (text) => text.slice(0, 16).replace("T", " ");
(async () => {
  const facts = { bought: "2026-11-29T12:30:00+01:00", ends: "2026-11-29T12:00:00Z" };
  const rules = ["d(bought) < d(ends)", "date(bought) < date(ends)"];
  const said = await Promise.all(rules.map(async (rule) => `${rule} ${await ask(rule, facts)}`));
  console.log(`bought ${facts.bought}, trial ends ${facts.ends}: ${said.join(", ")}`);
  for (const moment of ["2026-11-29T12:30:00-05:00", "2026-12-01T00:30:00+01:00"]) {
    const byD = new Date(await ask("d(moment).timestamp()", { moment }));
    const byDate = new Date((await ask("date(moment)", { moment })) * 1000);
    console.log(`${moment}: d ${minutes(byD.toISOString())} UTC, date ${minutes(byDate.toISOString())} UTC`);
  }
  const moment = "2026-11-28T23:30:00Z";
  const zone = "Europe/Berlin";
  const withZone = await ask('d(moment, zone).format("%a %d")', { moment, zone });
  const withTz = await ask('d(moment).tz(zone).format("%a %d")', { moment, zone });
  console.log(`${moment} in ${zone}: d with the zone ${withZone}, with tz() ${withTz}`);
  console.log("2026-11-29T12:30:00+0100: d", await ask('d("2026-11-29T12:30:00+0100").format()', {}));
})();
JS
TZ=UTC node ask.js >seen
cat seen
diff seen - <<'SEEN'
bought 2026-11-29T12:30:00+01:00, trial ends 2026-11-29T12:00:00Z: d(bought) < d(ends) false, date(bought) < date(ends) true
2026-11-29T12:30:00-05:00: d 2026-11-29 12:30 UTC, date 2026-11-29 17:30 UTC
2026-12-01T00:30:00+01:00: d 2026-12-01 00:30 UTC, date 2026-11-30 23:30 UTC
2026-11-28T23:30:00Z in Europe/Berlin: d with the zone Sat 28, with tz() Sun 29
2026-11-29T12:30:00+0100: d Invalid date
SEEN

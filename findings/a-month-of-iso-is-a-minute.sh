#!/usr/bin/env bash
# ISO 8601 writes a month as P1M and a minute as PT1M. parse-duration 2.1.9 and timestring 7.0.0 (npm) leave out the letters
# that they do not know, P and T, and take M for a minute in both places. A wait of P1M, from a calendar, a contract or
# another service, is over after a minute, and P1M1D is a day and a minute. P14D, P2W, P1Y and
# PT1M are right, so tests with these show nothing, and no error is given. So a win-back after a month goes out at once.
# Luxon 3.7.2 reads all as ISO has them. (Pull request 17 of juration, another such library, is open about M alone; about
# these two nothing was found.)
#
# Output seen (hours; Luxon counts a month as 30 days and a year as 365):
#   P14D: parse-duration 336, timestring 336, Luxon 336
#   PT1M: parse-duration 0.02, timestring 0.02, Luxon 0.02
#   P1M: parse-duration 0.02, timestring 0.02, Luxon 720
#   P1M1D: parse-duration 24.02, timestring 24.02, Luxon 744
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund parse-duration@2.1.9 timestring@7.0.0 luxon@3.7.2 >/dev/null
cat >hours.mjs <<'JS'
import { Duration } from "luxon";
import parse from "parse-duration";
import timestring from "timestring";
const shown = (hours) => Number(hours.toFixed(2));
for (const text of ["P14D", "PT1M", "P1M", "P1M1D"]) {
  const luxon = shown(Duration.fromISO(text).as("hours"));
  console.log(`${text}: parse-duration ${shown(parse(text, "h"))}, timestring ${shown(timestring(text, "h"))}, Luxon ${luxon}`);
}
JS
node hours.mjs >seen
cat seen
diff seen - <<'SEEN'
P14D: parse-duration 336, timestring 336, Luxon 336
PT1M: parse-duration 0.02, timestring 0.02, Luxon 0.02
P1M: parse-duration 0.02, timestring 0.02, Luxon 720
P1M1D: parse-duration 24.02, timestring 24.02, Luxon 744
SEEN

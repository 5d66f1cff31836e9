#!/usr/bin/env bash
# flagsmith 6.3.0 for Python (flagsmith-flag-engine 11.1.1) reads the number of a segment's rule as what the trait is: where the
# customer's is an int, "49.90" is no int, and the rule is false, whatever it asks. Who has spent 50 is not above 49.90, not
# below it and not unlike it; who has spent 50.50 is above. So of a segment for all who have spent more than 49.90, just
# those with whole amounts never get the offer, and JavaScript's JSON writes 50.00 as 50. Nothing is logged. A regular
# expression must fit from the trait's first letter on, so "shoes" does not find "red shoes". flagsmith-nodejs 8.1.2 with
# the same file has them all: a page in JavaScript shows the offer, and the mail from Python is not sent. Amounts given
# as float are safe. (No issue about it was found.)
#
# Output seen (local evaluation of one environment; which rules a customer's trait fulfils):
#   spent 20:        Python none; JavaScript <= 49.90, != 49.90
#   spent 20.5:      Python <= 49.90, != 49.90; JavaScript <= 49.90, != 49.90
#   spent 50:        Python none; JavaScript > 49.90, != 49.90
#   spent 50.5:      Python > 49.90, != 49.90; JavaScript > 49.90, != 49.90
#   last red shoes:  Python none; JavaScript matches shoes
#   last shoes, red: Python matches shoes; JavaScript matches shoes
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet flagsmith==6.3.0 flagsmith-flag-engine==11.1.1
npm install --silent --no-audit --no-fund flagsmith-nodejs@8.1.2 >/dev/null
cat >write.py <<'PY'
import json

RULES = [
    ("> 49.90", "spent", "GREATER_THAN", "49.90"),
    ("<= 49.90", "spent", "LESS_THAN_INCLUSIVE", "49.90"),
    ("!= 49.90", "spent", "NOT_EQUAL", "49.90"),
    ("matches shoes", "last", "REGEX", "shoes"),
]
CUSTOMERS = [
    {"spent": 20},
    {"spent": 20.5},
    {"spent": 50},
    {"spent": 50.5},
    {"last": "red shoes"},
    {"last": "shoes, red"},
]


def state(number, name, enabled):
    return {
        "django_id": number,
        "enabled": enabled,
        "feature": {"id": number, "name": name, "type": "STANDARD"},
        "feature_state_value": None,
        "featurestate_uuid": f"{name}, {enabled}",
        "multivariate_feature_state_values": [],
    }


def segment(number, name, trait, operator, value):
    condition = {"property_": trait, "operator": operator, "value": value}
    rule = {"type": "ANY", "rules": [], "conditions": [condition]}
    return {
        "id": number,
        "name": name,
        "rules": [{"type": "ALL", "rules": [rule], "conditions": []}],
        "feature_states": [state(number, name, True)],
    }


organisation = {
    "id": 1,
    "name": "shop",
    "feature_analytics": False,
    "stop_serving_flags": False,
    "persist_trait_data": True,
}
environment = {
    "id": 1,
    "name": "shop",
    "api_key": "key",
    "updated_at": "2026-11-01T00:00:00+00:00",
    "feature_states": [state(number, rule[0], False) for number, rule in enumerate(RULES, 1)],
    "identity_overrides": [],
    "project": {
        "id": 1,
        "name": "shop",
        "hide_disabled_flags": False,
        "organisation": organisation,
        "segments": [segment(number, *rule) for number, rule in enumerate(RULES, 1)],
    },
}
json.dump(environment, open("environment.json", "w"))
json.dump(CUSTOMERS, open("customers.json", "w"))
PY
cat >evaluate.py <<'PY'
import json

from flagsmith import Flagsmith
from flagsmith.offline_handlers import LocalFileHandler

client = Flagsmith(offline_mode=True, offline_handler=LocalFileHandler("environment.json"))
for traits in json.load(open("customers.json")):
    flags = client.get_identity_flags("ann", traits).all_flags()
    print(", ".join(flag.feature_name for flag in flags if flag.enabled) or "none")
PY
cat >evaluate.mjs <<'JS'
import { readFileSync } from "node:fs";
import { Flagsmith, LocalFileHandler } from "flagsmith-nodejs";

const client = new Flagsmith({ offlineMode: true, offlineHandler: new LocalFileHandler("environment.json") });
for (const traits of JSON.parse(readFileSync("customers.json", "utf8"))) {
  const flags = (await client.getIdentityFlags("ann", traits)).allFlags();
  const names = flags.filter((flag) => flag.enabled).map((flag) => flag.featureName);
  const told = Object.entries(traits)[0].join(" ");
  console.log(`${`${told}:`.padEnd(16)}|${names.join(", ") || "none"}`);
}
JS
python3 write.py
venv/bin/python evaluate.py >python
node evaluate.mjs >javascript
paste -d '|' javascript python | awk -F '|' '{ print $1 " Python " $3 "; JavaScript " $2 }' >seen
cat seen
diff seen - <<'SEEN'
spent 20:        Python none; JavaScript <= 49.90, != 49.90
spent 20.5:      Python <= 49.90, != 49.90; JavaScript <= 49.90, != 49.90
spent 50:        Python none; JavaScript > 49.90, != 49.90
spent 50.5:      Python > 49.90, != 49.90; JavaScript > 49.90, != 49.90
last red shoes:  Python none; JavaScript matches shoes
last shoes, red: Python matches shoes; JavaScript matches shoes
SEEN

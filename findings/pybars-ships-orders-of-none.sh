#!/usr/bin/env bash
# Handlebars for Python, pybars3 0.9.7: `{{#with order}}Order {{id}} is on its way.{{else}}Nothing is open.{{/with}}` never
# takes the else. A customer whose order is null reads "Order  is on its way.", where handlebars 4.7.10 (JavaScript) says that
# nothing is open. The else of {{#unless}} is not taken either: whoever has paid reads nothing at all. {{#if}} is right
# in both. No error is given, so a template that comes from JavaScript mails of orders that there are not. (Pull request
# 70 of pybars3, merged in 2022, is about unless; it is in no release. About with nothing was found.)
#
# Output seen (customers: order 7 and paid; no order and not paid):
#   handlebars: Order 7 is on its way. Thank you. | Nothing is open. Please pay.
#   pybars3: Order 7 is on its way.  | Order  is on its way. Please pay.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet pybars3==0.9.7
npm install --silent --no-audit --no-fund handlebars@4.7.10 >/dev/null
printf '%s' '{{#with order}}Order {{id}} is on its way.{{else}}Nothing is open.{{/with}} ' \
  '{{#unless paid}}Please pay.{{else}}Thank you.{{/unless}}' >mail
echo '[{"order": {"id": 7}, "paid": true}, {"order": null, "paid": false}]' >customers.json
cat >mail.js <<'JS'
const { readFileSync } = require("fs");
const mail = require("handlebars").compile(readFileSync("mail", "utf8"));
console.log("handlebars: " + JSON.parse(readFileSync("customers.json", "utf8")).map((one) => mail(one)).join(" | "));
JS
cat >mail.py <<'PY'
import json
from pathlib import Path

from pybars import Compiler

mail = Compiler().compile(Path("mail").read_text())
print("pybars3: " + " | ".join(str(mail(one)) for one in json.loads(Path("customers.json").read_text())))
PY
{
  node mail.js
  venv/bin/python mail.py
} >seen
cat seen
diff seen - <<'SEEN'
handlebars: Order 7 is on its way. Thank you. | Nothing is open. Please pay.
pybars3: Order 7 is on its way.  | Order  is on its way. Please pay.
SEEN

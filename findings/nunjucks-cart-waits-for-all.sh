#!/usr/bin/env bash
# nunjucks 3.2.4 renders templates of Jinja in JavaScript, "jinja2 inspired". These run in it without an error and say something
# else than in Jinja 3.1.6 (Python):
# - {% if cart %} of an empty cart is true, as a list in JavaScript is: who has left nothing reads that the cart waits.
# - {% set %} within a {% for %} goes on after it; in Jinja it ends with each round. A mark that is only set there is
#   never seen in Python, and seen in JavaScript.
# - {% if not tier == "gold" %} asks whether (not tier) is "gold", and that is never so: the offer goes to nobody.
# - {% if 1 < orders < 5 %} compares true with 5, which is always so: who has had 10 orders is in.
# - {% for … if … %} leaves out all, and says in its {% else %} that there is none.
# - |sum(attribute="price") is NaN, and prints so.
# So a mail that is right in a preview by one goes out wrong by the other. (Issues 267 and 261 of nunjucks, open since
# 2014, have empty lists and the loop's condition; about the others nothing was found.)
#
# Output seen (a customer with an empty cart, tier silver, 10 orders of which one is large; things paid and not paid):
#   cart: Jinja nothing left; nunjucks your cart waits
#   mark in a loop: Jinja no large order; nunjucks a large order
#   not gold: Jinja gold is near; nunjucks you have gold
#   2 to 4 orders: Jinja others; nunjucks for 2 to 4
#   paid things: Jinja shoes; nunjucks none
#   sum: Jinja 65; nunjucks NaN
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet jinja2==3.1.6
npm install --silent --no-audit --no-fund nunjucks@3.2.4 >/dev/null
cat >customer.json <<'JSON'
{
  "cart": [], "tier": "silver", "orders": 10, "history": [{"large": true}],
  "things": [{"name": "shoes", "price": 40, "paid": true}, {"name": "hat", "price": 25, "paid": false}]
}
JSON
cat >templates.json <<'JSON'
{
  "cart": "{% if cart %}your cart waits{% else %}nothing left{% endif %}",
  "mark in a loop": "{% set large = false %}{% for order in history %}{% if order.large %}{% set large = true %}{% endif %}{% endfor %}{% if large %}a large order{% else %}no large order{% endif %}",
  "not gold": "{% if not tier == 'gold' %}gold is near{% else %}you have gold{% endif %}",
  "2 to 4 orders": "{% if 1 < orders < 5 %}for 2 to 4{% else %}others{% endif %}",
  "paid things": "{% for thing in things if thing.paid %}{{ thing.name }}{% else %}none{% endfor %}",
  "sum": "{{ things|sum(attribute='price') }}"
}
JSON
cat >render.py <<'PY'
import json
from pathlib import Path

import jinja2

customer = json.loads(Path("customer.json").read_text())
for name, text in json.loads(Path("templates.json").read_text()).items():
    print(f"{name}: Jinja {jinja2.Template(text).render(customer)}")
PY
cat >render.js <<'JS'
const { readFileSync } = require("fs");
const nunjucks = require("nunjucks");

const [customer, templates] = ["customer.json", "templates.json"].map((file) => JSON.parse(readFileSync(file, "utf8")));
for (const text of Object.values(templates)) console.log("nunjucks " + nunjucks.renderString(text, customer));
JS
paste -d ';' <(venv/bin/python render.py) <(node render.js) | sed 's/;nunjucks/; nunjucks/' >seen
cat seen
diff seen - <<'SEEN'
cart: Jinja nothing left; nunjucks your cart waits
mark in a loop: Jinja no large order; nunjucks a large order
not gold: Jinja gold is near; nunjucks you have gold
2 to 4 orders: Jinja others; nunjucks for 2 to 4
paid things: Jinja shoes; nunjucks none
sum: Jinja 65; nunjucks NaN
SEEN

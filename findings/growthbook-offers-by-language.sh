#!/usr/bin/env bash
# GrowthBook's documentation says that the same attributes always give the same variation, whichever SDK is used. With the newest
# SDKs, @growthbook/growthbook 1.8.0 (JavaScript), growthbook 4.0.0 (Python) and growthbook-golang 0.7.0 (Go), one condition
# finds other customers: JavaScript's converts types as the language does, Python's and Go's do not. Of whom no orders
# are known has "fewer than 1 order" in the shop's page and not in the worker that sends the mails: the welcome offer is
# shown and never sent. A number that comes as a text, as from a form or a CSV, is a number to JavaScript alone, and $not
# turns it round: to the others, who has "12" orders has not more than 3 and gets the beginner's mail.
# No error is given. Known numbers, and true and false, are alike in all three, so tests with these show nothing.
# (Python's notes on 4.0.0 name the change, by version 0.12.0 of the specification; on JavaScript's nothing was found.)
#
# Output seen (who gets the offer, of customers whose orders or VIP are as said):
#   fewer than 1 order:    JavaScript none-known null 0; Python 0; Go 0
#   10 orders or more:     JavaScript "12" 12; Python 12; Go 12
#   not more than 3:       JavaScript none-known null 0; Python none-known null 0 "12"; Go none-known null 0 "12"
#   VIP:                   JavaScript 1 "yes" true; Python true; Go true
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
export GOPATH="$folder/gopath" GOFLAGS="-modcacherw -mod=mod"
python3 -m venv venv
venv/bin/pip install --quiet growthbook==4.0.0
npm install --silent --no-audit --no-fund @growthbook/growthbook@1.8.0 >/dev/null
cat >offers.json <<'JSON'
[
  {"said": "fewer than 1 order:", "condition": {"orders": {"$lt": 1}}, "key": "orders"},
  {"said": "10 orders or more:", "condition": {"orders": {"$gte": 10}}, "key": "orders"},
  {"said": "not more than 3:", "condition": {"orders": {"$not": {"$gt": 3}}}, "key": "orders"},
  {"said": "VIP:", "condition": {"vip": true}, "key": "vip"}
]
JSON
cat >customers.json <<'JSON'
{
  "orders": [{}, {"orders": null}, {"orders": 0}, {"orders": "12"}, {"orders": 12}],
  "vip": [{}, {"vip": 1}, {"vip": "yes"}, {"vip": true}, {"vip": false}]
}
JSON
cat >offers.mjs <<'JS'
import { GrowthBook } from "@growthbook/growthbook";
import { readFileSync } from "node:fs";
const customers = JSON.parse(readFileSync("customers.json", "utf8"));
for (const { condition, key } of JSON.parse(readFileSync("offers.json", "utf8"))) {
  const features = { offer: { defaultValue: false, rules: [{ condition, force: true }] } };
  const offered = customers[key].filter((attributes) => new GrowthBook({ attributes, features }).isOn("offer"));
  console.log(offered.map((customer) => (key in customer ? JSON.stringify(customer[key]) : "none-known")).join(" "));
}
JS
cat >offers.py <<'PY'
import json
from pathlib import Path

from growthbook import GrowthBook

customers = json.loads(Path("customers.json").read_text())
for offer in json.loads(Path("offers.json").read_text()):
    key, rule = offer["key"], {"condition": offer["condition"], "force": True}
    features = {"offer": {"defaultValue": False, "rules": [rule]}}
    offered = [one for one in customers[key] if GrowthBook(attributes=one, features=features).is_on("offer")]
    print(*(json.dumps(one[key]) if key in one else "none-known" for one in offered))
PY
cat >go.mod <<'MOD'
module offers

go 1.23

require github.com/growthbook/growthbook-golang v0.7.0
MOD
cat >offers.go <<'GO'
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/growthbook/growthbook-golang"
)

func read(file string, into any) {
	text, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(text, into)
	}
	if err != nil {
		panic(err)
	}
}

func main() {
	var customers map[string][]map[string]any
	var offers []struct {
		Condition json.RawMessage
		Key       string
	}
	read("customers.json", &customers)
	read("offers.json", &offers)
	for _, offer := range offers {
		features := `{"offer": {"defaultValue": false, "rules": [{"condition": ` + string(offer.Condition) + `, "force": true}]}}`
		offered := []string{}
		for _, customer := range customers[offer.Key] {
			client, err := growthbook.NewClient(context.Background(),
				growthbook.WithJsonFeatures(features), growthbook.WithAttributes(growthbook.Attributes(customer)))
			if err != nil {
				panic(err)
			}
			if !client.EvalFeature(context.Background(), "offer").On {
				continue
			}
			told := []byte("none-known")
			if known, has := customer[offer.Key]; has {
				told, _ = json.Marshal(known)
			}
			offered = append(offered, string(told))
		}
		fmt.Println(strings.Join(offered, " "))
	}
}
GO
node offers.mjs >by-javascript
venv/bin/python offers.py >by-python
go run . 2>log >by-go
paste -d '|' <(venv/bin/python -c 'import json; print(*(offer["said"] for offer in json.load(open("offers.json"))), sep="\n")') \
  by-javascript by-python by-go | awk -F '|' '{ printf "%-22s JavaScript %s; Python %s; Go %s\n", $1, $2, $3, $4 }' >seen
cat seen
diff seen - <<'SEEN'
fewer than 1 order:    JavaScript none-known null 0; Python 0; Go 0
10 orders or more:     JavaScript "12" 12; Python 12; Go 12
not more than 3:       JavaScript none-known null 0; Python none-known null 0 "12"; Go none-known null 0 "12"
VIP:                   JavaScript 1 "yes" true; Python true; Go true
SEEN

#!/usr/bin/env bash
# Mail templates in Go, filled from JSON: osteele/liquid 1.6.0 and cbroglie/mustache 1.4.2 print numbers from a million on with
# an exponent. 999999 points are "999999", one more is "1e+06", a price of 1,250,000 rupiah is "1.25e+06", and a link
# for customer 12345678 asks for customer 1.2345678e+07. No error is given, and tests with small numbers pass: it comes
# with growth. (JSON's numbers are float64 in Go, and both print them as fmt does.) raymond 2.0.2 (Handlebars in Go) and
# liquidjs 10.30.1 print all digits. Decoding with UseNumber helps mustache; in liquid it makes a number a text, so
# {% if points > 5 %} is false for everybody, again without an error.
#
# Output seen (points; price; link; what {% if points > 5 %} says, of two customers):
#   liquid:               999999; 19.99; ?c=999999; many | 1e+06; 1.25e+06; ?c=1.2345678e+07; many
#   liquid, UseNumber:    999999; 19.99; ?c=999999; few | 1000000; 1250000; ?c=12345678; few
#   mustache:             999999; 19.99; ?c=999999 | 1e+06; 1.25e+06; ?c=1.2345678e+07
#   mustache, UseNumber:  999999; 19.99; ?c=999999 | 1000000; 1250000; ?c=12345678
#   raymond:              999999; 19.99; ?c=999999 | 1000000; 1250000; ?c=12345678
#   liquidjs:             999999; 19.99; ?c=999999; many | 1000000; 1250000; ?c=12345678; many
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
export GOPATH="$folder/gopath" GOFLAGS=-modcacherw
cat >customers.jsonl <<'JSONL'
{"points": 999999, "price": 19.99, "id": 999999}
{"points": 1000000, "price": 1250000, "id": 12345678}
JSONL
echo '{{ points }}; {{ price }}; ?c={{ id }}; {% if points > 5 %}many{% else %}few{% endif %}' >mail.liquid
echo '{{ points }}; {{ price }}; ?c={{ id }}' >mail.mustache
mkdir go
cat >go/mails.go <<'GO'
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/aymerick/raymond"
	"github.com/cbroglie/mustache"
	"github.com/osteele/liquid"
)

func read(name string) string {
	text, err := os.ReadFile(name)
	if err != nil {
		panic(err)
	}
	return strings.TrimSpace(string(text))
}

func main() {
	byLiquid := func(customer map[string]any) (string, error) { // its own type of error is not nil as an error
		text, err := liquid.NewEngine().ParseAndRenderString(read("mail.liquid"), customer)
		if err != nil {
			return "", err
		}
		return text, nil
	}
	byMustache := func(customer map[string]any) (string, error) { return mustache.Render(read("mail.mustache"), customer) }
	byRaymond := func(customer map[string]any) (string, error) { return raymond.Render(read("mail.mustache"), customer) }
	show := func(name string, useNumber bool, render func(map[string]any) (string, error)) {
		var mails []string
		for _, line := range strings.Split(read("customers.jsonl"), "\n") {
			decoder := json.NewDecoder(bytes.NewBufferString(line))
			if useNumber {
				decoder.UseNumber()
			}
			customer := map[string]any{}
			if err := decoder.Decode(&customer); err != nil {
				panic(err)
			}
			mail, err := render(customer)
			if err != nil {
				panic(err)
			}
			mails = append(mails, mail)
		}
		fmt.Printf("%-21s %s\n", name, strings.Join(mails, " | "))
	}
	show("liquid:", false, byLiquid)
	show("liquid, UseNumber:", true, byLiquid)
	show("mustache:", false, byMustache)
	show("mustache, UseNumber:", true, byMustache)
	show("raymond:", false, byRaymond)
}
GO
cat >mails.js <<'JS'
const fs = require("fs");
const { Liquid } = require("liquidjs");
const template = fs.readFileSync("mail.liquid", "utf8").trim();
const customers = fs.readFileSync("customers.jsonl", "utf8").trim().split("\n").map((line) => JSON.parse(line));
const mails = customers.map((customer) => new Liquid().parseAndRenderSync(template, customer));
console.log("liquidjs:".padEnd(21), mails.join(" | "));
JS
npm install --silent --no-audit --no-fund liquidjs@10.30.1 >/dev/null
(cd go && go mod init mails && go get github.com/osteele/liquid@v1.6.0 github.com/cbroglie/mustache@v1.4.2 \
  github.com/aymerick/raymond@v2.0.2 && go build -o ../mails .) 2>log
./mails >seen
node mails.js >>seen
cat seen
diff seen - <<'SEEN'
liquid:               999999; 19.99; ?c=999999; many | 1e+06; 1.25e+06; ?c=1.2345678e+07; many
liquid, UseNumber:    999999; 19.99; ?c=999999; few | 1000000; 1250000; ?c=12345678; few
mustache:             999999; 19.99; ?c=999999 | 1e+06; 1.25e+06; ?c=1.2345678e+07
mustache, UseNumber:  999999; 19.99; ?c=999999 | 1000000; 1250000; ?c=12345678
raymond:              999999; 19.99; ?c=999999 | 1000000; 1250000; ?c=12345678
liquidjs:             999999; 19.99; ?c=999999; many | 1000000; 1250000; ?c=12345678; many
SEEN

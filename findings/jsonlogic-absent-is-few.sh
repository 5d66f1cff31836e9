#!/usr/bin/env bash
# One JsonLogic rule, five libraries. Of a customer with no known purchases, JavaScript's json-logic-js 2.0.5 says "fewer than
# 1" and "at most 0", but not "0"; Python's panzi-json-logic 1.0.1 says all three, json-logic-qubit 0.9.1 and Java's
# json-logic-java 1.1.0 none; Go's jsonlogic 3.5.1 says "fewer than 1" and not "at most 0". So a win-back for fewer than 1
# goes to all of them or to nobody, by who evaluates it, and "seen within 30 days" (days < 30) is true of strangers in
# three. json-logic-java also finds no date at or after another: it compares numbers, and a date is none. The default
# in {"var": ["name", "friend"]} does not help against a null in two: the mail greets null.
# JsonLogic has no rule for null; json-logic-js's issue 44 asks for one and is open.
#
# Output seen (the customer is {"name": null, "until": "2026-12-31"}):
#   json-logic-js 2.0.5:    <1 true, <=0 true, ==0 false, days<30 true, until>=2026-03-01 true, name null
#   json-logic-qubit 0.9.1: <1 false, <=0 false, ==0 false, days<30 false, until>=2026-03-01 true, name null
#   panzi-json-logic 1.0.1: <1 true, <=0 true, ==0 true, days<30 true, until>=2026-03-01 true, name "friend"
#   json-logic-java 1.1.0:  <1 false, <=0 false, ==0 false, days<30 false, until>=2026-03-01 false, name "friend"
#   jsonlogic (Go) 3.5.1:   <1 true, <=0 false, ==0 false, days<30 true, until>=2026-03-01 true, name "friend"
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund json-logic-js@2.0.5 >/dev/null
for package in json-logic-qubit==0.9.1 panzi-json-logic==1.0.1; do # two of one module name
  python3 -m venv "${package%%==*}"
  "${package%%==*}/bin/pip" install --quiet "$package"
done
cat >pom.xml <<'XML'
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion><groupId>local</groupId><artifactId>rules</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>io.github.jamsesso</groupId><artifactId>json-logic-java</artifactId><version>1.1.0</version></dependency>
  </dependencies>
</project>
XML
mvn --quiet --batch-mode dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory=lib

echo '{"name": null, "until": "2026-12-31"}' >customer.json
cat >rules.jsonl <<'RULES'
{"<": [{"var": "purchases"}, 1]}
{"<=": [{"var": "purchases"}, 0]}
{"==": [{"var": "purchases"}, 0]}
{"<": [{"var": "days"}, 30]}
{">=": [{"var": "until"}, "2026-03-01"]}
{"var": ["name", "friend"]}
RULES
cat >rules.js <<'JS'
const fs = require("fs");
const jsonLogic = require("json-logic-js");
const customer = JSON.parse(fs.readFileSync("customer.json", "utf8"));
for (const rule of fs.readFileSync("rules.jsonl", "utf8").trim().split("\n"))
  console.log(JSON.stringify(jsonLogic.apply(JSON.parse(rule), customer)));
JS
cat >rules.py <<'PY'
import json
from pathlib import Path

from json_logic import jsonLogic

customer = json.loads(Path("customer.json").read_text())
for rule in Path("rules.jsonl").read_text().splitlines():
    print(json.dumps(jsonLogic(json.loads(rule), customer)))
PY
cat >Rules.java <<'JAVA'
import com.google.gson.Gson;
import io.github.jamsesso.jsonlogic.JsonLogic;
import java.nio.file.Files;
import java.nio.file.Path;

class Rules {
  public static void main(String[] none) throws Exception {
    var customer = new Gson().fromJson(Files.readString(Path.of("customer.json")), Object.class);
    for (var rule : Files.readAllLines(Path.of("rules.jsonl")))
      System.out.println(new Gson().toJson(new JsonLogic().apply(rule, customer)));
  }
}
JAVA
mkdir go
cat >go/rules.go <<'GO'
package main

import (
	"os"
	"strings"

	"github.com/diegoholiveira/jsonlogic/v3"
)

func main() {
	customer, _ := os.ReadFile("customer.json")
	rules, _ := os.ReadFile("rules.jsonl")
	for _, rule := range strings.Split(strings.TrimSpace(string(rules)), "\n") {
		if err := jsonlogic.Apply(strings.NewReader(rule), strings.NewReader(string(customer)), os.Stdout); err != nil {
			panic(err)
		}
	}
}
GO
export GOPATH="$folder/gopath" GOFLAGS=-modcacherw
(cd go && go mod init rules && go get github.com/diegoholiveira/jsonlogic/v3@v3.5.1 && go build -o ../rules rules.go) 2>log

show() {
  paste -sd ' ' | sed -E "s/(\S+) (\S+) (\S+) (\S+) (\S+) (\S+)/<1 \1, <=0 \2, ==0 \3, days<30 \4, until>=2026-03-01 \5, name \6/; s/^/$1/"
}
{
  node rules.js | show 'json-logic-js 2.0.5:    '
  json-logic-qubit/bin/python rules.py | show 'json-logic-qubit 0.9.1: '
  panzi-json-logic/bin/python rules.py | show 'panzi-json-logic 1.0.1: '
  java -cp 'lib/*' Rules.java 2>>log | show 'json-logic-java 1.1.0:  '
  ./rules | show 'jsonlogic (Go) 3.5.1:   '
} >seen
cat seen
diff seen - <<'SEEN'
json-logic-js 2.0.5:    <1 true, <=0 true, ==0 false, days<30 true, until>=2026-03-01 true, name null
json-logic-qubit 0.9.1: <1 false, <=0 false, ==0 false, days<30 false, until>=2026-03-01 true, name null
panzi-json-logic 1.0.1: <1 true, <=0 true, ==0 true, days<30 true, until>=2026-03-01 true, name "friend"
json-logic-java 1.1.0:  <1 false, <=0 false, ==0 false, days<30 false, until>=2026-03-01 false, name "friend"
jsonlogic (Go) 3.5.1:   <1 true, <=0 false, ==0 false, days<30 true, until>=2026-03-01 true, name "friend"
SEEN

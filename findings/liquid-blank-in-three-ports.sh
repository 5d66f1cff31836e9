#!/usr/bin/env bash
# `{% if name != blank %}Hello {{ name }}!{% else %}Hello friend!{% endif %}` is how Liquid templates greet somebody whose
# name may be missing. Nothing, an empty text and spaces are all blank to Shopify's Liquid (with Rails' ActiveSupport),
# and to liquidjs 10.30.1. To python-liquid 2.3.6 the two texts are, but not a name that is missing or null, which is
# the commonest case: it writes "Hello !". Liqp 0.9.2.3 (Java) knows the word and finds nothing blank. None gives an
# error, so a template that comes from one to another greets nobody. `{{ name | default: "friend" }}` is alike in all
# three. (python-liquid's issue 3 and Liqp's 147 name differences of `blank`; both are closed.)
#
# Output seen (the name: missing | null | "" | " "):
#   liquidjs 10.30.1:    != blank: friend | friend | friend | friend; default: friend | friend | friend | " "
#   python-liquid 2.3.6: != blank: "" | "" | friend | friend; default: friend | friend | friend | " "
#   liqp 0.9.2.3:        != blank: "" | "" | "" | " "; default: friend | friend | friend | " "
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet python-liquid==2.3.6
npm install --silent --no-audit --no-fund liquidjs@10.30.1 >/dev/null
cat >pom.xml <<'XML'
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion><groupId>local</groupId><artifactId>liquid</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>nl.big-o</groupId><artifactId>liqp</artifactId><version>0.9.2.3</version></dependency>
  </dependencies>
</project>
XML
mvn --quiet --batch-mode dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory=lib

# Each renders both templates for each customer, and prints one greeting a line.
echo '{% if name != blank %}Hello {{ name }}!{% else %}Hello friend!{% endif %}' >blank.liquid
echo 'Hello {{ name | default: "friend" }}!' >default.liquid
echo '[{}, {"name": null}, {"name": ""}, {"name": " "}]' >customers.json
cat >greet.js <<'JS'
const fs = require("fs");
const { Liquid } = require("liquidjs");
for (const template of ["blank.liquid", "default.liquid"])
  for (const customer of JSON.parse(fs.readFileSync("customers.json", "utf8")))
    process.stdout.write(new Liquid().parseAndRenderSync(fs.readFileSync(template, "utf8"), customer));
JS
cat >greet.py <<'PY'
import json
from pathlib import Path

from liquid import Environment

for template in "blank.liquid", "default.liquid":
    for customer in json.loads(Path("customers.json").read_text()):
        print(Environment().from_string(Path(template).read_text()).render(**customer), end="")
PY
cat >Greet.java <<'JAVA'
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import liqp.TemplateParser;

class Greet {
  public static void main(String[] none) throws Exception {
    for (var template : List.of("blank.liquid", "default.liquid"))
      for (Map<String, Object> customer : new ObjectMapper().readValue(new File("customers.json"), Map[].class))
        System.out.print(TemplateParser.DEFAULT.parse(Files.readString(Path.of(template))).render(customer));
  }
}
JAVA
show() {
  sed -e 's/^Hello \(.*\)!$/\1/' -e 's/^ *$/"&"/' | paste -sd '|' | sed -e 's/|/ | /g' \
    -e 's/\(.*|.*|.*|.*\) | \(.*|.*|.*|.*\)/!= blank: \1; default: \2/' -e "s/^/$1/"
}
{
  node greet.js | show 'liquidjs 10.30.1:    '
  venv/bin/python greet.py | show 'python-liquid 2.3.6: '
  java -cp 'lib/*' Greet.java 2>log | show 'liqp 0.9.2.3:        '
} >seen
cat seen
diff seen - <<'SEEN'
liquidjs 10.30.1:    != blank: friend | friend | friend | friend; default: friend | friend | friend | " "
python-liquid 2.3.6: != blank: "" | "" | friend | friend; default: friend | friend | friend | " "
liqp 0.9.2.3:        != blank: "" | "" | "" | " "; default: friend | friend | friend | " "
SEEN

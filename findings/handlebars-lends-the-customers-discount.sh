#!/usr/bin/env bash
# A mail in Handlebars lists what was bought: {{#each things}}{{name}}{{#if discount}} -{{discount}} %{{/if}}{{/each}}. Where
# a thing has no discount, handlebars 4.7.10 (JavaScript) writes none: it "does not perform recursive lookup by default",
# its reference says, and the README of raymond 2.0.2 (Go) says of itself that "there is no recursive lookup". raymond and
# handlebars.java 4.5.0 look for the field in whatever the thing lies in, and find the customer's: the hat has the 20 %
# that the customer has for the whole order. {{#with friend}} of a friend without a name has the customer's own. No error
# is given. Things that have every field are right, so a test with full data shows nothing; it comes with the first field
# that is left out, in Java also with null. {{this.discount}} helps in Java, and not in Go. (handlebars.java's issue 492,
# closed, has it, and its maintainer's word that Mustache does so; of raymond nothing was found.)
#
# Output seen (the customer Ann has 20 % and buys shoes, at 10 %, and a hat; of her friend the name is not known):
#   each: JavaScript shoes -10 %, hat; Java shoes -10 %, hat -20 %; Go shoes -10 %, hat -20 %
#   each, null: JavaScript shoes -10 %, hat; Java shoes -10 %, hat -20 %; Go shoes -10 %, hat
#   with: JavaScript Bring along!; Java Bring Ann along!; Go Bring Ann along!
#   each, this: JavaScript shoes -10 %, hat; Java shoes -10 %, hat; Go shoes -10 %, hat -20 %
set -euo pipefail
folder=$(mktemp -d)
trap 'chmod -R u+w "$folder"; rm -rf "$folder"' EXIT
cd "$folder"
export GOPATH="$folder/gopath" GOFLAGS=-modcacherw
npm install --silent --no-audit --no-fund handlebars@4.7.10 >/dev/null
cat >pom.xml <<'XML'
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion><groupId>local</groupId><artifactId>mails</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>com.github.jknack</groupId><artifactId>handlebars</artifactId><version>4.5.0</version></dependency>
    <dependency><groupId>com.fasterxml.jackson.core</groupId><artifactId>jackson-databind</artifactId><version>2.17.2</version></dependency>
  </dependencies>
</project>
XML
mvn --quiet --batch-mode dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory=lib
mkdir go
cat >go/go.mod <<'MOD'
module mails

go 1.21

require github.com/aymerick/raymond v2.0.2+incompatible
MOD
cat >mails.json <<'JSON'
[
  ["{{#each things}}{{name}}{{#if discount}} -{{discount}} %{{/if}}{{#unless @last}}, {{/unless}}{{/each}}",
   {"name": "Ann", "discount": 20, "things": [{"name": "shoes", "discount": 10}, {"name": "hat"}]}],
  ["{{#each things}}{{name}}{{#if discount}} -{{discount}} %{{/if}}{{#unless @last}}, {{/unless}}{{/each}}",
   {"name": "Ann", "discount": 20, "things": [{"name": "shoes", "discount": 10}, {"name": "hat", "discount": null}]}],
  ["{{#with friend}}Bring {{#if name}}{{name}} {{/if}}along!{{/with}}", {"name": "Ann", "friend": {"id": 7}}],
  ["{{#each things}}{{this.name}}{{#if this.discount}} -{{this.discount}} %{{/if}}{{#unless @last}}, {{/unless}}{{/each}}",
   {"name": "Ann", "discount": 20, "things": [{"name": "shoes", "discount": 10}, {"name": "hat"}]}]
]
JSON
cat >Mails.java <<'JAVA'
import com.fasterxml.jackson.databind.ObjectMapper;
import com.github.jknack.handlebars.Handlebars;
import java.io.File;
import java.util.List;

class Mails {
  public static void main(String[] none) throws Exception {
    for (List<?> mail : new ObjectMapper().readValue(new File("mails.json"), List[].class))
      System.out.println("Java " + new Handlebars().compileInline((String) mail.get(0)).apply(mail.get(1)));
  }
}
JAVA
cat >go/mails.go <<'GO'
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/aymerick/raymond"
)

func main() {
	text, err := os.ReadFile("../mails.json")
	if err != nil {
		panic(err)
	}
	var mails [][2]any
	if err := json.Unmarshal(text, &mails); err != nil {
		panic(err)
	}
	for _, mail := range mails {
		fmt.Println("Go " + raymond.MustRender(mail[0].(string), mail[1]))
	}
}
GO
node -e '
const handlebars = require("handlebars");
for (const [template, customer] of JSON.parse(require("fs").readFileSync("mails.json", "utf8")))
  console.log("JavaScript " + handlebars.compile(template)(customer));
' >by-javascript
java -cp 'lib/*' Mails.java 2>log >by-java
(cd go && go mod tidy 2>../log && go run .) >by-go
paste -d '|' <(printf '%s\n' each 'each, null' with 'each, this') by-javascript by-java by-go | sed -e 's/|/: /' -e 's/|/; /g' >seen
cat seen
diff seen - <<'SEEN'
each: JavaScript shoes -10 %, hat; Java shoes -10 %, hat -20 %; Go shoes -10 %, hat -20 %
each, null: JavaScript shoes -10 %, hat; Java shoes -10 %, hat -20 %; Go shoes -10 %, hat
with: JavaScript Bring along!; Java Bring Ann along!; Go Bring Ann along!
each, this: JavaScript shoes -10 %, hat; Java shoes -10 %, hat; Go shoes -10 %, hat -20 %
SEEN

#!/usr/bin/env bash
# Jinjava 2.8.4 (HubSpot's) renders templates of Jinja in Java, "at least the subset of jinja in use in HubSpot content", as its
# README says. What lies outside of that mostly gives an error. These mails give none, and say something else than in
# Jinja 3.1.6 (Python):
# - {% else %} of a {% for %} is written after each thing, and not when there is none: whose cart has two things reads
#   twice that it is empty, and whose cart is empty reads nothing.
# - {% for … if … %} is left out as a whole, whatever it would list.
# - A minus at the beginning of {{ … }} is lost: who owes 5 has 5, and who spent 20 of 50 points has 70 left.
# - A price that comes as a text is right to seven digits after |float: three times 19.99 is 59.96999931335449.
# - The text "false" is false in {% if %}; in Jinja any text is true that has a letter.
# So a mail that was tried in Python goes out wrong to just those whose cart is full. (Issue 1061, open, is about else. Pull
# request 896 of 2022 mended the minus; it holds with LegacyOverrides' parseWhitespaceControlStrictly alone. About the
# others nothing was found.)
#
# Output seen (what Jinja says, and what Jinjava says):
#   cart of tea, jam: tea, jam, | tea, Your cart is empty.jam, Your cart is empty.
#   cart of nothing: Your cart is empty. | nothing
#   things from 10 on: coat, | nothing
#   balance of who owes 5: -5 | 5
#   points of who spent 20 of 50: 30 | 70
#   three at 19.99: 59.97 | 59.96999931335449
#   mail to who said "false": welcome back | goodbye
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet jinja2==3.1.6
cat >pom.xml <<'XML'
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion><groupId>local</groupId><artifactId>mails</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>com.hubspot.jinjava</groupId><artifactId>jinjava</artifactId><version>2.8.4</version></dependency>
  </dependencies>
</project>
XML
mvn --quiet --batch-mode dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory=lib
cat >customer.json <<'JSON'
{
  "cart": [{"name": "tea", "price": 5}, {"name": "jam", "price": 4}], "nothing": [],
  "wishes": [{"name": "tea", "price": 5}, {"name": "coat", "price": 90}], "owed": 5, "spent": 20, "price": "19.99", "answer": "false"
}
JSON
cat >mails <<'MAILS'
cart of tea, jam: {% for thing in cart %}{{ thing.name }}, {% else %}Your cart is empty.{% endfor %}
cart of nothing: {% for thing in nothing %}{{ thing.name }}, {% else %}Your cart is empty.{% endfor %}
things from 10 on: {% for thing in wishes if thing.price >= 10 %}{{ thing.name }}, {% endfor %}
balance of who owes 5: {{ -owed }}
points of who spent 20 of 50: {{ -spent + 50 }}
three at 19.99: {{ price|float * 3 }}
mail to who said "false": {% if answer %}welcome back{% else %}goodbye{% endif %}
MAILS
cat >mails.py <<'PY'
import json
from pathlib import Path

from jinja2 import Environment

customer = json.loads(Path("customer.json").read_text())
for line in Path("mails").read_text().splitlines():
    said, mail = line.split(": ", 1)
    print(f"{said}: {Environment().from_string(mail).render(customer).strip() or 'nothing'}")
PY
cat >Mails.java <<'JAVA'
import com.fasterxml.jackson.databind.ObjectMapper;
import com.hubspot.jinjava.Jinjava;
import java.io.File;
import java.nio.file.*;
import java.util.Map;

public class Mails {
    @SuppressWarnings("unchecked")
    public static void main(String[] args) throws Exception {
        Map<String, Object> customer = new ObjectMapper().readValue(new File("customer.json"), Map.class);
        for (var line : Files.readAllLines(Path.of("mails"))) {
            var rendered = new Jinjava().renderForResult(line.split(": ", 2)[1], customer);
            if (!rendered.getErrors().isEmpty()) throw new AssertionError(rendered.getErrors());
            System.out.println(rendered.getOutput().isBlank() ? "nothing" : rendered.getOutput().strip());
        }
    }
}
JAVA
javac -cp 'lib/*' Mails.java
java -cp 'lib/*:.' Mails 2>log >by-jinjava
venv/bin/python mails.py | paste -d '|' - by-jinjava | sed 's/|/ | /' >seen
cat seen
diff seen - <<'SEEN'
cart of tea, jam: tea, jam, | tea, Your cart is empty.jam, Your cart is empty.
cart of nothing: Your cart is empty. | nothing
things from 10 on: coat, | nothing
balance of who owes 5: -5 | 5
points of who spent 20 of 50: 30 | 70
three at 19.99: 59.97 | 59.96999931335449
mail to who said "false": welcome back | goodbye
SEEN

#!/usr/bin/env bash
# Flink SQL 2.3.0 has three ways to say in which week a purchase was, and three days on which a week begins: WEEK(…) and
# EXTRACT(WEEK …) count from Monday (ISO 8601), FLOOR(… TO WEEK) goes back to Sunday, and a window TUMBLE(…, INTERVAL
# '7' DAYS) begins on Thursday, as 1 January 1970 was one. A stamp for each week with a purchase, and a reward for two of
# them: each way rewards another customer. Where one query counts by FLOOR and another joins it by WEEK, Sunday's
# purchases are in the wrong week or in none. No error is given, and purchases in the middle of the week show nothing.
# DuckDB 2.0.1's date_trunc('week', …) and week(…) both have Monday. (Flink's documentation of the functions names
# no day for FLOOR; its pull request 15125 of 2021, FLINK-21624, corrected FLOOR and left WEEK. An offset of four days
# lets TUMBLE begin on Monday, and FLOOR of the day before, plus a day, does the same.)
#
# Output seen (bought on the two days; weeks with a purchase by each):
#   week begins on: WEEK Monday, FLOOR Sunday, TUMBLE Thursday; DuckDB Monday
#   ann, Sun 1 and Mon 2 March: WEEK 2, FLOOR 1, TUMBLE 1; DuckDB 2
#   bo, Sat 28 February and Sun 1 March: WEEK 1, FLOOR 2, TUMBLE 1; DuckDB 1
#   cy, Wed 4 and Thu 5 March: WEEK 1, FLOOR 1, TUMBLE 2; DuckDB 1
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet duckdb==2.0.1
cat >pom.xml <<'XML'
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion><groupId>local</groupId><artifactId>weeks</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>org.apache.flink</groupId><artifactId>flink-table-planner-loader</artifactId><version>2.3.0</version></dependency>
    <dependency><groupId>org.apache.flink</groupId><artifactId>flink-table-runtime</artifactId><version>2.3.0</version></dependency>
    <dependency><groupId>org.apache.flink</groupId><artifactId>flink-table-api-java-bridge</artifactId><version>2.3.0</version></dependency>
    <dependency><groupId>org.apache.flink</groupId><artifactId>flink-clients</artifactId><version>2.3.0</version></dependency>
  </dependencies>
</project>
XML
mvn --quiet --batch-mode dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory=lib
cat >purchases <<'PURCHASES'
ann 2026-03-01
ann 2026-03-02
bo 2026-02-28
bo 2026-03-01
cy 2026-03-04
cy 2026-03-05
each-day 2026-02-23
each-day 2026-02-24
each-day 2026-02-25
each-day 2026-02-26
each-day 2026-02-27
each-day 2026-02-28
each-day 2026-03-01
each-day 2026-03-02
PURCHASES
cat >Weeks.java <<'JAVA'
import java.nio.file.*;
import java.util.stream.Collectors;
import org.apache.flink.table.api.*;

public class Weeks {
    public static void main(String[] args) throws Exception {
        var flink = TableEnvironment.create(EnvironmentSettings.inBatchMode());
        var rows = Files.readAllLines(Path.of("purchases")).stream().map(line -> line.split(" "))
            .map(row -> "('" + row[0] + "', TIMESTAMP '" + row[1] + " 12:00:00')").collect(Collectors.joining(", "));
        flink.createTemporaryView("purchases", flink.sqlQuery("SELECT * FROM (VALUES " + rows + ") AS all_of_them(customer, bought)"));
        var asked = flink.sqlQuery("""
            SELECT TRIM(customer), CAST(bought AS DATE), WEEK(CAST(bought AS DATE)), CAST(FLOOR(bought TO WEEK) AS DATE), window_start
            FROM TABLE(TUMBLE(TABLE purchases, DESCRIPTOR(bought), INTERVAL '7' DAYS))""");
        try (var found = asked.execute().collect()) {
            while (found.hasNext()) {
                var row = found.next();
                for (int at = 0; at < 5; at++) System.out.print(row.getField(at) + (at < 4 ? " " : "\n"));
            }
        }
    }
}
JAVA
javac -cp 'lib/*' Weeks.java
TZ=UTC java -cp 'lib/*:.' Weeks 2>log >by-flink
cat >weeks.py <<'PY'
from datetime import date
from pathlib import Path

import duckdb

rows = [line.split() for line in Path("by-flink").read_text().splitlines()]
assert len(rows) == len(Path("purchases").read_text().splitlines())
for row in rows:
    week, begins = duckdb.execute("SELECT week($1), date_trunc('week', $1)", [date.fromisoformat(row[1])]).fetchone()
    assert begins.isocalendar()[1:] == (week, 1)
    row.append(begins)
WAYS = {"WEEK": 2, "FLOOR": 3, "TUMBLE": 4, "DuckDB": 5}


def told(found: dict[str, object]) -> str:
    return ", ".join(f"{way} {found[way]}" for way in list(WAYS)[:3]) + f"; DuckDB {found['DuckDB']}"


days = sorted(row for row in rows if row[0] == "each-day")
pairs = list(zip(days, days[1:], strict=False))
begins = {way: [date.fromisoformat(b[1]).strftime("%A") for a, b in pairs if a[at] != b[at]] for way, at in WAYS.items()}
print(f"week begins on: {told({way: ' '.join(found) for way, found in begins.items()})}")
for customer in ("ann, Sun 1 and Mon 2 March", "bo, Sat 28 February and Sun 1 March", "cy, Wed 4 and Thu 5 March"):
    own = [row for row in rows if row[0] == customer.split(",")[0]]
    print(f"{customer}: {told({way: len({row[at] for row in own}) for way, at in WAYS.items()})}")
PY
venv/bin/python weeks.py >seen
cat seen
diff seen - <<'SEEN'
week begins on: WEEK Monday, FLOOR Sunday, TUMBLE Thursday; DuckDB Monday
ann, Sun 1 and Mon 2 March: WEEK 2, FLOOR 1, TUMBLE 1; DuckDB 2
bo, Sat 28 February and Sun 1 March: WEEK 1, FLOOR 2, TUMBLE 1; DuckDB 1
cy, Wed 4 and Thu 5 March: WEEK 1, FLOOR 1, TUMBLE 2; DuckDB 1
SEEN

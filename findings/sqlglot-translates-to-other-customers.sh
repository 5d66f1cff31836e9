#!/usr/bin/env bash
# sqlglot 30.30.0 translates queries, so that a segment written for Spark is tested, or run later, in DuckDB. Of these the
# translation runs without an error and gives other customers (Spark 4.0.1, DuckDB 2.0.1):
# - weekday() < 5, Monday to Friday, is Sunday to Thursday; dayofweek() = 1, Sunday, is Monday. The numbers stay.
# - timestampdiff and datediff with a unit count whole days and months in Spark, and midnights and ends of months in DuckDB:
#   two hours are a day, a trial that began yesterday is a month old, and "silent for 14 days" comes up to a day early.
# - to_utc_timestamp() goes the other way: nine in Berlin is eleven UTC and not seven.
# - percentile(…, 0.5), the middle of two amounts, is the lower of them; max_by() of a number that was deleted brings it back.
# So a test in DuckDB is green for what Spark does not send, and sends by DuckDB go out on Sundays.
# unsupported_level=RAISE raises nothing. (Its closed issue 8021 is about weekdays on the way to Spark; of these,
# nothing was found.)
#
# Output seen:
#   weekday of Friday < 5:                Spark true, DuckDB false
#   weekday of Sunday < 5:                Spark false, DuckDB true
#   dayofweek of Monday = 1:              Spark false, DuckDB true
#   days from 23:00 to 01:00:             Spark 0, DuckDB 1
#   14 days since 10:00, at 09:00:        Spark false, DuckDB true
#   months from 31 January to 1 February: Spark 0, DuckDB 1
#   nine in Berlin in July, in UTC:       Spark 07:00, DuckDB 11:00
#   middle of 20 and 80:                  Spark 50.0, DuckDB 20
#   phone in the last version:            Spark none, DuckDB +49 170 2
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet sqlglot==30.30.0 duckdb==2.0.1 pyspark==4.0.1
cat >translate.py <<'PY'
import duckdb
import sqlglot
from pyspark.sql import SparkSession

QUERIES = {
    "weekday of Friday < 5": "weekday(DATE'2026-11-27') < 5",
    "weekday of Sunday < 5": "weekday(DATE'2026-11-29') < 5",
    "dayofweek of Monday = 1": "dayofweek(DATE'2026-11-30') = 1",
    "days from 23:00 to 01:00": "datediff(DAY, TIMESTAMP'2026-11-01 23:00', TIMESTAMP'2026-11-02 01:00')",
    "14 days since 10:00, at 09:00": "timestampdiff(DAY, TIMESTAMP'2026-11-01 10:00', TIMESTAMP'2026-11-15 09:00') >= 14",
    "months from 31 January to 1 February": "timestampdiff(MONTH, DATE'2026-01-31', DATE'2026-02-01')",
    "nine in Berlin in July, in UTC": "to_utc_timestamp(TIMESTAMP'2026-07-01 09:00', 'Europe/Berlin')",
    "middle of 20 and 80": "percentile(amount, 0.5) FROM VALUES (20), (80) orders(amount)",
    "phone in the last version": "max_by(phone, version) FROM VALUES ('+49 170 2', 1), (NULL, 2) changes(phone, version)",
}


def say(value):
    if value is None or isinstance(value, bool):
        return "none" if value is None else str(value).lower()
    return f"{value:%H:%M}" if hasattr(value, "hour") else str(value)


spark = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").getOrCreate()
for name, query in QUERIES.items():
    in_spark = spark.sql(f"SELECT {query}").first()[0]
    (translated,) = sqlglot.transpile(
        f"SELECT {query}", read="spark", write="duckdb", unsupported_level=sqlglot.ErrorLevel.RAISE
    )
    in_duckdb = duckdb.sql(translated).fetchall()[0][0]
    print(f"{name + ':':37} Spark {say(in_spark)}, DuckDB {say(in_duckdb)}")
PY
TZ=UTC venv/bin/python translate.py 2>log >seen || { cat log; exit 1; }
cat seen
diff seen - <<'SEEN'
weekday of Friday < 5:                Spark true, DuckDB false
weekday of Sunday < 5:                Spark false, DuckDB true
dayofweek of Monday = 1:              Spark false, DuckDB true
days from 23:00 to 01:00:             Spark 0, DuckDB 1
14 days since 10:00, at 09:00:        Spark false, DuckDB true
months from 31 January to 1 February: Spark 0, DuckDB 1
nine in Berlin in July, in UTC:       Spark 07:00, DuckDB 11:00
middle of 20 and 80:                  Spark 50.0, DuckDB 20
phone in the last version:            Spark none, DuckDB +49 170 2
SEEN

#!/usr/bin/env bash
# A table has the changes of each customer, and the last row is what holds: a phone number that the customer has deleted is
# empty there. "The last of each" by name is not that row. pandas 3.1.1's groupby(…).last() takes each column's last value
# that is not empty, and so do arg_max and max_by of DuckDB 2.0.1 and argMax of ClickHouse 26.9 (chdb 4.4.0). The deleted
# number is back, the withdrawn consent holds, and the SMS goes out. The row is none that ever was, too: the new address
# with the old consent. Nothing warns, and customers who have only added things are right. Polars 2.1.0's last(),
# pandas' tail(1), DuckDB's last(… ORDER BY …) and ClickHouse's argMax of a tuple have the last row. (Their documentation
# has it, but not their names; pandas' says since 2026, by pull request 65640, that it goes by column.)
#
# Output seen (Bo had phone, bo@old and consent; then deleted phone and consent and gave another address):
#   pandas last():           phone +49 170 2, mail bo@new, consent sms
#   DuckDB arg_max:          phone +49 170 2, mail bo@new, consent sms
#   DuckDB max_by:           phone +49 170 2, mail bo@new, consent sms
#   ClickHouse argMax:       phone +49 170 2, mail bo@new, consent sms
#   pandas tail(1):          phone none, mail bo@new, consent none
#   Polars last():           phone none, mail bo@new, consent none
#   DuckDB last ORDER BY:    phone none, mail bo@new, consent none
#   ClickHouse argMax tuple: phone none, mail bo@new, consent none
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet pandas==3.1.1 polars==2.1.0 duckdb==2.0.1 chdb==4.4.0 pyarrow==26.0.1
cat >last.py <<'PY'
import json

import chdb
import duckdb
import pandas
import polars

COLUMNS = ["phone", "mail", "consent"]
CHANGES = {
    "customer": ["bo", "bo"],
    "version": [1, 2],
    "phone": ["+49 170 2", None],
    "mail": ["bo@old", "bo@new"],
    "consent": ["sms", None],
}


def tell(name, values):
    said = [f"{column} {'none' if pandas.isna(value) else value}" for column, value in zip(COLUMNS, values, strict=True)]
    print(f"{name + ':':24} {', '.join(said)}")


def ask_duckdb(form):
    columns = ", ".join(form.format(column) for column in COLUMNS)
    return duckdb.sql(f"SELECT {columns} FROM changes GROUP BY customer").fetchall()[0]


def ask_clickhouse(columns):
    query = f"SELECT {columns} FROM file('changes.parquet', Parquet) GROUP BY customer"
    return json.loads(str(chdb.query(query, "JSONCompactEachRow")))


changes = pandas.DataFrame(CHANGES)
changes.to_parquet("changes.parquet")
groups = changes.sort_values("version").groupby("customer")
tell("pandas last()", groups.last()[COLUMNS].iloc[0])
tell("DuckDB arg_max", ask_duckdb("arg_max({}, version)"))
tell("DuckDB max_by", ask_duckdb("max_by({}, version)"))
tell("ClickHouse argMax", ask_clickhouse(", ".join(f"argMax({column}, version)" for column in COLUMNS)))
tell("pandas tail(1)", groups.tail(1)[COLUMNS].iloc[0])
tell("Polars last()", polars.DataFrame(CHANGES).sort("version").group_by("customer").last().select(COLUMNS).row(0))
tell("DuckDB last ORDER BY", ask_duckdb("last({} ORDER BY version)"))
tell("ClickHouse argMax tuple", ask_clickhouse(f"argMax(({', '.join(COLUMNS)}), version)")[0])
PY
venv/bin/python last.py >seen
cat seen
diff seen - <<'SEEN'
pandas last():           phone +49 170 2, mail bo@new, consent sms
DuckDB arg_max:          phone +49 170 2, mail bo@new, consent sms
DuckDB max_by:           phone +49 170 2, mail bo@new, consent sms
ClickHouse argMax:       phone +49 170 2, mail bo@new, consent sms
pandas tail(1):          phone none, mail bo@new, consent none
Polars last():           phone none, mail bo@new, consent none
DuckDB last ORDER BY:    phone none, mail bo@new, consent none
ClickHouse argMax tuple: phone none, mail bo@new, consent none
SEEN

#!/usr/bin/env bash
# DuckDB 2.0.0: a number bound to a query makes the arithmetic of unsigned columns 128 bits wide.
#
# A sample of customers is often taken by a hash: every customer with hash(id) % 333 = 0. hash() gives a UBIGINT. With
# the 333 written into the query the remainder is a UBIGINT too. With 333 bound as a parameter, from Python's int, it is
# a HUGEINT: the parameter is signed, and only 128 bits hold both. The rows are the same. The time is not: 10 million
# rows take some 80 times as long (3.4 s instead of 0.04 s), as 128-bit remainders are computed in software.
#
# So a query that was made safe by binding its numbers becomes slow without a word; EXPLAIN shows a cast of the column.
# A cast of the parameter, $every::UBIGINT, brings the speed back.
#
# Output:
#   written 333: UBIGINT, bound 333: HUGEINT, bound and cast: UBIGINT
#   the same rows: True; bound takes more than 5 times as long as written: True; bound and cast does not: True
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q duckdb==2.0.0
"$folder/venv/bin/python" - <<'PYTHON' | tee "$folder/output"
import time

import duckdb

connection = duckdb.connect()
connection.execute("CREATE TABLE customers AS SELECT hash(i) AS h FROM range(10000000) r(i)")
WAYS = {"written": ("333", {}), "bound": ("$every", {"every": 333}), "cast": ("$every::UBIGINT", {"every": 333})}
types, counts, seconds = {}, {}, {}
for name, (divisor, parameters) in WAYS.items():
    query = f"SELECT typeof(hash('a') % {divisor})"
    (types[name],) = connection.execute(query, parameters).fetchone()
    best = 1e9
    for _ in range(3):
        start = time.perf_counter()
        counts[name] = connection.execute(
            f"SELECT count(*) FROM customers WHERE h % {divisor} = 0", parameters
        ).fetchone()[0]
        best = min(best, time.perf_counter() - start)
    seconds[name] = best
print(f"written 333: {types['written']}, bound 333: {types['bound']}, bound and cast: {types['cast']}")
print(
    f"the same rows: {len(set(counts.values())) == 1}; bound takes more than 5 times as long as written:"
    f" {seconds['bound'] > 5 * seconds['written']}; bound and cast does not: {seconds['cast'] < 5 * seconds['written']}"
)
PYTHON
diff "$folder/output" <(sed -n 's/^#   //p' "$0")

#!/usr/bin/env bash
# DuckDB 2.0.0 (and 1.4.4): count_if of no rows, or of rows whose condition is NULL, is NULL and not 0; count(*) FILTER of
# the same is 0, and so is the standard's COUNT of an empty set. The function's own description is "Counts the total number
# of TRUE values for a boolean column". A sum with such a count, or a comparison with 0, is NULL then, and rows are lost.
#
# Output seen:
#   2.0.0: no rows: count_if NULL, count filter 0; by group: (1, NULL, 0), (2, 0, 0)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet duckdb==2.0.0
venv/bin/python - <<'PY'
import duckdb

answer = duckdb.sql
nothing = answer("SELECT count_if(x), count(*) FILTER (x) FROM (VALUES (true)) AS t(x) WHERE false").fetchall()
groups = answer(
    "SELECT g, count_if(x), count(*) FILTER (x) FROM (VALUES (1, NULL::BOOLEAN), (2, false)) AS t(g, x)"
    " GROUP BY g ORDER BY g"
).fetchall()
print(duckdb.__version__, nothing, groups)
assert nothing == [(None, 0)], nothing
assert groups == [(1, None, 0), (2, 0, 0)], groups
PY

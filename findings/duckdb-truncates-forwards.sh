#!/usr/bin/env bash
# DuckDB 2.0.1: date_trunc('hour', …) of a TIMESTAMP WITH TIME ZONE gives a later moment than it was given, for all of the
# hour before the clocks go back. 2:15 summer time becomes 2:00 winter time, 45 minutes later. So what happened in two
# hours is counted in one, the hour before is missing, and "the hour of the event" begins after the event.
# time_bucket(INTERVAL 1 HOUR, …) has the hours right, and date_trunc('minute', …) the minutes.
#
# Output seen (six events an hour in Europe/Berlin, 25 October 2026; TimeZone is set):
#   date_trunc:  01:00+02 6, 02:00+01 12, 03:00+01 6
#   time_bucket: 01:00+02 6, 02:00+02 6, 02:00+01 6, 03:00+01 6
#   02:15:00+02 truncated to its hour: 02:00:00+01, later: True
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet duckdb==2.0.1
cat >hours.py <<'PY'
import duckdb

EVENTS = "range(TIMESTAMPTZ '2026-10-24 23:00+00', TIMESTAMPTZ '2026-10-25 03:00+00', INTERVAL 10 MINUTES) events(moment)"
HOURS = {"date_trunc: ": "date_trunc('hour', moment)", "time_bucket:": "time_bucket(INTERVAL 1 HOUR, moment)"}

duckdb.sql("SET TimeZone = 'Europe/Berlin'")
for name, hour in HOURS.items():
    rows = duckdb.sql(f"SELECT {hour} AS hour, hour::VARCHAR, count(*) FROM {EVENTS} GROUP BY 1 ORDER BY 1").fetchall()
    print(name, ", ".join(f"{text[11:16]}{text[19:]} {count}" for _, text, count in rows))
moment, hour, later = duckdb.sql(
    "SELECT moment::VARCHAR, date_trunc('hour', moment)::VARCHAR, date_trunc('hour', moment) > moment"
    " FROM (VALUES (TIMESTAMPTZ '2026-10-25 02:15+02')) events(moment)"
).fetchall()[0]
print(f"{moment[11:]} truncated to its hour: {hour[11:]}, later: {later}")
PY
venv/bin/python hours.py >seen
cat seen
diff seen - <<'SEEN'
date_trunc:  01:00+02 6, 02:00+01 12, 03:00+01 6
time_bucket: 01:00+02 6, 02:00+02 6, 02:00+01 6, 03:00+01 6
02:15:00+02 truncated to its hour: 02:00:00+01, later: True
SEEN

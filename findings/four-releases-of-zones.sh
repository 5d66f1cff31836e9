#!/usr/bin/env bash
# In 2026 the west of Canada, Manitoba, Morocco and Cuba changed their clocks. polars 2.1.0 and @js-joda/timezone 2.25.2 do not
# know it, ClickHouse 26.9 (chdb 4.4.0) knows a part, and these are the newest there were, on a machine with tzdata 2026f.
# The zones are built into them: a new tzdata on the system or from pip does not reach them, and nothing says which
# release they have (ClickHouse does, in system.build_options). So one customer has two mornings: Python's zoneinfo
# says nine where Polars says eight, an order just after midnight is counted on the day before, and a join of the one
# with the other loses it. Berlin and New York, which tests use, are right in all. DuckDB 2.0.1 and moment-timezone
# 0.6.6, with zones of their own too, agree with tzdata 2026f. (Polars: a reviewer's note at its pull request 18935.)
#
# Output seen (what the clock shows at 16:00 UTC on 15 December 2026; day of an order at 7:30 UTC on the 16th):
#   America/Vancouver: tzdata 09:00, day 16; DuckDB 09:00, moment 09:00, ClickHouse 09:00, Polars 08:00, js-joda 08:00; Polars' day 15
#   America/Winnipeg: tzdata 11:00, day 16; DuckDB 11:00, moment 11:00, ClickHouse 10:00, Polars 10:00, js-joda 10:00; Polars' day 16
#   America/Havana: tzdata 12:00, day 16; DuckDB 12:00, moment 12:00, ClickHouse 11:00, Polars 11:00, js-joda 11:00; Polars' day 16
#   Africa/Casablanca: tzdata 16:00, day 16; DuckDB 16:00, moment 16:00, ClickHouse 16:00, Polars 17:00, js-joda 17:00; Polars' day 16
#   Europe/Berlin: tzdata 17:00, day 16; DuckDB 17:00, moment 17:00, ClickHouse 17:00, Polars 17:00, js-joda 17:00; Polars' day 16
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet chdb==4.4.0 chdb-core==26.9.0 duckdb==2.0.1 polars==2.1.0 tzdata==2026.6
npm install --silent --no-audit --no-fund @js-joda/core@6.3.2 @js-joda/timezone@2.25.2 moment-timezone@0.6.6 >/dev/null
cat >clocks.js <<'JS'
const { Instant, ZonedDateTime, ZoneId } = require("@js-joda/core");
require("@js-joda/timezone");
const moment = require("moment-timezone");
const [at, ...zones] = process.argv.slice(2);
const joda = (zone) => ZonedDateTime.ofInstant(Instant.parse(at), ZoneId.of(zone)).toLocalTime().toString();
console.log(JSON.stringify(Object.fromEntries(zones.map((zone) => [zone, [moment.tz(at, zone).format("HH:mm"), joda(zone)]]))));
JS
cat >clocks.py <<'PY'
import json
import subprocess
import zoneinfo
from datetime import UTC, datetime

import chdb
import duckdb
import polars

ZONES = ["America/Vancouver", "America/Winnipeg", "America/Havana", "Africa/Casablanca", "Europe/Berlin"]
NINE = datetime(2026, 12, 15, 16, tzinfo=UTC)
ORDER = datetime(2026, 12, 16, 7, 30, tzinfo=UTC)

zoneinfo.reset_tzpath(to=[])  # the package tzdata, not the system's
scripts = json.loads(subprocess.check_output(["node", "clocks.js", f"{NINE:%Y-%m-%dT%H:%M:%SZ}", *ZONES]))
for name in ZONES:
    zone = zoneinfo.ZoneInfo(name)
    by_duckdb = duckdb.execute("select strftime(?::timestamptz at time zone ?, '%H:%M')", [NINE, name]).fetchone()[0]
    query = f"select formatDateTime(toDateTime('{NINE:%Y-%m-%d %H:%M:%S}', 'UTC'), '%H:%i', '{name}')"
    by_clickhouse = str(chdb.query(query, "TabSeparated")).strip()
    by_polars, order = polars.Series([NINE, ORDER]).dt.convert_time_zone(name).dt.to_string("%H:%M %d").to_list()
    by_moment, by_joda = scripts[name]
    print(
        f"{name}: tzdata {NINE.astimezone(zone):%H:%M}, day {ORDER.astimezone(zone):%d}; DuckDB {by_duckdb}, moment {by_moment}, "
        f"ClickHouse {by_clickhouse}, Polars {by_polars[:5]}, js-joda {by_joda}; Polars' day {order[-2:]}"
    )
PY
venv/bin/python clocks.py >seen
cat seen
diff seen - <<'SEEN'
America/Vancouver: tzdata 09:00, day 16; DuckDB 09:00, moment 09:00, ClickHouse 09:00, Polars 08:00, js-joda 08:00; Polars' day 15
America/Winnipeg: tzdata 11:00, day 16; DuckDB 11:00, moment 11:00, ClickHouse 10:00, Polars 10:00, js-joda 10:00; Polars' day 16
America/Havana: tzdata 12:00, day 16; DuckDB 12:00, moment 12:00, ClickHouse 11:00, Polars 11:00, js-joda 11:00; Polars' day 16
Africa/Casablanca: tzdata 16:00, day 16; DuckDB 16:00, moment 16:00, ClickHouse 16:00, Polars 17:00, js-joda 17:00; Polars' day 16
Europe/Berlin: tzdata 17:00, day 16; DuckDB 17:00, moment 17:00, ClickHouse 17:00, Polars 17:00, js-joda 17:00; Polars' day 16
SEEN

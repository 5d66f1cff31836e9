#!/usr/bin/env bash
# .NET ends a day, and so a trial or a campaign, at 23:59:59.9999999: seven digits. Where only microseconds or less are kept,
# some cut and some round, and what was rounded lies in the next year. So two readers of one event can put it into
# different days, and a trial can end on a day that its contract does not have.
#
# msgspec 0.22.0 and ruamel.yaml 0.19.1 round; pydantic 2.13.5, python-dateutil 2.9.0, PyYAML 6.0.4 and ciso8601 2.4.1 cut.
# DuckDB 2.0.1 does both, though its documentation says that digits beyond the precision are ignored: TIMESTAMP and
# TIMESTAMPTZ cut, TIMESTAMP_MS and TIMESTAMP_S round, and a TIMESTAMP_NS is on the next day already in a cast to DATE.
#
# Output seen (2026-12-31T23:59:59.9999999Z and the year it is in afterwards):
#   2026: ciso8601, dateutil, pydantic, PyYAML, DuckDB TIMESTAMP, DuckDB TIMESTAMPTZ
#   2027: msgspec, ruamel.yaml, DuckDB TIMESTAMP_MS, DuckDB TIMESTAMP_S, DuckDB TIMESTAMP_NS to DATE
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet ciso8601==2.4.1 duckdb==2.0.1 msgspec==0.22.0 pydantic==2.13.5 python-dateutil==2.9.0.post0 \
  pyyaml==6.0.4 ruamel.yaml==0.19.1
cat >years.py <<'PY'
from datetime import datetime

import ciso8601
import dateutil.parser
import duckdb
import msgspec
import pydantic
import ruamel.yaml
import yaml

MOMENT = "2026-12-31T23:59:59.9999999Z"


def by_duckdb(expression):
    return duckdb.sql(f"SELECT year({expression})").fetchall()[0][0]


YEARS = {
    "ciso8601": ciso8601.parse_datetime(MOMENT).year,
    "dateutil": dateutil.parser.isoparse(MOMENT).year,
    "pydantic": pydantic.TypeAdapter(datetime).validate_json(f'"{MOMENT}"').year,
    "PyYAML": yaml.safe_load(MOMENT).year,
    "msgspec": msgspec.json.decode(f'"{MOMENT}"', type=datetime).year,
    "ruamel.yaml": ruamel.yaml.YAML(typ="safe").load(MOMENT).year,
    "DuckDB TIMESTAMP": by_duckdb(f"TIMESTAMP '{MOMENT}'"),
    "DuckDB TIMESTAMPTZ": by_duckdb(f"TIMESTAMPTZ '{MOMENT}'"),
    "DuckDB TIMESTAMP_MS": by_duckdb(f"TIMESTAMP_MS '{MOMENT}'"),
    "DuckDB TIMESTAMP_S": by_duckdb(f"TIMESTAMP_S '{MOMENT}'"),
    "DuckDB TIMESTAMP_NS to DATE": by_duckdb(f"(TIMESTAMP_NS '{MOMENT}')::DATE"),
}
for year in sorted(set(YEARS.values())):
    print(f"{year}: {', '.join(reader for reader, seen in YEARS.items() if seen == year)}")
PY
TZ=UTC venv/bin/python years.py >seen
cat seen
diff seen - <<'SEEN'
2026: ciso8601, dateutil, pydantic, PyYAML, DuckDB TIMESTAMP, DuckDB TIMESTAMPTZ
2027: msgspec, ruamel.yaml, DuckDB TIMESTAMP_MS, DuckDB TIMESTAMP_S, DuckDB TIMESTAMP_NS to DATE
SEEN

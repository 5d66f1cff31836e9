#!/usr/bin/env bash
# DuckDB 2.0.0 for Python: what a signal handler raises while a query runs does not come out of execute(). SystemExit(143)
# of a handler of SIGTERM becomes RuntimeError("Query interrupted"), with no cause or context that names it. A program
# whose handler ends it by sys.exit() fails with a traceback and exit code 1, and one that takes a RuntimeError for a
# query that has failed goes on working after SIGTERM. Between queries the same handler ends the program as it should.
#
# Output seen:
#   2.0.0: within a query RuntimeError 'Query interrupted', cause None, context None; between queries SystemExit 143
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet duckdb==2.0.0
venv/bin/python - <<'PY'
import os
import signal
import sys
import threading
import time

import duckdb

signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))


def ended(work):
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGTERM)).start()
    try:
        work()
    except BaseException as error:
        return error


connection = duckdb.connect()
connection.execute("SET threads = 1")
within = ended(lambda: connection.execute("SELECT sum(sqrt(i)) FROM range(2000000000) r(i)").fetchall())
between = ended(lambda: time.sleep(60))
print(duckdb.__version__, repr(within), within.__cause__, within.__context__, repr(between))
assert type(within) is RuntimeError and str(within) == "Query interrupted", within
assert within.__cause__ is None and within.__context__ is None, (within.__cause__, within.__context__)
assert type(between) is SystemExit and between.code == 143, between
PY

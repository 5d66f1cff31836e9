#!/usr/bin/env bash
# pymc-marketing 0.19.2 (customer lifetime value) splits orders at a day, to fit a model on the ones and to test it on the
# others: rfm_train_test_split(…, train_period_end="2026-03-31", test_period_end="2026-06-30"). "Events after this time
# period are used for the test data", its documentation says of the first. A day is midnight to it, though, so an order
# at any hour of 31 March is tested and not learned, while T, how long a customer is known, has that day in it; orders of
# 30 June are gone. rfm_summary of the same library has the whole last day. So a model that is good comes out as too
# low, each month's evening sale is in the other part, and the parts do not add up to the orders. Dates without a time,
# which its examples have, show nothing. (lifetimes 0.11.3, from which it comes, splits by the same comparison.)
#
# Output seen (each customer has a first order on 5 January, and a second; test: orders counted in April to June):
#   second on 31 March 18:00: learned 0, tested 1; rfm_summary to 31 March 1; as a date: learned 1, tested 0
#   second on 1 April 09:00: learned 0, tested 1; rfm_summary to 31 March 0; as a date: learned 0, tested 1
#   second on 30 June 18:00: learned 0, tested 0; rfm_summary to 31 March 0; as a date: learned 0, tested 1
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
# The whole of it brings PyMC and 800 MB. The module of these functions needs but three packages, and is run from its file.
venv/bin/pip install --quiet numpy==2.4.6 pandas==3.1.1 xarray==2026.9.0
venv/bin/pip install --quiet --no-deps pymc-marketing==0.19.2
cat >split.py <<'PY'
import sysconfig
from pathlib import Path
from runpy import run_path

import pandas

clv = run_path(str(Path(sysconfig.get_path("purelib"), "pymc_marketing", "clv", "utils.py")))
SECOND = {"31 March 18:00": "2026-03-31 18:00", "1 April 09:00": "2026-04-01 09:00", "30 June 18:00": "2026-06-30 18:00"}
rows = [(name, at) for name, second in SECOND.items() for at in ("2026-01-05 10:00", second)]
orders = pandas.DataFrame(rows, columns=["customer", "at"])


def split(orders):
    ends = {"train_period_end": "2026-03-31", "test_period_end": "2026-06-30"}
    return clv["rfm_train_test_split"](orders, "customer", "at", **ends).set_index("customer_id")


by_moment, by_date = split(orders), split(orders.assign(at=orders["at"].str[:10]))
summary = clv["rfm_summary"](orders, "customer", "at", observation_period_end="2026-03-31").set_index("customer_id")
for name in SECOND:
    moment, date = ("learned {frequency:.0f}, tested {test_frequency:.0f}".format(**of.loc[name]) for of in (by_moment, by_date))
    print(f"second on {name}: {moment}; rfm_summary to 31 March {summary.frequency[name]:.0f}; as a date: {date}")
PY
venv/bin/python -W ignore split.py >seen
cat seen
diff seen - <<'SEEN'
second on 31 March 18:00: learned 0, tested 1; rfm_summary to 31 March 1; as a date: learned 1, tested 0
second on 1 April 09:00: learned 0, tested 1; rfm_summary to 31 March 0; as a date: learned 0, tested 1
second on 30 June 18:00: learned 0, tested 0; rfm_summary to 31 March 0; as a date: learned 0, tested 1
SEEN

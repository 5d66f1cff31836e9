#!/usr/bin/env bash
# rfm 1.0.9 (RFM analysis of customers, with its defaults) gives wrong figures for ordinary orders, without a word:
# - A text with ".0" anywhere in it loses its last two characters, to turn "42.0" into "42". So 20.05 becomes 20, and the
#   customers anna.01 and anna.02 become one customer "anna.".
# - Rows that are alike are taken for repetitions: who buys the same twice on one day has bought once.
# - Scores come from the rank in which equal values stand one after the other, so equal customers get different scores:
#   of ten who did exactly the same, some are Loyal Accounts and some At Risk, by their place in the table.
#
# Output seen:
#   customer=anna. orders=2 money=40.0   (anna.01 bought for 20.05, anna.02 for 20.09)
#   customer=bo orders=1 money=1.0   (two orders of 1.05)
#   ten alike: At Risk 4, Loyal Accounts 2, New Active Accounts 2, Potential Loyalist 2
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet rfm==1.0.9 pandas==1.5.3 numpy==1.26.4
cat >rank.py <<'PY'
import pandas
from rfm import RFM

COLUMNS = ["customer", "date", "amount"]
ORDERS = [
    ("anna.01", "2026-01-05", 20.05),
    ("anna.02", "2026-01-06", 20.09),
    ("bo", "2026-01-07", 1.05),
    ("bo", "2026-01-07", 1.05),
]
SAID = {"anna.": "anna.01 bought for 20.05, anna.02 for 20.09", "bo": "two orders of 1.05"}

rfm = RFM(pandas.DataFrame(ORDERS, columns=COLUMNS), *COLUMNS, automated=False)
for row in rfm.produce_rfm_dateset(rfm.df).itertuples():
    print(f"customer={row.customer} orders={row.frequency} money={row.monetary_value}   ({SAID.get(row.customer)})")
alike = pandas.DataFrame([(f"c{n}", "2026-01-05", 20) for n in range(10)], columns=COLUMNS)
segments = RFM(alike, *COLUMNS).rfm_table.segment.value_counts().sort_index()
print("ten alike:", ", ".join(f"{segment} {count}" for segment, count in segments.items()))
PY
venv/bin/python rank.py >seen
cat seen
diff seen - <<'SEEN'
customer=anna. orders=2 money=40.0   (anna.01 bought for 20.05, anna.02 for 20.09)
customer=bo orders=1 money=1.0   (two orders of 1.05)
ten alike: At Risk 4, Loyal Accounts 2, New Active Accounts 2, Potential Loyalist 2
SEEN

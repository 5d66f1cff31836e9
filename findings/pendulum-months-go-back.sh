#!/usr/bin/env bash
# pendulum 3.3.0 counts months that later days take back. Of somebody who came on 4 January, `(day - start).in_months()` says
# 1 on 1 February, 0 on the 2nd and the 3rd, and 1 on the 4th. A milestone "a month with us" is reached three days early,
# lost, and reached again. Years are made of these months: from 2 April 2025 to 1 April 2026 is a year, on a day
# before it is over. And who came on 29 February 2024 has 11 months on 28 February 2025, though 31 January to
# 28 February is a month. python-dateutil's relativedelta (2.9.0) never goes back.
#
# Output seen:
#   since 4 January 2026: 31 January 0, 1 February 1, 2 February 0, 3 February 0, 4 February 1
#   2 April 2025 to 1 April 2026: 1 year
#   29 February 2024 to 28 February 2025: 11 months; 31 January to 28 February 2026: 1 month
#   of all starts in 2025, days of 2026 with fewer months than the day before: pendulum 322, dateutil 0
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet pendulum==3.3.0 python-dateutil==2.9.0.post0
cat >months.py <<'PY'
from datetime import date, timedelta
from itertools import pairwise

import pendulum
from dateutil.relativedelta import relativedelta


def by_pendulum(start, day):
    return (pendulum.date(day.year, day.month, day.day) - pendulum.date(start.year, start.month, start.day)).in_months()


def by_dateutil(start, day):
    between = relativedelta(day, start)
    return between.years * 12 + between.months


def times_back(months):
    starts = [date(2025, 1, 1) + timedelta(n) for n in range(365)]
    days = [date(2026, 1, 1) + timedelta(n) for n in range(365)]
    return sum(months(start, day) < months(start, before) for start in starts for before, day in pairwise(days))


days = [date(2026, 1, 31) + timedelta(n) for n in range(5)]
counts = (f"{day.day} {day:%B} {by_pendulum(date(2026, 1, 4), day)}" for day in days)
print("since 4 January 2026:", ", ".join(counts))
print("2 April 2025 to 1 April 2026:", (pendulum.date(2026, 4, 1) - pendulum.date(2025, 4, 2)).in_years(), "year")
leap, usual = by_pendulum(date(2024, 2, 29), date(2025, 2, 28)), by_pendulum(date(2026, 1, 31), date(2026, 2, 28))
print(f"29 February 2024 to 28 February 2025: {leap} months; 31 January to 28 February 2026: {usual} month")
back = f"pendulum {times_back(by_pendulum)}, dateutil {times_back(by_dateutil)}"
print("of all starts in 2025, days of 2026 with fewer months than the day before:", back)
PY
venv/bin/python months.py >seen
cat seen
diff seen - <<'SEEN'
since 4 January 2026: 31 January 0, 1 February 1, 2 February 0, 3 February 0, 4 February 1
2 April 2025 to 1 April 2026: 1 year
29 February 2024 to 28 February 2025: 11 months; 31 January to 28 February 2026: 1 month
of all starts in 2025, days of 2026 with fewer months than the day before: pendulum 322, dateutil 0
SEEN

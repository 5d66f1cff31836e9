#!/usr/bin/env bash
# lifelines 0.30.3: datetimes_to_durations counts months of 30.436875 and years of 365.2425 days and drops the rest, without a
# word. Who subscribed for exactly a year, 365 days, has stayed 0 years or 11 months; a February is 0 months and a March 1.
# So of customers who pay by the month, those of February leave before their first month is over, in each figure that is
# fitted to the durations, and of those who pay by the year, the survival after "0 years" has lost all who leave at
# their first renewal, except those whose year had a 29 February. Its documentation says only that freq is pandas' freq.
# Days are right; whole months and years need a calendar (dateutil's relativedelta).
#
# Output seen (by the calendar each is 1 year, or 1 month):
#   1 January 2022 to 1 January 2023: 0 years, 11 months
#   1 February 2020 to 1 February 2021: 1 year, 12 months
#   1 February to 1 March 2022: 0 months; 1 March to 1 April: 1 month; 1 April to 1 May: 0 months; 1 May to 1 June: 1 month
#   365 customers of 2021, one a day, who all leave after a year: still there after "0 years" 0, by the calendar 365
#   12 customers of 2022, one a month, who all leave after a month: still there after "0 months" 7, by the calendar 12
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet lifelines==0.30.3 pandas==2.3.3 numpy==2.4.6 python-dateutil==2.9.0.post0
cat >stay.py <<'PY'
from datetime import date, timedelta

from dateutil.relativedelta import relativedelta
from lifelines import KaplanMeierFitter
from lifelines.utils import datetimes_to_durations


def stayed(starts, ends, unit):
    durations, left = datetimes_to_durations(list(map(str, starts)), list(map(str, ends)), freq=unit[0].upper())
    assert left.all()
    return durations


def said(start, end, unit):
    (duration,) = stayed([start], [end], unit)
    return f"{duration:.0f} {unit}{'' if duration == 1 else 's'}"


def still_there(starts, unit):
    """How many are left after "0 years" or "0 months", by lifelines and by the calendar."""
    ends = [start + relativedelta(**{f"{unit}s": 1}) for start in starts]
    fitted = KaplanMeierFitter().fit(stayed(starts, ends, unit))
    calendar = sum(getattr(relativedelta(end, start), f"{unit}s") > 0 for start, end in zip(starts, ends))
    return f'still there after "0 {unit}s" {len(starts) * fitted.predict(0):.0f}, by the calendar {calendar}'


for start, end in (date(2022, 1, 1), date(2023, 1, 1)), (date(2020, 2, 1), date(2021, 2, 1)):
    years, months = said(start, end, "year"), said(start, end, "month")
    print(f"{start:%-d %B %Y} to {end:%-d %B %Y}: {years}, {months}")
pairs = [(date(2022, month, 1), date(2022, month + 1, 1)) for month in (2, 3, 4, 5)]
months = [f"{start:%-d %B} to {end:%-d %B}: {said(start, end, 'month')}" for start, end in pairs]
print("; ".join(months).replace("1 March:", "1 March 2022:", 1))
days = [date(2021, 1, 1) + timedelta(n) for n in range(365)]
print("365 customers of 2021, one a day, who all leave after a year:", still_there(days, "year"))
firsts = [date(2022, month, 1) for month in range(1, 13)]
print("12 customers of 2022, one a month, who all leave after a month:", still_there(firsts, "month"))
PY
venv/bin/python stay.py >seen
cat seen
diff seen - <<'SEEN'
1 January 2022 to 1 January 2023: 0 years, 11 months
1 February 2020 to 1 February 2021: 1 year, 12 months
1 February to 1 March 2022: 0 months; 1 March to 1 April: 1 month; 1 April to 1 May: 0 months; 1 May to 1 June: 1 month
365 customers of 2021, one a day, who all leave after a year: still there after "0 years" 0, by the calendar 365
12 customers of 2022, one a month, who all leave after a month: still there after "0 months" 7, by the calendar 12
SEEN

#!/usr/bin/env bash
# faust-streaming 0.15.3: `@app.crontab("0 9 * * *", timezone=ZoneInfo("Europe/Berlin"))` rings at 8:00 and again at 9:00 on
# the day the clocks go forward, and at 10:00 instead of 9:00 on the day they go back. So a daily message goes out twice
# in spring and an hour late in autumn. With pytz's zone, as in the example of its documentation, it rings at 9:00.
#
# The reason: mode-streaming 0.7.1 wants croniter < 6, and pip takes 5.0.1, which adds the seconds until 9:00 without
# the hour that the day lacks or has in addition. croniter 6.2.2 alone is right for both kinds of zone.
#
# Output seen (what Faust sleeps by, mode.utils.cron.secs_for_next, from one ringing to the next, clock held still):
#   faust-streaming 0.15.3, mode-streaming 0.7.1, croniter 5.0.1
#   ZoneInfo, spring: Sun 08:00, Sun 09:00, Mon 09:00
#   ZoneInfo, autumn: Sun 10:00, Mon 09:00, Tue 09:00
#   pytz, spring:     Sun 09:00, Mon 09:00, Tue 09:00
#   pytz, autumn:     Sun 09:00, Mon 09:00, Tue 09:00
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet faust-streaming==0.15.3 mode-streaming==0.7.1 croniter==5.0.1 pytz==2026.6 time-machine==3.6.0
cat >ring.py <<'PY'
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from zoneinfo import ZoneInfo

import pytz
import time_machine
from mode.utils.cron import secs_for_next

BERLIN = ZoneInfo("Europe/Berlin")
SATURDAYS = {"spring": datetime(2026, 3, 28, 12, tzinfo=BERLIN), "autumn": datetime(2026, 10, 24, 12, tzinfo=BERLIN)}

print(", ".join(f"{name} {version(name)}" for name in ("faust-streaming", "mode-streaming", "croniter")))
for kind, zone in {"ZoneInfo": BERLIN, "pytz": pytz.timezone("Europe/Berlin")}.items():
    for season, now in SATURDAYS.items():
        rings = []
        for _ in range(3):
            with time_machine.travel(now, tick=False):
                asleep = secs_for_next("0 9 * * *", zone)
            now = (now.astimezone(UTC) + timedelta(seconds=asleep)).astimezone(BERLIN)
            rings.append(f"{now:%a %H:%M}")
        print(f"{kind}, {season}:".ljust(17), ", ".join(rings))
PY
venv/bin/python ring.py >seen
cat seen
diff seen - <<'SEEN'
faust-streaming 0.15.3, mode-streaming 0.7.1, croniter 5.0.1
ZoneInfo, spring: Sun 08:00, Sun 09:00, Mon 09:00
ZoneInfo, autumn: Sun 10:00, Mon 09:00, Tue 09:00
pytz, spring:     Sun 09:00, Mon 09:00, Tue 09:00
pytz, autumn:     Sun 09:00, Mon 09:00, Tue 09:00
SEEN

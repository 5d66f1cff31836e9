#!/usr/bin/env bash
# biweekly 0.6.8 (calendars in Java): "every second day, if it is a Monday, Tuesday or Friday" comes on each of these days, as
# if INTERVAL=2 were not there, once BYDAY stands beside FREQ=DAILY. So what goes out at most every second day comes on two
# days running. Without BYDAY the interval holds. No error is given. python-dateutil 2.9.0 keeps to both, as RFC 5545 has
# it: BYDAY takes days away from those of a daily rule. (No issue about it was found.)
#
# Output seen (from 31 January 2026):
#   biweekly: 2026-02-02 2026-02-03 2026-02-06 2026-02-09
#   dateutil: 2026-02-02 2026-02-06 2026-02-10 2026-02-16
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet python-dateutil==2.9.0.post0
mvn --quiet --batch-mode dependency:copy -Dartifact=net.sf.biweekly:biweekly:0.6.8 -DoutputDirectory=lib
mvn --quiet --batch-mode dependency:copy -Dartifact=com.github.mangstadt:vinnie:2.0.2 -DoutputDirectory=lib
cat >Days.java <<'JAVA'
import biweekly.Biweekly;
import java.util.Date;
import java.util.TimeZone;
import java.time.Instant;

class Days {
  public static void main(String[] none) {
    var text = String.join("\r\n", "BEGIN:VCALENDAR", "VERSION:2.0", "BEGIN:VEVENT", "DTSTART:20260131T090000Z",
        "RRULE:FREQ=DAILY;INTERVAL=2;BYDAY=TU,MO,FR", "END:VEVENT", "END:VCALENDAR", "");
    var rule = Biweekly.parse(text).first().getEvents().get(0).getRecurrenceRule();
    var days = rule.getDateIterator(Date.from(Instant.parse("2026-01-31T09:00:00Z")), TimeZone.getTimeZone("UTC"));
    System.out.print("biweekly:");
    for (var n = 0; n < 4; n++) System.out.print(" " + days.next().toInstant().toString().substring(0, 10));
    System.out.println();
  }
}
JAVA
{
  java -cp 'lib/*' Days.java
  venv/bin/python -c "
from dateutil.rrule import rrulestr
rule = rrulestr('DTSTART:20260131T090000Z\nRRULE:FREQ=DAILY;INTERVAL=2;BYDAY=TU,MO,FR;COUNT=4')
print('dateutil:', *(f'{day:%Y-%m-%d}' for day in rule))"
} >seen
cat seen
diff seen - <<'SEEN'
biweekly: 2026-02-02 2026-02-03 2026-02-06 2026-02-09
dateutil: 2026-02-02 2026-02-06 2026-02-10 2026-02-16
SEEN

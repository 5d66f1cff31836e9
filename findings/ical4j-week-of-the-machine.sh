#!/usr/bin/env bash
# ical4j 4.4.0 (calendars in Java): where a rule does not say when its week begins, RFC 5545 has Monday. ical4j takes the first
# day of the machine's language, and that is Sunday on most servers (English, or none set). "Every second week on Friday
# and Sunday" from Friday, 2 January has its Sundays on the 11th and 25th there, and on the 4th and 18th on a developer's
# machine in Germany; BYWEEKNO=20 with SU lies a week apart too. So the mail of Sunday goes out in the week that was to be
# free. No error is given; rules that neither begin on a Sunday nor name one are right. WKST=MO in the rule, or
# -Duser.country=DE, mends it.
# lib-recur 0.17.1 has Monday everywhere. (Issue 727 of ical4j, closed, is about a test that failed by the language.)
#
# Output seen (FREQ=WEEKLY;INTERVAL=2;BYDAY=FR,SU):
#   en-US: ical4j Fri 2, Sun 11, Fri 16, Sun 25; with WKST=MO Fri 2, Sun 4, Fri 16, Sun 18; lib-recur Fri 2, Sun 4, Fri 16, Sun 18
#   de-DE: ical4j Fri 2, Sun 4, Fri 16, Sun 18; with WKST=MO Fri 2, Sun 4, Fri 16, Sun 18; lib-recur Fri 2, Sun 4, Fri 16, Sun 18
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat >pom.xml <<'XML'
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion><groupId>local</groupId><artifactId>weeks</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>org.mnode.ical4j</groupId><artifactId>ical4j</artifactId><version>4.4.0</version></dependency>
    <dependency><groupId>org.dmfs</groupId><artifactId>lib-recur</artifactId><version>0.17.1</version></dependency>
  </dependencies>
</project>
XML
mvn --quiet --batch-mode dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory=lib
cat >Weeks.java <<'JAVA'
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import net.fortuna.ical4j.model.Recur;
import org.dmfs.rfc5545.DateTime;
import org.dmfs.rfc5545.recur.RecurrenceRule;

class Weeks {
  static final String RULE = "FREQ=WEEKLY;INTERVAL=2;BYDAY=FR,SU";
  static final LocalDateTime START = LocalDateTime.of(2026, 1, 2, 9, 0);

  static String shown(List<LocalDateTime> days) {
    return days.stream().map(DateTimeFormatter.ofPattern("EEE d", Locale.US)::format).collect(Collectors.joining(", "));
  }

  static String ical4j(String rule) {
    return shown(new Recur<LocalDateTime>(rule).getDates(START, START, START.plusYears(1), 4));
  }

  public static void main(String[] none) throws Exception {
    var iterator = new RecurrenceRule(RULE).iterator(new DateTime(DateTime.UTC, 2026, 0, 2, 9, 0, 0));
    var recur = shown(Stream.generate(iterator::nextDateTime).limit(4)
        .map(day -> LocalDateTime.of(day.getYear(), day.getMonth() + 1, day.getDayOfMonth(), 9, 0)).toList());
    System.out.println(Locale.getDefault().toLanguageTag() + ": ical4j " + ical4j(RULE) + "; with WKST=MO "
        + ical4j(RULE + ";WKST=MO") + "; lib-recur " + recur);
  }
}
JAVA
{
  java -Duser.language=en -Duser.country=US -cp 'lib/*' Weeks.java 2>log
  java -Duser.language=de -Duser.country=DE -cp 'lib/*' Weeks.java 2>log
} >seen
cat seen
diff seen - <<'SEEN'
en-US: ical4j Fri 2, Sun 11, Fri 16, Sun 25; with WKST=MO Fri 2, Sun 4, Fri 16, Sun 18; lib-recur Fri 2, Sun 4, Fri 16, Sun 18
de-DE: ical4j Fri 2, Sun 4, Fri 16, Sun 18; with WKST=MO Fri 2, Sun 4, Fri 16, Sun 18; lib-recur Fri 2, Sun 4, Fri 16, Sun 18
SEEN

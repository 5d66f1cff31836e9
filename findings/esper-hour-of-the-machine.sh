#!/usr/bin/env bash
# Esper 9.0.0 (event patterns in Java): the runtime has a time zone of its own, and timer:at keeps to it. timer:schedule does not:
# it reads an ISO time without an offset in the zone of the machine. "R/…T09:00:00/P1D" in a runtime of Berlin rings at nine
# on a developer's machine in Berlin; on a server, which is in UTC, it rings at ten in winter and at eleven in summer.
# P1M counts from the ringing before: begun on 31 January, it rings on 28 February and then on the 28th of each month
# for ever, also in the machine's own zone, where `timer:at(0, 9, last, *, *)` rings on the last day. So the mail of the
# month's end comes up to three days early.
# Neither gives an error. (No issue about it was found.)
#
# Output seen (runtime in Europe/Berlin with a clock moved by hand, "every" before each pattern; times in Berlin):
#   TZ=UTC, R/2026-03-27T09:00:00/P1D: 27 Mar 10:00, 28 Mar 10:00, 29 Mar 11:00, 30 Mar 11:00
#   TZ=UTC, timer:at(0, 9, *, *, *): 27 Mar 09:00, 28 Mar 09:00, 29 Mar 09:00, 30 Mar 09:00
#   TZ=UTC, R/2026-01-31T09:00:00/P1M: 31 Jan 10:00, 28 Feb 10:00, 28 Mar 10:00, 28 Apr 11:00
#   TZ=Europe/Berlin, R/2026-03-27T09:00:00/P1D: 27 Mar 09:00, 28 Mar 09:00, 29 Mar 09:00, 30 Mar 09:00
#   TZ=Europe/Berlin, R/2026-01-31T09:00:00/P1M: 31 Jan 09:00, 28 Feb 09:00, 28 Mar 09:00, 28 Apr 09:00
#   TZ=Europe/Berlin, timer:at(0, 9, last, *, *): 31 Jan 09:00, 28 Feb 09:00, 31 Mar 09:00, 30 Apr 09:00
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat >pom.xml <<'XML'
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion><groupId>local</groupId><artifactId>esper</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>com.espertech</groupId><artifactId>esper-compiler</artifactId><version>9.0.0</version></dependency>
    <dependency><groupId>com.espertech</groupId><artifactId>esper-runtime</artifactId><version>9.0.0</version></dependency>
  </dependencies>
</project>
XML
mvn --quiet --batch-mode dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory=lib
cat >Ring.java <<'JAVA'
import com.espertech.esper.common.client.configuration.Configuration;
import com.espertech.esper.compiler.client.CompilerArguments;
import com.espertech.esper.compiler.client.EPCompilerProvider;
import com.espertech.esper.runtime.client.EPRuntimeProvider;
import java.time.LocalDate;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.Locale;
import java.util.TimeZone;

class Ring {
  static final ZoneId BERLIN = ZoneId.of("Europe/Berlin");

  public static void main(String[] arguments) throws Exception {
    for (int n = 0; n < arguments.length; n += 2) ring(LocalDate.parse(arguments[n]), arguments[n + 1]);
  }

  static void ring(LocalDate start, String timer) throws Exception {
    var configuration = new Configuration();
    configuration.getRuntime().getThreading().setInternalTimerEnabled(false);
    configuration.getRuntime().getExpression().setTimeZone(TimeZone.getTimeZone(BERLIN));
    var runtime = EPRuntimeProvider.getRuntime(timer, configuration);
    var clock = runtime.getEventService();
    clock.clockExternal();
    var now = start.atStartOfDay(BERLIN).toInstant();
    clock.advanceTime(now.toEpochMilli());
    var query = "select 1 from pattern[every " + (timer.startsWith("R/") ? "timer:schedule(iso: '" + timer + "')" : timer) + "]";
    var compiled = EPCompilerProvider.getCompiler().compile(query, new CompilerArguments(configuration));
    var rung = new ArrayList<String>();
    var shown = DateTimeFormatter.ofPattern("d MMM HH:mm", Locale.ENGLISH).withZone(BERLIN);
    runtime.getDeploymentService().deploy(compiled).getStatements()[0].addListener(
      (news, olds, statement, itself) -> rung.add(shown.format(java.time.Instant.ofEpochMilli(clock.getCurrentTime()))));
    while (rung.size() < 4) {
      now = now.plusSeconds(1800);
      clock.advanceTime(now.toEpochMilli());
    }
    System.out.printf("TZ=%s, %s: %s%n", System.getenv("TZ"), timer, String.join(", ", rung));
    runtime.destroy();
  }
}
JAVA
daily="R/2026-03-27T09:00:00/P1D" monthly="R/2026-01-31T09:00:00/P1M"
{
  TZ=UTC java -cp 'lib/*' Ring.java 2026-03-27 "$daily" 2026-03-27 "timer:at(0, 9, *, *, *)" 2026-01-31 "$monthly" 2>>log
  TZ=Europe/Berlin java -cp 'lib/*' Ring.java 2026-03-27 "$daily" 2026-01-31 "$monthly" 2026-01-31 "timer:at(0, 9, last, *, *)" 2>>log
} >seen || cat log
cat seen
diff seen - <<'SEEN'
TZ=UTC, R/2026-03-27T09:00:00/P1D: 27 Mar 10:00, 28 Mar 10:00, 29 Mar 11:00, 30 Mar 11:00
TZ=UTC, timer:at(0, 9, *, *, *): 27 Mar 09:00, 28 Mar 09:00, 29 Mar 09:00, 30 Mar 09:00
TZ=UTC, R/2026-01-31T09:00:00/P1M: 31 Jan 10:00, 28 Feb 10:00, 28 Mar 10:00, 28 Apr 11:00
TZ=Europe/Berlin, R/2026-03-27T09:00:00/P1D: 27 Mar 09:00, 28 Mar 09:00, 29 Mar 09:00, 30 Mar 09:00
TZ=Europe/Berlin, R/2026-01-31T09:00:00/P1M: 31 Jan 09:00, 28 Feb 09:00, 28 Mar 09:00, 28 Apr 09:00
TZ=Europe/Berlin, timer:at(0, 9, last, *, *): 31 Jan 09:00, 28 Feb 09:00, 31 Mar 09:00, 30 Apr 09:00
SEEN

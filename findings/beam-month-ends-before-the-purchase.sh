#!/usr/bin/env bash
# Apache Beam 2.73.0 (Java): CalendarWindows.months(1).beginningOnDay(31) is a month from the 31st on. Where a month is shorter it
# begins on the last day, and from there it counts one month on: from 28 February to 28 March. The next one begins
# on 31 March. A purchase on the 28th, 29th or 30th is put into the one that is over by then. To a stream it is late
# from the start, and with the default lateness of none it is thrown away, without an error. So of customers who pay
# from the 31st on, purchases of seven days a year are in no month's sum: no points, and a mail to who has "bought
# nothing this month". From the 1st to the 28th all is right, which tests take. A batch, to which nothing is late,
# should have them in a month whose end is before them. (No issue about it was found.)
#
# Output seen:
#   days of 2026 that are not in the window they are put into:
#   from the 28th: none
#   from the 29th: 28 Mar
#   from the 30th: 28 Mar, 29 Mar
#   from the 31st: 28 Mar, 29 Mar, 30 Mar, 30 May, 30 Jul, 30 Oct, 30 Dec
#   a stream of purchases on 27, 28, 29, 30 and 31 March, each at its time:
#   from the 1st: Mar 1 to Apr 1 has 5
#   from the 31st: Feb 28 to Mar 28 has 1, Mar 31 to Apr 30 has 1
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat >pom.xml <<'XML'
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion><groupId>local</groupId><artifactId>months</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>org.apache.beam</groupId><artifactId>beam-sdks-java-core</artifactId><version>2.73.0</version></dependency>
    <dependency><groupId>org.apache.beam</groupId><artifactId>beam-runners-direct-java</artifactId><version>2.73.0</version></dependency>
    <dependency><groupId>junit</groupId><artifactId>junit</artifactId><version>4.13.2</version></dependency>
    <dependency><groupId>org.hamcrest</groupId><artifactId>hamcrest</artifactId><version>2.1</version></dependency>
  </dependencies>
</project>
XML
mvn --quiet --batch-mode dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory=lib
cat >Months.java <<'JAVA'
import java.util.*;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.stream.*;
import org.apache.beam.sdk.Pipeline;
import org.apache.beam.sdk.coders.StringUtf8Coder;
import org.apache.beam.sdk.testing.TestStream;
import org.apache.beam.sdk.transforms.*;
import org.apache.beam.sdk.transforms.windowing.*;
import org.apache.beam.sdk.values.*;
import org.joda.time.*;

public class Months {
    static final Map<String, Long> COUNTED = new ConcurrentSkipListMap<>();

    static String day(Instant moment, String pattern) {
        return moment.toDateTime(DateTimeZone.UTC).toString(pattern, Locale.ENGLISH);
    }

    static CalendarWindows.MonthsWindows months(int from) {
        return CalendarWindows.months(1).beginningOnDay(from);
    }

    static class Tell extends DoFn<KV<String, Long>, Void> {
        @ProcessElement
        public void tell(@Element KV<String, Long> counted, BoundedWindow window) {
            var month = (IntervalWindow) window;
            COUNTED.put(day(month.start(), "MMM d") + " to " + day(month.end(), "MMM d"), counted.getValue());
        }
    }

    static String outside(int from) {
        var noons = Stream.iterate(Instant.parse("2026-01-01T12:00:00Z"), noon -> noon.plus(Duration.standardDays(1))).limit(365);
        var found = noons.filter(noon -> {
            var month = months(from).assignWindow(noon);
            return noon.isBefore(month.start()) || !noon.isBefore(month.end());
        }).map(noon -> day(noon, "d MMM")).collect(Collectors.joining(", "));
        return found.isEmpty() ? "none" : found;
    }

    static String counted(int from) {
        COUNTED.clear();
        var stream = TestStream.create(StringUtf8Coder.of());
        for (int purchase = 27; purchase <= 31; purchase++) {
            var noon = Instant.parse("2026-03-" + purchase + "T12:00:00Z");
            stream = stream.advanceWatermarkTo(noon).addElements(TimestampedValue.of("ann", noon));
        }
        var pipeline = Pipeline.create();
        pipeline.apply(stream.advanceWatermarkToInfinity())
            .apply(Window.into(months(from)))
            .apply(Count.perElement())
            .apply(ParDo.of(new Tell()));
        pipeline.run().waitUntilFinish();
        return COUNTED.entrySet().stream().map(month -> month.getKey() + " has " + month.getValue()).collect(Collectors.joining(", "));
    }

    public static void main(String[] args) {
        System.out.println("days of 2026 that are not in the window they are put into:");
        System.out.println("from the 28th: " + outside(28));
        System.out.println("from the 29th: " + outside(29));
        System.out.println("from the 30th: " + outside(30));
        System.out.println("from the 31st: " + outside(31));
        System.out.println("a stream of purchases on 27, 28, 29, 30 and 31 March, each at its time:");
        System.out.println("from the 1st: " + counted(1));
        System.out.println("from the 31st: " + counted(31));
    }
}
JAVA
javac -cp 'lib/*' Months.java 2>log
java -cp 'lib/*:.' Months 2>log >seen
cat seen
diff seen - <<'SEEN'
days of 2026 that are not in the window they are put into:
from the 28th: none
from the 29th: 28 Mar
from the 30th: 28 Mar, 29 Mar
from the 31st: 28 Mar, 29 Mar, 30 Mar, 30 May, 30 Jul, 30 Oct, 30 Dec
a stream of purchases on 27, 28, 29, 30 and 31 March, each at its time:
from the 1st: Mar 1 to Apr 1 has 5
from the 31st: Feb 28 to Mar 28 has 1, Mar 31 to Apr 30 has 1
SEEN

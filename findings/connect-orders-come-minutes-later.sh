#!/usr/bin/env bash
# Kafka Connect 4.4.0: TimestampConverter makes a time of a text by a `format`, which is one of SimpleDateFormat. That knows no
# fractions: S is a count of milliseconds, however many digits there are. Debezium's times with a zone and Python's
# isoformat() have six, so .750000 is 750 seconds, and an event lies up to 16 minutes and 40 seconds too late, by chance:
# eight on average. A cart comes after the order that followed it three minutes later, so a reminder goes to whoever has
# bought, and what happened just before midnight is counted on the next day. SSS and SSSSSS read alike, and neither
# complains. The way back writes 500 ms as .000500. With three digits, which most tests have, all is right. (Issue 1497 of
# kafka-connect-jdbc, open, is such a time; pull request 23432 of Kafka, open, would add another format beside this.)
#
# Output seen (format yyyy-MM-dd'T'HH:mm:ss.SSSSSSXXX where the text has six digits, SSS where it has three):
#   cart  12:00:00.750    12:00:00.750
#   order 12:03:00.250    12:03:00.250
#   cart  12:00:00.750000 12:12:30.000
#   order 12:03:00.250000 12:07:10.000
#   order 23:50:00.900000 00:05:00.000 of the next day
#   of 10,000 events over a day: later by 502.4 s on average, 56 on another day, 1406 in another hour
#   500 ms written: 12:00:00.000500
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat >pom.xml <<'XML'
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion><groupId>local</groupId><artifactId>connect</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>connect-transforms</artifactId><version>4.4.0</version></dependency>
  </dependencies>
</project>
XML
mvn --quiet --batch-mode dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory=lib
cat >Convert.java <<'JAVA'
import java.time.*;
import java.time.format.DateTimeFormatter;
import java.util.*;
import org.apache.kafka.connect.source.SourceRecord;
import org.apache.kafka.connect.transforms.TimestampConverter;

public class Convert {
    static final String MILLIS = "yyyy-MM-dd'T'HH:mm:ss.SSSXXX", MICROS = "yyyy-MM-dd'T'HH:mm:ss.SSSSSSXXX";

    static Object convert(Object time, String target, String format) {
        try (var converter = new TimestampConverter.Value<SourceRecord>()) {
            converter.configure(Map.of("field", "at", "target.type", target, "format", format));
            var record = new SourceRecord(null, null, "topic", null, new HashMap<>(Map.of("at", time)));
            return ((Map<?, ?>) converter.apply(record).value()).get("at");
        }
    }

    static Instant read(String text, String format) {
        return ((java.util.Date) convert(text, "Timestamp", format)).toInstant();
    }

    static void tell(String name, String time, String format) {
        var at = read("2026-11-30T" + time + "Z", format).atZone(ZoneOffset.UTC);
        var day = at.getDayOfMonth() == 30 ? "" : " of the next day";
        System.out.printf("%-5s %-15s %s%s%n", name, time, at.format(DateTimeFormatter.ofPattern("HH:mm:ss.SSS")), day);
    }

    public static void main(String[] args) {
        tell("cart", "12:00:00.750", MILLIS);
        tell("order", "12:03:00.250", MILLIS);
        tell("cart", "12:00:00.750000", MICROS);
        tell("order", "12:03:00.250000", MICROS);
        tell("order", "23:50:00.900000", MICROS);

        int otherDay = 0, otherHour = 0;
        double seconds = 0;
        var chance = new Random(1);
        var start = Instant.parse("2026-11-30T00:00:00Z");
        for (int event = 0; event < 10_000; event++) {
            var at = start.plusNanos(chance.nextLong(86_400_000_000L) * 1000).atZone(ZoneOffset.UTC);
            var read = read(at.format(DateTimeFormatter.ofPattern(MICROS)), MICROS).atZone(ZoneOffset.UTC);
            seconds += Duration.between(at, read).toMillis() / 1e3;
            otherDay += at.getDayOfMonth() == read.getDayOfMonth() ? 0 : 1;
            otherHour += at.getHour() == read.getHour() ? 0 : 1;
        }
        System.out.printf(Locale.ROOT, "of 10,000 events over a day: later by %.1f s on average, %d on another day, %d in another hour%n",
            seconds / 10_000, otherDay, otherHour);
        var half = java.util.Date.from(Instant.parse("2026-11-30T12:00:00.500Z"));
        System.out.println("500 ms written: " + convert(half, "string", MICROS).toString().substring(11, 26));
    }
}
JAVA
javac -cp 'lib/*' Convert.java
TZ=UTC java -cp 'lib/*:.' Convert 2>log >seen
cat seen
diff seen - <<'SEEN'
cart  12:00:00.750    12:00:00.750
order 12:03:00.250    12:03:00.250
cart  12:00:00.750000 12:12:30.000
order 12:03:00.250000 12:07:10.000
order 23:50:00.900000 00:05:00.000 of the next day
of 10,000 events over a day: later by 502.4 s on average, 56 on another day, 1406 in another hour
500 ms written: 12:00:00.000500
SEEN

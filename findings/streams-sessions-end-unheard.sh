#!/usr/bin/env bash
# Kafka Streams 4.4.0: a session window with EmitStrategy.onWindowClose tells of a session when it is over, so that a mail about
# the cart can go out. Its store keeps a session for the gap and the grace, if no retention is said, and that is just when
# it is over: the record that ends a session also removes it, before it is told. A store in memory never tells of one.
# RocksDB removes in larger pieces, and tells of those whose piece is still there: the fewer visits there are the fewer, and
# after a quiet night of none from the evening. Nothing is logged, and a test that ends its session some minutes after
# its time passes. With a longer retention all come, and so they do with suppress(), which onWindowClose is to
# replace. (With a broker the same was seen; no issue about it was found.)
#
# Output seen (gap 30 minutes, grace 5; 150 visits of 50 customers, then one a day later; sessions that are told):
#   a visit in  1 minutes: suppress 94; onWindowClose RocksDB 66, in memory 0, with a longer retention 94
#   a visit in 10 minutes: suppress 145; onWindowClose RocksDB 65, in memory 0, with a longer retention 145
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat >pom.xml <<'XML'
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion><groupId>local</groupId><artifactId>sessions</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka-streams-test-utils</artifactId><version>4.4.0</version></dependency>
  </dependencies>
</project>
XML
mvn --quiet --batch-mode dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory=lib
cat >Sessions.java <<'JAVA'
import java.time.*;
import java.util.*;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.*;
import org.apache.kafka.streams.kstream.*;
import org.apache.kafka.streams.state.*;

public class Sessions {
    static final Duration GAP = Duration.ofMinutes(30), GRACE = Duration.ofMinutes(5), DAYS = Duration.ofDays(7);
    static final Instant MORNING = Instant.parse("2026-11-30T08:00:00Z");

    record Visit(String customer, Instant at) {}

    static List<Visit> visits(int minutesBetween) {
        var chance = new Random(1);
        var visits = new ArrayList<Visit>();
        var at = MORNING;
        for (int visit = 0; visit < 150; visit++) {
            at = at.plusSeconds(1 + (long) (-Math.log(chance.nextDouble()) * minutesBetween * 60));
            visits.add(new Visit("customer " + chance.nextInt(50), at));
        }
        visits.add(new Visit("somebody else", at.plus(Duration.ofDays(1))));
        return visits;
    }

    static Materialized<String, Long, SessionStore<Bytes, byte[]>> inMemory(Duration retention) {
        return Materialized.as(Stores.inMemorySessionStore("sessions", retention));
    }

    static int told(List<Visit> visits, boolean suppress, Materialized<String, Long, SessionStore<Bytes, byte[]>> store) {
        var counts = store.withKeySerde(Serdes.String()).withValueSerde(Serdes.Long());
        var builder = new StreamsBuilder();
        var sessions = builder.stream("visits", Consumed.with(Serdes.String(), Serdes.String()))
            .groupByKey().windowedBy(SessionWindows.ofInactivityGapAndGrace(GAP, GRACE));
        var ended = suppress
            ? sessions.count(counts).suppress(Suppressed.untilWindowCloses(Suppressed.BufferConfig.unbounded()))
            : sessions.emitStrategy(EmitStrategy.onWindowClose()).count(counts);
        ended.toStream().map((window, count) -> KeyValue.pair(window.key(), count.toString()))
            .to("ended", Produced.with(Serdes.String(), Serdes.String()));
        var settings = new Properties();
        settings.putAll(Map.of("application.id", "sessions", "bootstrap.servers", "none:1", "state.dir", "state"));
        try (var driver = new TopologyTestDriver(builder.build(), settings, MORNING)) {
            var in = driver.createInputTopic("visits", Serdes.String().serializer(), Serdes.String().serializer());
            var now = MORNING;
            for (var visit : visits) {
                driver.advanceWallClockTime(Duration.between(now, visit.at()));
                in.pipeInput(visit.customer(), "visit", visit.at());
                now = visit.at();
            }
            var strings = Serdes.String().deserializer();
            return driver.createOutputTopic("ended", strings, strings).readRecordsToList().size();
        }
    }

    public static void main(String[] args) {
        for (int minutes : new int[] {1, 10}) {
            var visits = visits(minutes);
            System.out.printf("a visit in %2d minutes: suppress %d; onWindowClose RocksDB %d, in memory %d, with a longer retention %d%n",
                minutes,
                told(visits, true, inMemory(GAP.plus(GRACE))),
                told(visits, false, Materialized.as("sessions")),
                told(visits, false, inMemory(GAP.plus(GRACE))),
                told(visits, false, inMemory(DAYS)));
        }
    }
}
JAVA
javac -cp 'lib/*' Sessions.java
java -XX:TieredStopAtLevel=1 -cp 'lib/*:.' Sessions 2>log >seen
cat seen
diff seen - <<'SEEN'
a visit in  1 minutes: suppress 94; onWindowClose RocksDB 66, in memory 0, with a longer retention 94
a visit in 10 minutes: suppress 145; onWindowClose RocksDB 65, in memory 0, with a longer retention 145
SEEN

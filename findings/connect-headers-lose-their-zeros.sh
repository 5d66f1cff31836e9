#!/usr/bin/env bash
# Kafka Connect 4.4.0: a connector reads and writes a record's headers by SimpleHeaderConverter, if its `header.converter` says
# nothing else. It guesses what a text is. Customer 0042 comes out as 42, who is somebody else, a phone number loses its
# plus, the voucher 12E4 is worth 120000, a price of 4.50 is 4.5, and of a time of day, 22:30, all from the colon on is
# gone. A text that begins with letters stays, so tests with "c-17" or "a-b" show nothing. The record's key and value go by
# other converters and stay too, so the header disagrees with them. No error is given; a sink has the changed header as
# well as the topic that a connector copies to. StringConverter, set as header.converter, keeps each text. (Its javadoc
# says that it guesses; a reviewer of pull request 4319, which brought it, feared changed data in 2017.)
#
# Output seen (the header's text, and what is written after it has been read):
#   SimpleHeaderConverter: customer 0042 -> 42, phone +491701234567 -> 491701234567, voucher 12E4 -> 120000, price 4.50 -> 4.5
#   SimpleHeaderConverter: quiet-from 22:30 -> 22, id c-17 -> c-17, slot 1:2:3 -> 1
#   StringConverter: customer 0042 -> 0042, phone +491701234567 -> +491701234567, voucher 12E4 -> 12E4, price 4.50 -> 4.50
#   StringConverter: quiet-from 22:30 -> 22:30, id c-17 -> c-17, slot 1:2:3 -> 1:2:3
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat >pom.xml <<'XML'
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion><groupId>local</groupId><artifactId>connect</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>connect-api</artifactId><version>4.4.0</version></dependency>
  </dependencies>
</project>
XML
mvn --quiet --batch-mode dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory=lib
cat >Headers.java <<'JAVA'
import java.util.*;
import org.apache.kafka.connect.storage.*;

public class Headers {
    static final List<List<String>> HEADERS = List.of(
        List.of("customer 0042", "phone +491701234567", "voucher 12E4", "price 4.50"),
        List.of("quiet-from 22:30", "id c-17", "slot 1:2:3"));

    static String pass(HeaderConverter converter, String header) {
        var parts = header.split(" ");
        var read = converter.toConnectHeader("topic", parts[0], parts[1].getBytes());
        return header + " -> " + new String(converter.fromConnectHeader("topic", parts[0], read.schema(), read.value()));
    }

    public static void main(String[] args) {
        for (var converter : List.of(new SimpleHeaderConverter(), new StringConverter())) {
            converter.configure(Map.of("converter.type", "header"));
            for (var headers : HEADERS) {
                var passed = headers.stream().map(header -> pass(converter, header)).toList();
                System.out.println(converter.getClass().getSimpleName() + ": " + String.join(", ", passed));
            }
        }
    }
}
JAVA
javac -cp 'lib/*' Headers.java
java -cp 'lib/*:.' Headers 2>log >seen
cat seen
diff seen - <<'SEEN'
SimpleHeaderConverter: customer 0042 -> 42, phone +491701234567 -> 491701234567, voucher 12E4 -> 120000, price 4.50 -> 4.5
SimpleHeaderConverter: quiet-from 22:30 -> 22, id c-17 -> c-17, slot 1:2:3 -> 1
StringConverter: customer 0042 -> 0042, phone +491701234567 -> +491701234567, voucher 12E4 -> 12E4, price 4.50 -> 4.50
StringConverter: quiet-from 22:30 -> 22:30, id c-17 -> c-17, slot 1:2:3 -> 1:2:3
SEEN

#!/usr/bin/env bash
# A Kafka broker refuses one record that is larger than its topic allows. kafka-python 3.0.12 (idempotent by default) then
# fails every later record of that producer, whatever its topic or size, with the error of the first: nobody sees that
# it is another record. aiokafka 0.14.0, told to be idempotent, fails every later record of that partition with
# OutOfOrderSequenceNumber. Neither recovers. confluent-kafka 2.12.2 (librdkafka) goes on, and so does kafka-python with
# enable_idempotence=False. So one large event of one customer can end the outreach to all until the next restart.
#
# Output seen (Kafka 4.1.0, max.message.bytes=2000 on "small"; "large" is a record of 5,000 bytes to "small"):
#   kafka-python: small ok, large MessageSizeTooLarge, small MessageSizeTooLarge, other MessageSizeTooLarge
#   aiokafka: small ok, large MessageSizeTooLarge, small OutOfOrderSequenceNumber, other ok
#   confluent-kafka: small ok, large KafkaException, small ok, other ok
#   kafka-python, not idempotent: small ok, large MessageSizeTooLarge, small ok, other ok
set -euo pipefail
folder=$(mktemp -d)
broker=
trap 'test -z "$broker" || kill "$broker"; wait; rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet aiokafka==0.14.0 confluent-kafka==2.12.2 kafka-python==3.0.12
cat >pom.xml <<'XML'
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion><groupId>local</groupId><artifactId>kafka</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>4.1.0</version></dependency>
  </dependencies>
</project>
XML
mvn --quiet --batch-mode dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory=lib
read -r port other < <(python3 -c 'import socket
a, b = socket.create_server(("127.0.0.1", 0)), socket.create_server(("127.0.0.1", 0))
print(a.getsockname()[1], b.getsockname()[1])')
cat >server.properties <<PROPERTIES
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$other
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$other
log.dirs=$folder/data
PROPERTIES
java -cp 'lib/*' kafka.tools.StorageTool format -t AAAAAAAAAAAAAAAAAAAAAA -c server.properties >log 2>&1
java -Xmx512m -XX:TieredStopAtLevel=1 -cp 'lib/*' kafka.Kafka server.properties >>log 2>&1 &
broker=$!

cat >send.py <<'PY'
import asyncio
import logging
import sys

from aiokafka import AIOKafkaProducer
from confluent_kafka import KafkaException, Producer
from confluent_kafka.admin import AdminClient, NewTopic
from kafka import KafkaProducer

BROKER = sys.argv[1]
RECORDS = [("small", "small", 1), ("large", "small", 5000), ("small", "small", 1), ("other", "other", 1)]


def tell(name, send):
    said = []
    for record, topic, size in RECORDS:
        try:
            send(topic, b"x" * size)
            said.append(f"{record} ok")
        except Exception as error:
            said.append(f"{record} {type(error).__name__.removesuffix('Error')}")
    print(f"{name}:", ", ".join(said))


def by_python(**settings):
    producer = KafkaProducer(bootstrap_servers=BROKER, **settings)
    return lambda topic, value: producer.send(topic, value).get(60)


def by_confluent(topic, value):
    refused = []
    confluent.produce(topic, value, on_delivery=lambda error, _: refused.append(error))
    confluent.flush()
    if refused[0]:
        raise KafkaException(refused[0])


async def by_aiokafka():
    async with AIOKafkaProducer(bootstrap_servers=BROKER, enable_idempotence=True) as producer:
        loop = asyncio.get_running_loop()
        send = lambda *record: asyncio.run_coroutine_threadsafe(producer.send_and_wait(*record), loop).result()  # noqa: E731
        await asyncio.to_thread(tell, "aiokafka", send)


logging.disable()
admin = AdminClient({"bootstrap.servers": BROKER, "log_level": 0})
small = NewTopic("small", 1, 1, config={"max.message.bytes": "2000"})
for made in admin.create_topics([small, NewTopic("other", 1, 1)], operation_timeout=60, request_timeout=60).values():
    made.result()
confluent = Producer({"bootstrap.servers": BROKER, "enable.idempotence": True})
tell("kafka-python", by_python())
asyncio.run(by_aiokafka())
tell("confluent-kafka", by_confluent)
tell("kafka-python, not idempotent", by_python(enable_idempotence=False))
PY
venv/bin/python send.py "127.0.0.1:$port" >seen
cat seen
diff seen - <<'SEEN'
kafka-python: small ok, large MessageSizeTooLarge, small MessageSizeTooLarge, other MessageSizeTooLarge
aiokafka: small ok, large MessageSizeTooLarge, small OutOfOrderSequenceNumber, other ok
confluent-kafka: small ok, large KafkaException, small ok, other ok
kafka-python, not idempotent: small ok, large MessageSizeTooLarge, small ok, other ok
SEEN

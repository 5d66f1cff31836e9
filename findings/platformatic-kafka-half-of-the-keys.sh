#!/usr/bin/env bash
# @platformatic/kafka 1.35.0 hashes keys with murmur2, as Java's producer does, but keeps the bit of the sign that Java and
# KafkaJS 2.2.4 clear. Where a topic's number of partitions is a power of two, all keys go where Java puts them, so a test
# with 1, 4 or 8 partitions shows nothing. With 6 or 12, half of all keys go to another partition than from Java: these
# customers' events are in two partitions, and each consumer sees half of what they did.
# compatibilityPartitioner, which it also exports and which is not the default, agrees with Java.
#
# Output seen (customers, of 1,000, whose partition is not KafkaJS's):
#   by default:               4 partitions: 0, 6 partitions: 483, 8 partitions: 0, 12 partitions: 483
#   compatibilityPartitioner: 4 partitions: 0, 6 partitions: 0, 8 partitions: 0, 12 partitions: 0
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund @platformatic/kafka@1.35.0 kafkajs@2.2.4 >/dev/null

cat >place.mjs <<'JS'
import { compatibilityPartitioner, defaultPartitioner } from "@platformatic/kafka";
import kafkajs from "kafkajs";

const javas = kafkajs.Partitioners.DefaultPartitioner();
const keys = Array.from({ length: 1000 }, (_, n) => Buffer.from(`customer-${n}`));

function elsewhere(partitioner, count) {
  const partitionMetadata = Array.from({ length: count }, (_, partitionId) => ({ partitionId, leader: 1 }));
  return keys.filter((key) => {
    const place = partitioner({ topic: "orders", key }, key) % count; // its producer takes the remainder
    return place !== javas({ topic: "orders", partitionMetadata, message: { key } });
  }).length;
}

const both = { "by default:": defaultPartitioner, "compatibilityPartitioner:": compatibilityPartitioner };
for (const [name, partitioner] of Object.entries(both)) {
  const counts = [4, 6, 8, 12].map((count) => `${count} partitions: ${elsewhere(partitioner, count)}`);
  console.log(name.padEnd(25), counts.join(", "));
}
JS
node place.mjs >seen
cat seen
diff seen - <<'SEEN'
by default:               4 partitions: 0, 6 partitions: 483, 8 partitions: 0, 12 partitions: 483
compatibilityPartitioner: 4 partitions: 0, 6 partitions: 0, 8 partitions: 0, 12 partitions: 0
SEEN

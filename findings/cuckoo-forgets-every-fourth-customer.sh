#!/usr/bin/env bash
# bloom-filters 3.0.4 (npm): a filter that remembers who has had a mail may take a stranger for known, and never somebody known
# for a stranger. CuckooFilter does: create() or from() for 1,000 customers at 1 %, all of them added with true as the
# answer, and afterwards every fourth is not in it and gets the mail again. With 10 customers, as in its README, none is
# missing, and none with room for four times as many, so a small test shows nothing. Its BloomFilter has them all. Its
# HyperLogLog, whose accuracy() is 3 %, counts 10 customers as 3, 100 as 48 and 1,000 as 483: "how many opened the mail"
# is half as many as did, and 5,000 are right again. No error is given. (Issue 68, open since 2024, has two that are
# missing of 17; 69, closed, has the HyperLogLog of an earlier version. 3.0.4 is the newest there is.)
#
# Output seen:
#   CuckooFilter: 10 added, 0 missing; 100 added, 28 missing; 1000 added, 292 missing; 5000 added, 1838 missing
#   CuckooFilter made for 4000: 1000 added, 0 missing
#   BloomFilter: 10 added, 0 missing; 100 added, 0 missing; 1000 added, 0 missing; 5000 added, 0 missing
#   HyperLogLog, accuracy 0.0325: 10 are 3, 100 are 48, 1000 are 483, 5000 are 5031
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund bloom-filters@3.0.4 >/dev/null
cat >count.js <<'JS'
const { BloomFilter, CuckooFilter, HyperLogLog } = require("bloom-filters");

const customers = (count) => Array.from({ length: count }, (_, number) => `customer-${number}`);

function remembers(kind, count, room = count) {
  const filter = kind.create(room, 0.01);
  const added = customers(count).filter((customer) => filter.add(customer) !== false);
  return `${added.length} added, ${added.filter((customer) => !filter.has(customer)).length} missing`;
}

function counted(count) {
  const sketch = new HyperLogLog(1024);
  customers(count).forEach((customer) => sketch.update(customer));
  return `${count} are ${Math.round(sketch.count())}`;
}

const counts = [10, 100, 1000, 5000];
console.log("CuckooFilter: " + counts.map((count) => remembers(CuckooFilter, count)).join("; "));
console.log("CuckooFilter made for 4000: " + remembers(CuckooFilter, 1000, 4000));
console.log("BloomFilter: " + counts.map((count) => remembers(BloomFilter, count)).join("; "));
console.log(`HyperLogLog, accuracy ${new HyperLogLog(1024).accuracy()}: ${counts.map(counted).join(", ")}`);
JS
node count.js >seen
cat seen
diff seen - <<'SEEN'
CuckooFilter: 10 added, 0 missing; 100 added, 28 missing; 1000 added, 292 missing; 5000 added, 1838 missing
CuckooFilter made for 4000: 1000 added, 0 missing
BloomFilter: 10 added, 0 missing; 100 added, 0 missing; 1000 added, 0 missing; 5000 added, 0 missing
HyperLogLog, accuracy 0.0325: 10 are 3, 100 are 48, 1000 are 483, 5000 are 5031
SEEN

#!/usr/bin/env bash
# pg-mem 3.0.14 is a PostgreSQL in memory for tests in JavaScript. Five usual pieces of a segment run in it without an error and
# mean something else than in PostgreSQL 18 (@electric-sql/pglite 0.5.17, the real one built for JavaScript):
# - "Who has never bought", id NOT IN (SELECT customer FROM orders), finds nobody in PostgreSQL once one order is a guest's,
#   without a customer. pg-mem finds them: the test of the win-back is green, and the win-back is never sent.
# - A customer whose tier is not known is NOT IN ('gold', 'silver') in pg-mem, and not in PostgreSQL.
# - count(*) FILTER (WHERE paid) counts all orders: who has paid one of three has three.
# - interval '1 month' is 30 days and '1 year' is 360, so a year's contract ends on 27 December.
# - greatest(points, 100) of no points is null, and no 100.
# pg-mem refuses much that it does not know, also parts of a query that it has not read, so what runs looks safe. (Its issue
# 394, open, is about the interval; about the others nothing was found.)
#
# Output seen:
#   never bought: PostgreSQL nobody, pg-mem bo cy
#   neither gold nor silver: PostgreSQL cy, pg-mem bo cy
#   paid orders of ann: PostgreSQL 1, pg-mem 3
#   a month from 31 January 2026: PostgreSQL 2026-02-28, pg-mem 2026-03-02
#   a year from 1 January 2026: PostgreSQL 2027-01-01, pg-mem 2026-12-27
#   bo's points, at least 100: PostgreSQL 100, pg-mem null
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund pg-mem@3.0.14 @electric-sql/pglite@0.5.17 >/dev/null
cat >ask.mjs <<'JS'
import { PGlite } from "@electric-sql/pglite";
import { newDb } from "pg-mem";

const tables = `
  CREATE TABLE customers (id int, name text, tier text, points int);
  INSERT INTO customers VALUES (1, 'ann', 'gold', 500), (2, 'bo', NULL, NULL), (3, 'cy', 'new', 20);
  CREATE TABLE orders (customer int, paid boolean);
  INSERT INTO orders VALUES (1, true), (1, false), (1, false), (NULL, true);`;
const questions = {
  "never bought": "SELECT name AS told FROM customers WHERE id NOT IN (SELECT customer FROM orders) ORDER BY id",
  "neither gold nor silver": "SELECT name AS told FROM customers WHERE tier NOT IN ('gold', 'silver') ORDER BY id",
  "paid orders of ann": "SELECT count(*) FILTER (WHERE paid) AS told FROM orders WHERE customer = 1",
  "a month from 31 January 2026": "SELECT timestamp '2026-01-31 00:00:00' + interval '1 month' AS told",
  "a year from 1 January 2026": "SELECT timestamp '2026-01-01 00:00:00' + interval '1 year' AS told",
  "bo's points, at least 100": "SELECT greatest(points, 100) AS told FROM customers WHERE name = 'bo'",
};
const real = new PGlite();
await real.exec(tables);
const memory = newDb();
memory.public.none(tables);
const read = (rows) =>
  rows.map(({ told }) => (told instanceof Date ? told.toISOString().slice(0, 10) : String(told))).join(" ") || "nobody";
for (const [question, sql] of Object.entries(questions)) {
  console.log(`${question}: PostgreSQL ${read((await real.query(sql)).rows)}, pg-mem ${read(memory.public.many(sql))}`);
}
JS
TZ=UTC node ask.mjs >seen
cat seen
diff seen - <<'SEEN'
never bought: PostgreSQL nobody, pg-mem bo cy
neither gold nor silver: PostgreSQL cy, pg-mem bo cy
paid orders of ann: PostgreSQL 1, pg-mem 3
a month from 31 January 2026: PostgreSQL 2026-02-28, pg-mem 2026-03-02
a year from 1 January 2026: PostgreSQL 2027-01-01, pg-mem 2026-12-27
bo's points, at least 100: PostgreSQL 100, pg-mem null
SEEN

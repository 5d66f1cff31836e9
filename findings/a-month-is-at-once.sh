#!/usr/bin/env bash
# Node's timers hold 31 bits of milliseconds, 24.8 days, and take what is longer for 1 ms. Libraries that pass a duration on
# do the same: a journey written with xstate 5.33.3 that waits 30 days (`after`) goes on at once, and so does timer() or
# delay() of rxjs 7.8.2, also with a Date. A memory of who has had a mail, kept for 30 days with expiry-map 2.0.0 or
# memory-cache 0.2.0, is empty a moment later. So the win-back after a month goes out at once, and whoever gets one a
# month gets one each time. With 24 days all is right, so tests with days or a moved clock show nothing; the only trace is
# Node's warning, which does not name the library. effect 4.1.0 waits, @isaacs/ttlcache 2.1.5 remembers. (rxjs: its
# issues 3015 and 7440, open; its documentation has a delay until 2050. Nothing was found about the others.)
#
# Output seen (after half a second):
#   24 days: xstate waits, rxjs timer waits, rxjs timer(Date) waits, rxjs delay waits, effect waits
#   30 days: xstate has gone on, rxjs timer has gone on, rxjs timer(Date) has gone on, rxjs delay has gone on, effect waits
#   24 days: expiry-map remembers, memory-cache remembers, ttlcache remembers
#   30 days: expiry-map has forgotten, memory-cache has forgotten, ttlcache remembers
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund xstate@5.33.3 rxjs@7.8.2 effect@4.1.0 expiry-map@2.0.0 memory-cache@0.2.0 \
  @isaacs/ttlcache@2.1.5 >/dev/null
cat >wait.mjs <<'JS'
import { TTLCache } from "@isaacs/ttlcache";
import { Duration, Effect } from "effect";
import ExpiryMap from "expiry-map";
import memoryCache from "memory-cache";
import { delay, of, timer } from "rxjs";
import { createActor, createMachine } from "xstate";

const DAY = 24 * 60 * 60 * 1000;
const waits = (days) => {
  const states = { silent: { after: { [days * DAY]: "written" } }, written: {} };
  const journey = createActor(createMachine({ initial: "silent", states })).start();
  const rung = {};
  const ring = (name) => () => (rung[name] = true);
  timer(days * DAY).subscribe(ring("rxjs timer"));
  timer(new Date(Date.now() + days * DAY)).subscribe(ring("rxjs timer(Date)"));
  of("mail").pipe(delay(days * DAY)).subscribe(ring("rxjs delay"));
  Effect.runFork(Effect.andThen(Effect.sleep(Duration.days(days)), Effect.sync(ring("effect"))));
  return () => {
    rung.xstate = journey.getSnapshot().value === "written";
    return ["xstate", "rxjs timer", "rxjs timer(Date)", "rxjs delay", "effect"]
      .map((name) => `${name} ${rung[name] ? "has gone on" : "waits"}`);
  };
};
const memories = (days) => {
  const expiryMap = new ExpiryMap(days * DAY).set("ann", "mailed");
  memoryCache.put(`ann ${days}`, "mailed", days * DAY);
  const ttlcache = new TTLCache({ ttl: days * DAY }).set("ann", "mailed");
  return () =>
    Object.entries({ "expiry-map": expiryMap.get("ann"), "memory-cache": memoryCache.get(`ann ${days}`), ttlcache: ttlcache.get("ann") })
      .map(([name, mailed]) => `${name} ${mailed ? "remembers" : "has forgotten"}`);
};
const started = [waits, memories].flatMap((start) => [24, 30].map((days) => [days, start(days)]));
setTimeout(() => {
  for (const [days, look] of started) console.log(`${days} days: ${look().join(", ")}`);
  process.exit();
}, 500);
JS
node --no-warnings wait.mjs >seen
cat seen
diff seen - <<'SEEN'
24 days: xstate waits, rxjs timer waits, rxjs timer(Date) waits, rxjs delay waits, effect waits
30 days: xstate has gone on, rxjs timer has gone on, rxjs timer(Date) has gone on, rxjs delay has gone on, effect waits
24 days: expiry-map remembers, memory-cache remembers, ttlcache remembers
30 days: expiry-map has forgotten, memory-cache has forgotten, ttlcache remembers
SEEN

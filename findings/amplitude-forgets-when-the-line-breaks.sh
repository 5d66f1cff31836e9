#!/usr/bin/env bash
# @amplitude/analytics-node 1.5.73 tries again when a server answers 429 or 503, up to 12 times, but not when there is no answer:
# a connection that is refused, or broken before the reply, ends with "Unexpected error occurred", and the events of that
# batch are gone. A restart of a proxy or a failing line for a second loses all that was waiting, though a busy server
# for a minute loses nothing, which is what tests with a status show. Whoever counts purchases or says who has been
# silent for a month by these events is wrong about just those. The log has those three words and names no event; the
# promise of track() has them with code 0, and few wait for it. (Amplitude-Node's issue 154, closed, is about its predecessor.)
# @segment/analytics-node 3.1.0, posthog-node 5.70.0 and @snowplow/node-tracker 4.8.0 send them again.
#
# Output seen (a purchase while the server behaves so, later a visit while all is well; what has been received in the end):
#   amplitude: 503 purchase, visit; connection broken visit; connection refused visit; track() said 0 Unexpected error occurred
#   segment: 503 purchase, visit; connection broken purchase, visit; connection refused purchase, visit
#   posthog: 503 purchase, visit; connection broken purchase, visit; connection refused purchase, visit
#   snowplow: 503 purchase, visit; connection broken purchase, visit; connection refused purchase, visit
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund @amplitude/analytics-node@1.5.73 @segment/analytics-node@3.1.0 posthog-node@5.70.0 \
  @snowplow/node-tracker@4.8.0 >/dev/null
cat >send.js <<'JS'
const http = require("http");
const zlib = require("zlib");
const amplitude = require("@amplitude/analytics-node");
const { Analytics } = require("@segment/analytics-node");
const { buildSelfDescribingEvent, newTracker } = require("@snowplow/node-tracker");
const { PostHog } = require("posthog-node");

const sleep = (seconds) => new Promise((done) => setTimeout(done, seconds * 1000));
let behaves, received, said;
const server = http.createServer(async (request, response) => {
  const parts = [];
  for await (const part of request) parts.push(part);
  if (behaves === "connection broken") return request.socket.destroy();
  if (behaves !== "well") return response.writeHead(503).end("{}");
  const body = Buffer.concat(parts);
  const text = String(request.headers["content-encoding"] === "gzip" ? zlib.gunzipSync(body) : body);
  for (const name of ["purchase", "visit"]) if (text.includes(name)) received.add(name);
  response.writeHead(200, { "content-type": "application/json" }).end('{"code": 200}');
});
const listen = (port) => new Promise((done) => server.listen(port, "127.0.0.1", () => done(server.address().port)));
const close = () => new Promise((done) => (server.close(done), server.closeAllConnections()));

const clients = {
  async amplitude(url) {
    const client = amplitude.createInstance();
    await client.init("key", { serverUrl: url, flushQueueSize: 1, flushIntervalMillis: 200, logLevel: 0 }).promise;
    return (name) => client.track(name, {}, { user_id: "ann@shop" }).promise.then(({ code, message }) => code || (said = `${code} ${message}`));
  },
  segment(url) {
    const client = new Analytics({ writeKey: "key", host: url, maxEventsInBatch: 1 });
    client.on("error", () => {});
    return (event) => client.track({ userId: "ann", event });
  },
  posthog(url) {
    const client = new PostHog("key", { host: url, flushAt: 1 });
    client.on("error", () => {});
    return (event) => client.capture({ distinctId: "ann", event });
  },
  snowplow(url) {
    const tracker = newTracker({ namespace: Math.random().toString(), appId: "shop", encodeBase64: false }, { endpoint: url, bufferSize: 1 });
    return (kind) => tracker.track(buildSelfDescribingEvent({ event: { schema: "iglu:shop/event/jsonschema/1-0-0", data: { kind } } }));
  },
};
(async () => {
  const port = await listen(0);
  for (const [name, start] of Object.entries(clients)) {
    const seen = [];
    for (const fault of ["503", "connection broken", "connection refused"]) {
      [received, said] = [new Set(), null];
      const track = await start(`http://127.0.0.1:${port}`);
      behaves = fault;
      if (fault === "connection refused") await close();
      track("purchase");
      await sleep(1);
      behaves = "well";
      if (fault === "connection refused") await listen(port);
      await sleep(3);
      track("visit");
      await sleep(3);
      seen.push(`${fault} ${[...received].join(", ")}`);
    }
    console.log(`${name}: ${seen.join("; ")}${said ? `; track() said ${said}` : ""}`);
  }
  process.exit();
})();
JS
node --no-warnings send.js 2>log >seen || cat log
cat seen
diff seen - <<'SEEN'
amplitude: 503 purchase, visit; connection broken visit; connection refused visit; track() said 0 Unexpected error occurred
segment: 503 purchase, visit; connection broken purchase, visit; connection refused purchase, visit
posthog: 503 purchase, visit; connection broken purchase, visit; connection refused purchase, visit
snowplow: 503 purchase, visit; connection broken purchase, visit; connection refused purchase, visit
SEEN

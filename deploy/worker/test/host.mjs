// node host.mjs FOLDER: the bridge and a queue consumer on the Workers runtime, on 127.0.0.1:$PORT. FOLDER holds src and
// test; packages come from the working folder. Prints "READY url". $PERSIST is where databases live.
import { createRequire } from "node:module";
import { stripTypeScriptTypes } from "node:module";
import { pathToFileURL } from "node:url";
import fs from "node:fs";
import path from "node:path";
process.emitWarning = () => {};
const { Miniflare, convertV4MiniflareOptions, Log, LogLevel } = await import(pathToFileURL(createRequire(path.join(process.cwd(), "x.js")).resolve("miniflare")));
const folder = process.argv[2], date = "2026-11-01";
const read = (...p) => fs.readFileSync(path.join(folder, ...p), "utf8");
const names = fs.readdirSync(path.join(folder, "src")).sort((a, b) => Number(b === "index.ts") - Number(a === "index.ts")); // the first is the entry
const mf = new Miniflare(convertV4MiniflareOptions({
  host: process.env.HOST ?? "127.0.0.1", port: Number(process.env.PORT ?? 0), cf: false, telemetry: { enabled: false }, log: new Log(LogLevel.WARN),
  ...(process.env.PERSIST ? { resourcePersistencePath: process.env.PERSIST } : {}),
  workers: [{
    name: "bridge", compatibilityDate: date, modulesRoot: "/",
    modules: names.map((n) => ({ type: "ESModule", path: "/" + n, contents: stripTypeScriptTypes(read("src", n), { mode: "strip" }) })),
    d1Databases: { DB: "11111111-1111-4111-8111-111111111111", SEEN: "22222222-2222-4222-8222-222222222222", OTHER: "33333333-3333-4333-8333-333333333333" },
    kvNamespaces: { KV: "kv" }, queueProducers: { EVENTS: { queueName: "events" } }, analyticsEngineDatasets: { AE: { dataset: "sluice" } },
    bindings: { SLUICE_KEYS: process.env.SLUICE_KEYS, ...(process.env.SLUICE_ACCESS ? { SLUICE_ACCESS: process.env.SLUICE_ACCESS } : {}) },
  }, {
    name: "consumer", compatibilityDate: date, modulesRoot: "/", modules: [{ type: "ESModule", path: "/consumer.mjs", contents: read("test", "consumer.mjs") }],
    d1Databases: { SEEN: "22222222-2222-4222-8222-222222222222" },
    queueConsumers: { events: { maxBatchSize: 100, maxBatchTimeout: 1, maxRetries: 100, deadLetterQueue: "dead", retryDelay: 1 }, dead: { maxBatchSize: 10, maxBatchTimeout: 1 } },
  }],
}));
console.log("READY " + (await mf.ready).href);
const stop = async () => { await mf.dispose(); process.exit(0); };
process.on("SIGTERM", stop);
process.on("SIGINT", stop);

import { Fail, json } from "./fail.ts";
import { LIMITS, size } from "./limits.ts";

type Point = { blobs?: string[]; doubles?: number[]; indexes?: string[] };

/** POST {"points":[...]}: Analytics Engine answers nothing and drops what it does not like, so all is checked first. */
export function ae(ds: AnalyticsEngineDataset | undefined, name: string, { points }: { points?: Point[] }): Response {
  if (typeof ds?.writeDataPoint !== "function") throw new Fail(404, "no_binding", `no dataset binding ${name}`);
  if (!Array.isArray(points)) throw new Fail(400, "bad_body", "points: not a list");
  const L = LIMITS.ae;
  if (points.length > L.points) throw new Fail(413, "too_many_points", `${points.length}, at most ${L.points}`);
  for (const [i, { blobs = [], doubles = [], indexes = [] }] of points.entries()) {
    const good = blobs.length <= L.blobs && doubles.length <= L.doubles && indexes.length <= 1 &&
      blobs.every((b) => typeof b === "string") && blobs.reduce((n, b) => n + size(b), 0) <= L.blob_bytes &&
      doubles.every(Number.isFinite) && indexes.every((x) => typeof x === "string" && size(x) <= L.index_bytes);
    if (!good) throw new Fail(400, "bad_body", `point ${i}: too many or too large blobs, doubles or indexes`);
  }
  for (const p of points) ds.writeDataPoint(p);
  return json({ ok: true, points: points.length });
}

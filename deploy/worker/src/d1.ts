import { Fail, json } from "./fail.ts";
import { LIMITS, over } from "./limits.ts";

type Statement = { sql: string; params?: unknown[] };

/** D1's error texts (docs: d1/observability/debug-d1, and SQLite's own) as statuses. The first that fits decides. */
const texts: [RegExp, number, string, boolean][] = [
  [/bad JSON path: 'sluice_/, 409, "raised", false], // our own SQL's
  [/SQLITE_CONSTRAINT|SQLITE_MISMATCH/, 422, "d1_constraint", false], // before all that a column's name might look like
  [/overloaded|queued for too long|requests queued/i, 429, "d1_overloaded", true],
  [/exceeded its (memory|CPU)|SQLITE_NOMEM/i, 507, "d1_resources", true],
  [/connection lost|object to be reset|code was updated|transient issue|storage caused|internal error|Cannot resolve D1/i, 503, "d1_unavailable", true],
  [/SQLITE_TOOBIG|too many SQL variables/i, 413, "d1_too_big", false],
  [/SQLITE_FULL|Exceeded maximum DB size/i, 507, "d1_full", true],
];

function failed(e: unknown): Fail {
  const m = e instanceof Error ? e.message : String(e);
  for (const [re, status, code, retry] of texts) if (re.test(m)) return new Fail(status, code, m, retry);
  return new Fail(422, "d1_error", m);
}

/** POST {"batch":[{"sql","params":[text or null]}]}: one batch, which D1 runs as one transaction. */
export async function d1(db: D1Database | undefined, name: string, q: { batch?: Statement[] }): Promise<Response> {
  if (typeof db?.batch !== "function") throw new Fail(404, "no_binding", `no D1 binding ${name}`);
  if (!Array.isArray(q.batch) || q.batch.length === 0) throw new Fail(400, "bad_body", "batch: no statements");
  if (q.batch.length > LIMITS.d1.statements) throw new Fail(413, "d1_too_big", `${q.batch.length} statements`);
  const statements = q.batch.map((s, i) => {
    if (typeof s?.sql !== "string") throw new Fail(400, "bad_body", `statement ${i}: no sql`);
    if (over(s.sql, LIMITS.d1.statement_bytes)) throw new Fail(413, "d1_too_big", `statement ${i}: over ${LIMITS.d1.statement_bytes} bytes`);
    const p = s.params ?? [];
    if (p.length > LIMITS.d1.bound_params) throw new Fail(413, "d1_too_big", `statement ${i}: ${p.length} parameters`);
    for (const v of p) { // text and NULL only: the runtime binds every number as a double
      if (v !== null && typeof v !== "string") throw new Fail(400, "bad_body", `statement ${i}: a parameter is a ${typeof v}, bind text or null`);
      if (v !== null && over(v, LIMITS.d1.param_bytes)) throw new Fail(413, "d1_too_big", `statement ${i}: a parameter over ${LIMITS.d1.param_bytes} bytes`);
    }
    return db.prepare(s.sql).bind(...p);
  });
  let results: D1Result<Record<string, unknown>>[];
  try {
    results = await db.batch(statements);
  } catch (e) {
    throw failed(e);
  }
  return json({
    ok: true,
    results: results.map((r) => ({
      columns: Object.keys(r.results[0] ?? {}), rows: r.results.map((o) => Object.values(o)),
      changes: r.meta.changes, rows_read: r.meta.rows_read, rows_written: r.meta.rows_written, size_after: r.meta.size_after, duration: r.meta.duration,
    })),
  });
}

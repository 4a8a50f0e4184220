// What a user's consumer does: it keeps every message, by the id inside it, in a table that tests read.
export default {
  async queue(batch, env) {
    const rows = JSON.stringify(batch.messages.map((m) => [batch.queue, m.id, m.attempts, m.body]));
    await env.SEEN.batch([
      env.SEEN.prepare("CREATE TABLE IF NOT EXISTS seen (queue TEXT, message TEXT, attempts INTEGER, body TEXT) STRICT"),
      env.SEEN.prepare("INSERT INTO seen SELECT value->>0, value->>1, value->>2, value->>3 FROM json_each(?1)").bind(rows),
    ]);
    for (const m of batch.messages) {
      if (batch.queue === "events" && m.body.includes("poison")) m.retry({ delaySeconds: 1 });
      else m.ack();
    }
  },
};

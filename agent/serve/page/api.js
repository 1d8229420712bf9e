// Talking to the server: one question, its steps as they come, and errors in plain words.

export class AskError extends Error {
  constructor(message, kind) {
    super(message);
    this.kind = kind;
  }
}

export async function readConfig() {
  const reply = await reach("/page/config.json", {});
  if (!reply.ok) throw await refused(reply);
  return reply.json();
}

/** Asks, and yields every event of the answer: {kind, ...}. */
export async function* ask({ query, files, mode, tools, key, signal }) {
  const form = new FormData();
  form.set("query", query);
  form.set("mode", mode);
  form.set("tools", tools.length ? tools.join(",") : "none");
  form.set("stream", "true");
  for (const file of files) form.append("images", file, file.name);
  const headers = { Accept: "text/event-stream" };
  if (key) headers.Authorization = `Bearer ${key}`;
  const reply = await reach("/v1/ground", { method: "POST", body: form, headers, signal });
  if (!reply.ok) throw await refused(reply);
  for await (const event of events(reply.body, signal)) {
    if (event.error) throw new AskError(event.error.message, event.error.kind);
    yield event;
  }
}

async function reach(address, options) {
  try {
    return await fetch(address, { credentials: "omit", ...options });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new AskError("The server can't be reached. Is it still running?", "offline");
  }
}

async function refused(reply) {
  try {
    const { error } = await reply.json();
    return new AskError(error.message, error.kind);
  } catch {
    return new AskError(`The server refused the question (${reply.status}).`, "http");
  }
}

/** The data of each server-sent event, decoded. */
async function* events(body, signal) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let waiting = "";
  let ended = false;
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) break;
      waiting += value;
      let end;
      while ((end = waiting.indexOf("\n\n")) >= 0) {
        const block = waiting.slice(0, end);
        waiting = waiting.slice(end + 2);
        const lines = block.split("\n").filter((line) => line.startsWith("data: "));
        if (!lines.length) continue;
        const event = JSON.parse(lines.map((line) => line.slice(6)).join("\n"));
        ended ||= event.kind === "answer" || Boolean(event.error);
        yield event;
      }
    }
  } catch (error) {
    if (signal?.aborted) throw new DOMException("stopped", "AbortError");
    if (error instanceof TypeError) {
      throw new AskError("The connection broke before the answer was there.", "offline");
    }
    throw error;
  } finally {
    reader.cancel().catch(() => {});
  }
  if (!ended) throw new AskError("The server ended before the answer was there.", "offline");
}

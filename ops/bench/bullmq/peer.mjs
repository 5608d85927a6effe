// The same message as a BullMQ job: `node peer.mjs fill` puts COUNT of them into Valkey, `node peer.mjs work` sends them.
// What became of each is written down as the textbook does it, in two statements: a queue forgets, a service may not.
import { randomUUID } from "node:crypto";
import http from "node:http";
import { Queue, Worker } from "bullmq";
import { Redis } from "ioredis";
import pg from "pg";

const connection = new Redis(process.env.REDIS_URL, { maxRetriesPerRequest: null });
const sink = new URL(process.env.SINK_URL);
const agent = new http.Agent({ keepAlive: true, maxSockets: 64 });
const TABLES = `
DROP TABLE IF EXISTS bull_message, bull_log;
CREATE TABLE bull_message (id uuid PRIMARY KEY, status text NOT NULL, updated_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE bull_log (id bigserial PRIMARY KEY, message_id uuid NOT NULL, event text NOT NULL, at timestamptz DEFAULT now())`;
const kept = { removeOnComplete: true, removeOnFail: true };

function post(path, body) {
  return new Promise((resolve, reject) => {
    const headers = { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(body) };
    const options = { host: sink.hostname, port: sink.port, path, method: "POST", agent, headers };
    const request = http.request(options, (answer) => {
      answer.resume();
      answer.on("end", () => (answer.statusCode === 200 ? resolve() : reject(new Error(`status ${answer.statusCode}`))));
    });
    request.on("error", reject);
    request.end(body);
  });
}

async function fill() {
  const queue = new Queue("bench", { connection });
  await queue.obliterate({ force: true });
  const database = new pg.Client(process.env.DATABASE_URL);
  await database.connect();
  await database.query(TABLES);
  const count = Number(process.env.COUNT);
  for (let first = 0; first < count; first += 1000) {
    const jobs = [];
    for (let n = first; n < Math.min(count, first + 1000); n++) {
      const data = { id: randomUUID().replaceAll("-", ""), name: `Person ${n}`, order: n, city: "Riyadh" };
      jobs.push({ name: "send", data, opts: kept });
    }
    const ids = jobs.map(({ data }) => data.id);
    await database.query("INSERT INTO bull_message (id, status) SELECT unnest($1::uuid[]), 'queued'", [ids]);
    await queue.addBulk(jobs);
  }
  await database.end();
  await queue.close();
  connection.disconnect();
}

function work() {
  const database = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 8 });
  const sent = { name: "sent", text: "UPDATE bull_message SET status = 'sent', updated_at = now() WHERE id = $1" };
  const logged = { name: "logged", text: "INSERT INTO bull_log (message_id, event) VALUES ($1, 'sent')" };
  const send = async ({ data }) => {
    const content = {
      subject: `Your order ${data.order} is ready, ${data.name}`,
      html: `<p>Dear ${data.name},</p><p>order <b>${data.order}</b> waits for you in ${data.city}.</p>`,
      text: `Dear ${data.name}, order ${data.order} waits for you in ${data.city}.`,
    };
    await post(`/one/${data.id}`, JSON.stringify({ to: `${data.order}@example.com`, content }));
    await database.query({ ...sent, values: [data.id] });
    await database.query({ ...logged, values: [data.id] });
  };
  new Worker("bench", send, { connection, concurrency: 48 });
}

await (process.argv[2] === "fill" ? fill() : work());

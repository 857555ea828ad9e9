// The database of the Node worker: the product's own SQL texts, read from activities/store/src/tenant/sql/, so that both
// workers send the same statements; and the ledger, which keeps a step's answer beside its rows.
const { createHash } = require('node:crypto');
const { readFileSync, readdirSync } = require('node:fs');
const { join } = require('node:path');
const { Pool } = require('pg');

const folder = join(__dirname, '../../../activities/store/src/tenant/sql');
const source = readdirSync(folder).map((file) => readFileSync(join(folder, file), 'utf8')).join('\n');
const texts = new Map([...source.matchAll(/^ {4}([A-Z_]+) "[^"]*" = "\n([^"]*)";$/gm)].map(([, name, sql]) => [name, sql]));

const pool = new Pool({
  host: process.env.DB_HOST,
  port: Number(process.env.DB_PORT),
  database: process.env.DB_NAME_SERVER,
  user: process.env.TENANTRY_DB_USER,
  password: process.env.TENANTRY_DB_PASSWORD,
  max: 20, // as the worker under test: ten slots on each of two queues
});
const hex = (algorithm, text) => createHash(algorithm).update(text).digest('hex');

// One transaction. `run` sends a statement by its name; statements are unnamed, as through a transaction pooler.
async function transaction(work) {
  const client = await pool.connect();
  const run = async (name, parameters) => {
    const sql = texts.get(name);
    if (!sql) throw new Error(`no statement ${name} in ${folder}`);
    return (await client.query(sql, parameters)).rows;
  };
  try {
    await client.query('BEGIN');
    const answer = await work(run);
    await client.query('COMMIT');
    return answer;
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  } finally {
    client.release();
  }
}

const key = ({ originId, activity, part }) => [originId, activity, part].filter(Boolean).join('/');

function writeLedger(run, entry, tenant, answer) {
  const digest = createHash('sha256').update(JSON.stringify(entry)).digest();
  const at = entry.nowMs * 1000;
  return run('WRITE_LEDGER', [key(entry), entry.originId, entry.activity, tenant, digest, JSON.stringify(answer), at]);
}

// A step that is carried out once.
function once(entry, tenant, work) {
  return transaction(async (run) => {
    await run('TAKE_TURN', [[entry.originId]]);
    const [known] = await run('FIND_LEDGER', [key(entry)]);
    if (known) return known.result;
    const answer = await work(run, entry.nowMs * 1000);
    await writeLedger(run, entry, tenant, answer);
    return answer;
  });
}

module.exports = { transaction, once, writeLedger, key, hex };

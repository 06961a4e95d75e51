import { spawn } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import t from 'tap';
import { PROJECT_ROOT } from '../data-dir.ts';
import { requireTools } from '../debian.ts';
import { HOST, SPEED, samplesOf, startFlightRig, WORDS } from './flight/flight-rig.ts';

async function run(
  cwd: string,
  command: string,
  ...args: string[]
): Promise<{ code: number; out: string; err: string }> {
  const child = spawn(command, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? -1));
  });
  const [out, err, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { code, out, err };
}

t.test('the Python examples read samples and flights, and say what is refused', async (t) => {
  if (!requireTools(t, 'python-grpc')) return;
  const folder = mkdtempSync(join(tmpdir(), 'caisson-python-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  cpSync(join(PROJECT_ROOT, 'sync', 'examples'), folder, { recursive: true });
  const protos = join(PROJECT_ROOT, 'sync', 'proto');
  const compiled = await run(
    folder,
    'protoc',
    '--python_out=.',
    '-I',
    protos,
    'caisson/v1/telemetry.proto',
    'arrow/flight/flight.proto',
  );
  t.equal(compiled.code, 0, compiled.err);
  const { port, telemetry } = await startFlightRig(t);
  const address = `${HOST}:${port}`;
  const { values } = samplesOf(telemetry, SPEED);
  const samples = await run(folder, '/usr/bin/python3', 'read_samples.py', address, SPEED, WORDS);
  t.equal(samples.code, 0, samples.err);
  const [speed, words] = samples.out.split('\n');
  const [name, count, mean] = (speed ?? '').split(' ');
  t.same([name, Number(count)], [SPEED, values.length]);
  t.ok(Math.abs(Number(mean) - values.reduce((a, b) => a + b) / values.length) < 1e-9);
  t.match(words, `${WORDS} 5 `);
  const refused = await run(folder, '/usr/bin/python3', 'read_samples.py', address, 'car7/sped');
  t.equal(refused.code, 1);
  t.match(refused.err, 'NOT_FOUND: no channel is named car7/sped');
  const flight = await run(folder, '/usr/bin/python3', 'read_flight.py', address, 'select time, value from samples');
  t.equal(flight.code, 0, flight.err);
  const [, messages, bytes] = /^(\d+) messages, (\d+) bytes$/m.exec(flight.out) ?? [];
  t.ok(Number(messages) > 2);
  t.ok(Number(bytes) >= values.length * 16);
});

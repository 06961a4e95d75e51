import { Buffer } from 'node:buffer';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import t, { type Test } from 'tap';
import { openLogPort } from '../../../hardware/serial/log-port.ts';
import type { Timers } from '../../../hardware/serial/timers.ts';
import { waitFor } from '../../wait-for.ts';

/** Time that passes only by waiting for it. */
class SteppedTimers implements Timers {
  time = 0;

  now(): number {
    return this.time;
  }

  after(delayMs: number, action: () => void): () => void {
    const timer = setImmediate(() => {
      this.time += delayMs;
      action();
    });
    return () => clearImmediate(timer);
  }
}

async function file(t: Test, content: Uint8Array): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'caisson-log-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const path = join(folder, 'wire.log');
  await writeFile(path, content);
  return path;
}

t.test('paces a recording by the speed of its line', async (t) => {
  const path = await file(t, Buffer.alloc(100_000, 1));
  const timers = new SteppedTimers();
  const port = openLogPort({ path, bytesPerSecond: 11_520 }, { timers });
  const arrivals: [atMs: number, bytes: number][] = [];
  let bytes = 0;
  await port.open((piece) => {
    bytes += piece.length;
    arrivals.push([timers.time, bytes]);
  });
  await waitFor('the end', () => port.state.kind === 'ended');
  await port.close();
  t.equal(bytes, 100_000);
  t.ok(
    arrivals.every(([atMs, sum]) => sum <= (atMs / 1e3) * 11_520 + 1),
    'never early',
  );
  t.ok(
    arrivals.every(([atMs, sum]) => sum >= ((atMs - 20) / 1e3) * 11_520),
    'never late by more than two pieces',
  );
});

t.test('tells its end once, after the last byte', async (t) => {
  const path = await file(t, gzipSync(Buffer.alloc(300_000, 7)));
  const port = openLogPort({ path });
  let bytes = 0;
  const atEnd: number[] = [];
  await port.open(
    (piece) => {
      bytes += piece.length;
    },
    (state) => {
      if (state.kind === 'ended') atEnd.push(bytes);
    },
  );
  await waitFor('the end', () => port.state.kind === 'ended');
  t.same(atEnd, [300_000]);
  t.equal(port.write(Buffer.from('x')), false, 'nobody hears what is written to a recording');
  await port.close();
});

t.test('plays an empty recording', async (t) => {
  const path = await file(t, Buffer.alloc(0));
  const port = openLogPort({ path });
  await port.open(() => {
    t.fail('there is nothing in it');
  });
  await waitFor('the end', () => port.state.kind === 'ended');
  await port.close();
});

t.test('ends with a problem where a packed recording is broken, and repeats nothing', async (t) => {
  const packed = gzipSync(Buffer.alloc(300_000, 7));
  const path = await file(t, packed.subarray(0, packed.length - 20));
  const port = openLogPort({ path });
  await port.open(() => {});
  await waitFor('the problem', () => port.state.kind === 'ended');
  t.match(port.state, { problem: /unexpected end of file/ });
  await port.close();
});

t.test('closes in the middle of a recording', async (t) => {
  const path = await file(t, Buffer.alloc(1_000_000, 1));
  const port = openLogPort({ path, bytesPerSecond: 1000 });
  let calls = 0;
  await port.open(() => {
    calls += 1;
  });
  await waitFor('the first bytes', () => calls > 0);
  await port.close();
  const before = calls;
  await new Promise((resolve) => setTimeout(resolve, 30));
  t.equal(calls, before);
});

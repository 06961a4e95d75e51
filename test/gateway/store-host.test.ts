import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { createChannelFreshness } from '../../gateway/channel-freshness.ts';
import { StatusBoard } from '../../gateway/commands/status-board.ts';
import type { WearWatch } from '../../gateway/commands/wear-watch.ts';
import { CaissonError } from '../../gateway/errors.ts';
import { StoreTelemetry } from '../../gateway/query/store-telemetry.ts';
import { BlockReader } from '../../gateway/store/block-reader.ts';
import { storePaths } from '../../gateway/store/store-dir.ts';
import { StoreHost } from '../../gateway/store-host.ts';
import { eventually } from '../scenarios/eventually.ts';

interface Store {
  readonly dir: string;
  readonly problems: string[];
  open(options?: {
    commitFloorMs?: number;
    blockAgeSeconds?: number;
    ringSlots?: number;
    gateway?: string;
  }): Promise<StoreHost>;
}

function store(t: Test): Store {
  const dir = mkdtempSync(join(tmpdir(), 'caisson-host-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  const problems: string[] = [];
  const open: Store['open'] = (options = {}) =>
    StoreHost.open({
      dir,
      gateway: undefined,
      commitFloorMs: 5,
      blockAgeSeconds: 60,
      ringSlots: 4096,
      onProblem: (text) => problems.push(text),
      ...options,
    });
  return { dir, problems, open };
}

function account(dir: string, name: string) {
  const telemetry = StoreTelemetry.open(dir);
  const { id } = telemetry.channel(name);
  const values = [...telemetry.raw(id, 0, Number.MAX_SAFE_INTEGER)].flatMap((samples) => [...samples.values]);
  const line = telemetry.ledger().find(({ channel }) => channel === id);
  telemetry.close();
  return { values, taken: line?.taken, kept: line?.kept, lost: line?.lost };
}

function push(host: StoreHost, from: number, to: number): void {
  const { id } = host.intake.channel({ name: 'a', source: 'test' });
  for (let i = from; i < to; i += 1) host.intake.push(id, host.clock.now(), i);
}

const upTo = (end: number) => Array.from({ length: end }, (_, i) => i);

t.test('a stop keeps all that was published, the last moment included', async (t) => {
  const { dir, open } = store(t);
  let next = 0;
  for (let round = 0; round < 8; round += 1) {
    const host = await open();
    push(host, next, next + 100);
    host.intake.publish();
    if (round % 2 === 1) await host.intake.durable(host.intake.publish());
    push(host, next + 100, next + 101);
    await host.stop();
    next += 101;
  }
  t.match(account(dir, 'a'), { values: upTo(next), taken: next, kept: next, lost: 0 });
});

t.test('a stop does not wait for the commit floor', async (t) => {
  const { dir, open, problems } = store(t);
  const host = await open({ commitFloorMs: 3_600_000 });
  push(host, 0, 1);
  await host.intake.durable(host.intake.publish());
  push(host, 1, 2);
  host.intake.publish();
  await host.stop();
  t.same(problems, []);
  t.match(account(dir, 'a'), { values: [0, 1] });
});

t.test('a stop while the thread is down keeps what waits in the ring', async (t) => {
  const { dir, open, problems } = store(t);
  const host = await open();
  push(host, 0, 10);
  await host.intake.durable(host.intake.publish());
  await host.crashThread();
  push(host, 10, 20);
  const { id } = host.intake.channel({ name: 'new', source: 'test' });
  host.intake.push(id, host.clock.now(), 7);
  const waits = host.intake.durable(host.intake.publish());
  await host.stop();
  await waits;
  t.match(account(dir, 'a'), { values: upTo(20), taken: 20, kept: 20, lost: 0 });
  t.match(account(dir, 'new'), { values: [7] });
  t.match(problems, [/store thread died/]);
});

t.test('a stop writes the losses that no longer fit into the ring', async (t) => {
  const { dir, open } = store(t);
  const host = await open({ ringSlots: 64 });
  await host.crashThread();
  push(host, 0, 100);
  t.equal(host.intake.refused, 36);
  await host.stop();
  t.match(account(dir, 'a'), { values: upTo(64), taken: 100, kept: 64, lost: 36 });
});

t.test('a thread that dies again and again loses nothing, repeats nothing and gives no number twice', async (t) => {
  const { dir, open } = store(t);
  const host = await open();
  for (let round = 0; round < 4; round += 1) {
    push(host, round * 10, round * 10 + 5);
    const published = host.intake.publish();
    const crash = round % 2 === 0 ? host.intake.durable(published).then(() => host.crashThread()) : host.crashThread();
    await crash;
    push(host, round * 10 + 5, round * 10 + 10);
    await host.intake.durable(host.intake.publish());
  }
  t.equal(host.restarts, 4);
  await host.stop();
  t.match(account(dir, 'a'), { values: upTo(40), taken: 40, kept: 40, lost: 0 });
});

t.test('who waits for a commit that will never come is told so', async (t) => {
  const { dir, open, problems } = store(t);
  const host = await open();
  push(host, 0, 1);
  await host.intake.durable(host.intake.publish());
  await host.crashThread();
  push(host, 1, 2);
  const waits = t.rejects(host.intake.durable(host.intake.publish()), { code: 'store-failed' });
  rmSync(dir, { recursive: true });
  writeFileSync(dir, 'no directory');
  await host.stop();
  await waits;
  t.match(problems.at(-1), /closed before it could keep what is in 1 slots/);
  await t.rejects(host.intake.durable(host.intake.publish()), { code: 'store-failed' });
});

t.test('it says until when all that was taken in is in blocks, and where in the feed that is', async (t) => {
  const { dir, open } = store(t);
  const host = await open({ blockAgeSeconds: 1 });
  const taken = host.clock.now();
  push(host, 0, 10);
  await host.intake.durable(host.intake.publish());
  t.ok((host.status.settled?.until ?? 0) < taken + host.utcOffset(), 'not while it is in no block');
  const settled = await eventually('it is settled', () => {
    const said = host.status.settled;
    return said !== undefined && said.until > taken + host.utcOffset() && said;
  });
  const blocks = BlockReader.openReadonly(storePaths(dir).blocks);
  const packs = blocks.feed(0, 100, 1e6).filter(({ kind }) => kind === 'pack');
  blocks.close();
  t.ok(packs.length > 0 && packs.every(({ position }) => position <= settled.position), 'its pack stands there');
  t.ok(settled.until < host.utcNow(), 'and nothing is said of what is to come');
  await host.stop();
});

t.test('two gateways cannot have one store', async (t) => {
  const { open } = store(t);
  const host = await open();
  const second = await open().catch((error: unknown) => error);
  t.ok(second instanceof CaissonError);
  t.match(second, { code: 'store-unusable', message: /another process has this store open/ });
  await host.stop();
  const third = await open();
  t.equal(third.gateway, host.gateway);
  await third.stop();
});

t.test('receipts and channels are known after a restart, and box time goes on behind the last sample', async (t) => {
  const { open } = store(t);
  const digest = new Uint8Array(16).fill(9);
  const first = await open();
  const { id } = first.intake.channel({ name: 'a', source: 'test', unit: 'bar' });
  const ahead = first.clock.now() + 60e6;
  first.intake.push(id, ahead, 1);
  const { id: device } = first.intake.channel({ name: 'd', source: 'test', stamp: 'device' });
  first.intake.push(device, ahead * 2, 1);
  first.intake.pushReceipt(digest);
  await first.intake.durable(first.intake.publish());
  await first.stop();
  const second = await open();
  t.ok(second.intake.isKnownReceipt(digest));
  t.equal(second.intake.channel({ name: 'a', source: 'test', unit: 'bar' }).id, id);
  t.ok(second.clock.now() > ahead && second.clock.now() < ahead + 60e6, 'a device stamp does not move box time');
  t.equal(second.clockStatus.source, 'none', 'a wall clock behind the samples is not believed');
  await second.stop();
});

t.test(
  'whoever reads while samples are committed, sealed and trimmed sees each once, and never fewer than before',
  async (t) => {
    const { dir, open } = store(t);
    const host = await open({ commitFloorMs: 0, ringSlots: 1 << 16 });
    const { id } = host.intake.channel({ name: 'a', source: 'test' });
    const telemetry = StoreTelemetry.open(dir);
    const heard: number[] = [];
    telemetry.follow(({ channel, values }) => {
      if (channel === id) for (const value of values) heard.push(Number(value));
    });
    let pushed = 0;
    let seen = 0;
    let looks = 0;
    const deadline = performance.now() + 2500;
    while (performance.now() < deadline || host.status.blocks === 0) {
      for (let i = 0; i < 4000; i += 1, pushed += 1) host.intake.push(id, host.clock.now(), pushed);
      const published = host.intake.publish();
      if (looks % 4 === 0) await host.intake.durable(published);
      const values = [...telemetry.raw(id, 0, Number.MAX_SAFE_INTEGER)].flatMap((samples) => [...samples.values]);
      const wrong = values.findIndex((value, i) => value !== i);
      if (wrong >= 0) t.fail(`sample ${wrong} of ${values.length} is ${values[wrong]}`);
      if (values.length < seen) t.fail(`${values.length} samples, ${seen} before`);
      seen = values.length;
      const count = telemetry.envelope(id, 0, host.clock.now() + 1, 1).count[0] ?? 0;
      if (count < seen) t.fail(`the envelope counts ${count}, raw gave ${seen} before`);
      const line = telemetry.ledger()[0];
      if (line?.taken !== (line?.kept ?? 0) + (line?.lost ?? 0)) t.fail(`ledger ${JSON.stringify(line)}`);
      looks += 1;
      await new Promise((resolve) => setImmediate(resolve));
    }
    await host.intake.durable(host.intake.publish());
    telemetry.refresh();
    t.equal(heard.length + host.intake.refused, pushed, `${looks} looks`);
    t.ok(
      heard.every((value, i) => i === 0 || value > (heard[i - 1] ?? 0)),
      'a follower hears each once, in order',
    );
    t.ok((host.status.blocks ?? 0) > 0, `${host.status.blocks} blocks were sealed meanwhile`);
    telemetry.close();
    await host.stop();
  },
);

t.test(
  'a clock that is corrected by years changes neither how long the gateway is up nor what its last minute is',
  async (t) => {
    const { dir, open, problems } = store(t);
    const host = await open();
    const wear = { look: () => undefined } as unknown as WearWatch;
    const board = new StatusBoard('1', host, wear, createChannelFreshness(), () => {});
    const began = host.clock.now();
    board.problem('before');
    const clock = host.clockOf('gnss');
    /** In years, what the receiver shows beyond the system's clock. */
    const tell = (years: number) => {
      const time = clock.now();
      clock.observe({ time, offset: host.utcOffset() + years * 365 * 86_400e6, error: 1000, source: 'gnss' });
    };
    tell(-6);
    t.match(board.snapshot().clock, { source: 'rtc', doubted: [{ teller: 'gnss', aheadUs: -6 * 365 * 86_400e6 }] });
    t.match(problems, [/^the clock of source gnss is not believed: it shows 20.* 2190 d behind the system's clock/]);
    tell(6);
    const other = host.clockOf('other');
    other.observe({ time: other.now(), offset: 6 * 365 * 86_400e6, error: 1000, source: 'gnss' });
    push(host, 0, 1);
    await host.intake.durable(host.intake.publish());
    const { now, startedAt, clock: known, problems: told } = board.snapshot();
    t.match(known, { source: 'gnss', teller: 'other' });
    t.ok(now > Date.now() * 1e3 + 5 * 365 * 86_400e6, 'it is another time');
    t.ok(Math.abs(now - startedAt - (host.clock.now() - began)) < 5e6, `up ${(now - startedAt) / 1e6} s`);
    t.ok(now - (told[0]?.time ?? 0) < 60e6, 'what was said before was said a moment ago');
    const telemetry = StoreTelemetry.open(dir);
    const { id } = telemetry.channel('a');
    const last = [...telemetry.raw(id, now - 60e6, now + 1)].flatMap(({ values }) => [...values]);
    telemetry.close();
    t.same(last, [0], 'the last minute of the present holds it');
    await host.stop();
  },
);

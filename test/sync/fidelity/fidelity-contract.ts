import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import type { Test } from 'tap';
import { type Coverage, NOT_HEARD, NOT_SENT } from '../../../gateway/query/coverage/coverage.ts';
import { StoreTelemetry } from '../../../gateway/query/store-telemetry.ts';
import type { Envelope, Samples } from '../../../gateway/query/telemetry.ts';
import { Random } from '../../../hardware/simulated/random.ts';
import { loadProtos, serviceOf, TELEMETRY_SERVICE } from '../../../sync/api/descriptor.ts';
import { ItemPacker, unpacked } from '../../../sync/api/packed-items.ts';
import { TransferInbox } from '../../../sync/api/transfer-inbox.ts';
import type { TransferResponseMessage } from '../../../sync/api/transfer-messages.ts';
import { Keeper } from '../../../sync/central/keeper.ts';
import type { Wish } from '../../../sync/fidelity/ahead-source.ts';
import { TransferSender } from '../../../sync/fidelity/transfer-sender.ts';
import { PackAssembly } from '../../../sync/line/pack-assembly.ts';
import type { StoreRig } from '../central/keeper-contract.ts';
import { FilledStore } from '../filled-store.ts';
import { blocksIn, blocksOf, definitionsIn, definitionsOf, gapsIn, gapsOf } from '../same-feed.ts';

const BOX = { role: 'gateway', gateway: 'box' } as const;
const { Transfer } = serviceOf(loadProtos(), TELEMETRY_SERVICE);
const serialize = (response: TransferResponseMessage) => Transfer?.responseSerialize(response) as Buffer;
const deserialize = (bytes: Buffer) => Transfer?.responseDeserialize(bytes) as TransferResponseMessage;

/** What a test asks of a store that was filled over a line. */
export interface FilledRig extends StoreRig {
  charts(channel: string, from: number, to: number, pixels: number): Promise<Envelope>;
  coverage(channel: string, from: number, to: number): Promise<Coverage>;
  /** Samples in [from, to) as they were taken in. */
  count(channel: string, from: number, to: number): Promise<number>;
  latest(channel: string): Promise<number | undefined>;
}

/** One stretch of a line's life. */
interface Stretch {
  /** Messages until the line is cut. */
  readonly messages: number;
  readonly quantumBytes: number;
  readonly newestFirst: boolean;
  readonly outlines: boolean;
  readonly wishes: readonly { readonly channel: number; readonly at: number; readonly outlines: boolean }[];
  /** What the gateway takes in meanwhile, so many steps. */
  readonly steps: number;
  /** How many messages central keeps at a time. */
  readonly gather: number;
}

const stretch: fc.Arbitrary<Stretch> = fc.record({
  messages: fc.integer({ min: 0, max: 40 }),
  quantumBytes: fc.constantFrom(200, 1_000, 5_000, 100_000),
  newestFirst: fc.boolean(),
  outlines: fc.boolean(),
  wishes: fc.array(
    fc.record({ channel: fc.nat(7), at: fc.double({ min: 0, max: 1, noNaN: true }), outlines: fc.boolean() }),
    { maxLength: 2 },
  ),
  steps: fc.nat(6),
  gather: fc.integer({ min: 1, max: 8 }),
});

/** A line as it is, without sockets: what a gateway sends is serialized, taken apart, and kept. */
export class DirectLine {
  readonly #source: FilledStore;
  readonly keeper: Keeper;
  readonly #assembly = new PackAssembly();

  constructor(source: FilledStore, keeper: Keeper) {
    this.#source = source;
    this.keeper = keeper;
  }

  /** One call, of so many messages at most; true where everything came. */
  async run(terms: Omit<Stretch, 'wishes' | 'steps'>, wishes: readonly Wish[], between = () => {}): Promise<boolean> {
    const { feed, after, held = [], outlined } = await this.keeper.resume(BOX);
    const told = terms.outlines ? (outlined ?? null) : null;
    const opening = { feed, after, held, outlined: told, parts: this.#assembly.reopen(), inOrder: false };
    const sender = new TransferSender({ source: this.#source.db, opening, newestFirst: terms.newestFirst });
    for (const wish of wishes) sender.wish(wish);
    const packer = new ItemPacker(serialize);
    const inbox = new TransferInbox();
    let isComplete = false;
    const keep = async () => {
      const batch = inbox.take();
      if (batch === undefined) return;
      const { refusal } = await this.keeper.keep(BOX, batch);
      if (refusal !== undefined) throw refusal.error;
      isComplete = batch.complete;
    };
    for (let message = 1; message <= terms.messages; message += 1) {
      const part = sender.next(terms.quantumBytes, packer);
      if (part === undefined) break;
      const bytes = serialize({ ...packer.pack(part), grant: 1, heldUs: 0 });
      inbox.put(unpacked(deserialize(bytes), deserialize), this.#assembly, bytes.length);
      if (message % terms.gather === 0) await keep();
      if (message % 7 === 0) between();
    }
    await keep();
    inbox.close();
    return isComplete;
  }
}

/** @param open makes an empty store, closed at the end of the test; @param runs of each property */
export async function fidelityContract(t: Test, runs: number, open: (t: Test) => Promise<FilledRig>): Promise<void> {
  await t.test('whatever comes ahead and wherever the line is cut, all is kept once, as in order', async (t) => {
    await fc.assert(
      fc.asyncProperty(fc.integer(), fc.array(stretch, { minLength: 1, maxLength: 8 }), async (seed, stretches) => {
        const dir = mkdtempSync(join(tmpdir(), 'caisson-box-'));
        const source = new FilledStore(dir, 'box', new Random(seed));
        const rig = await open(t);
        try {
          const laps = new Random(seed + 1);
          const step = () => {
            source.step();
            const names = ['caisson/cycles/lap', 'caisson/cycles/lap/a'].slice(laps.below(2));
            if (laps.unit() < 0.2) source.sealPack(names, 'text', 1 + laps.below(3));
          };
          for (let i = 0; i < 25; i += 1) step();
          const lost: string[] = [];
          const keeper = new Keeper(rig.store, { onProblem: (text) => lost.push(text) });
          const line = new DirectLine(source, keeper);
          for (const { wishes, steps, ...terms } of stretches) {
            const wished = wishes.map(({ channel, at, outlines }) => {
              const from = 1_700_000_000_000_000 + at * 60e6;
              return { gateway: 'box', channels: [`box/channel${channel}`], from, to: from + 20e6, outlines };
            });
            let left = steps;
            await line.run(terms, wished, () => {
              left -= 1;
              if (left > 0) step();
            });
            await claimsAreTrue(t, rig, dir);
          }
          const rest = { messages: 1e6, quantumBytes: 20_000, newestFirst: false, outlines: false, gather: 5 };
          if (!(await line.run(rest, []))) return false;
          await same(t, rig, source, dir);
          await claimsAreTrue(t, rig, dir, true);
          const standing = await keeper.resume(BOX);
          t.same(standing.held, [], 'nothing is remembered of what came ahead');
          t.match(keeper.counters, { conflicts: 0, holes: 0 });
          t.same(lost, [], 'nothing was taken for lost');
          return t.passing();
        } finally {
          source.close();
          rmSync(dir, { recursive: true });
        }
      }),
      { numRuns: runs },
    );
  });

  await t.test('a hole before what came ahead is lost when all has come, and not before', async (t) => {
    const dir = mkdtempSync(join(tmpdir(), 'caisson-box-'));
    const source = new FilledStore(dir, 'box', new Random(5));
    t.teardown(() => {
      source.close();
      rmSync(dir, { recursive: true });
    });
    const rig = await open(t);
    source.seal('a', 'number', 300);
    source.lose('a', 5, false);
    source.seal('a', 'number', 300);
    const keeper = new Keeper(rig.store);
    const line = new DirectLine(source, keeper);
    const terms = { quantumBytes: 700, newestFirst: true, outlines: false, gather: 1 };
    // Terms, and the newest pack.
    for (let message = 2; gapsIn(await rig.feed('box')).length === 0 && message < 40; message += 1) {
      const blocks = blocksIn(await rig.feed('box')).length;
      const isComplete = await line.run({ ...terms, messages: message }, []);
      if (!isComplete) t.same(gapsIn(await rig.feed('box')), [], `${blocks} blocks are here`);
    }
    t.match(gapsIn(await rig.feed('box')), [/ a 300\+5 not-received$/]);
    t.match(keeper.counters, { holes: 1, lost: 5, blocks: 2 });
    const [account] = await rig.accounts();
    t.match(account, { kept: 600, lost: 5, next: 605 });
  });

  await t.test('outlines draw what has not come, a second wide, and give way to it', async (t) => {
    const dir = mkdtempSync(join(tmpdir(), 'caisson-box-'));
    const source = new FilledStore(dir, 'box', new Random(9));
    t.teardown(() => {
      source.close();
      rmSync(dir, { recursive: true });
    });
    const rig = await open(t);
    for (let i = 0; i < 30; i += 1) source.sealPack(['box/a', 'box/b'], 'number', 400);
    const own = StoreTelemetry.open(dir);
    t.teardown(() => own.close());
    const { id } = own.channel('box/a');
    const all = [...own.raw(id, 0, Number.MAX_SAFE_INTEGER)].flatMap(({ times }) => [...times]);
    const from = Math.floor((all[0] ?? 0) / 1e6) * 1e6;
    const to = Math.ceil((all.at(-1) ?? 0) / 1e6 + 1e-9) * 1e6;
    const seconds = (to - from) / 1e6;
    const truth = own.envelope(id, from, to, seconds);
    const line = new DirectLine(source, new Keeper(rig.store));
    const terms = { quantumBytes: 1_000, newestFirst: false, outlines: true, gather: 3 };
    let messages = 0;
    for (; (await line.keeper.resume(BOX)).outlined?.upTo === 0 && messages < 1_000; messages += 3) {
      await line.run({ ...terms, messages: 3 }, []);
    }
    t.equal(blocksIn(await rig.feed('box')).length, 0, 'no sample has come');
    const { stretches } = await rig.coverage('box/a', from, to + 60e6);
    t.same(
      stretches.map(({ state, cause }) => `${state} ${cause}`),
      ['missing not-heard', 'outline not-sent', 'missing not-heard'],
      'what is there is told, and that nothing is known of what is around it',
    );
    t.equal(stretches[1]?.count, all.length);
    t.equal(await rig.latest('box/a'), all.at(-1), 'the newest sample is known by the outline');
    const chart = await rig.charts('box/a', from, to, seconds);
    t.same([...chart.count], [...truth.count], 'every sample counts in its second');
    for (const corner of ['min', 'max', 'first', 'last'] as const) {
      const off = chart[corner].findIndex((value, i) => Math.fround(value) !== Math.fround(truth[corner][i] as number));
      t.ok(off < 0 || Number.isNaN(truth[corner][off]), `${corner} of second ${off} is ${chart[corner][off]}`);
    }
    for (let i = 0; i < 60; i += 1) {
      await line.run({ ...terms, messages: 5 }, []);
      const here = await rig.charts('box/a', from, to, seconds);
      t.same([...here.count], [...truth.count], 'nothing counts twice while samples take the place of outlines');
    }
    await line.run({ ...terms, messages: 1e6 }, []);
    t.same(await rig.charts('box/a', from, to, 777), own.envelope(id, from, to, 777), 'then all is as at the gateway');
  });

  await t.test('cycles and sessions come before outlines and samples, and once, whatever waits', async (t) => {
    const dir = mkdtempSync(join(tmpdir(), 'caisson-box-'));
    const source = new FilledStore(dir, 'box', new Random(11));
    t.teardown(() => {
      source.close();
      rmSync(dir, { recursive: true });
    });
    const rig = await open(t);
    const lap = ['caisson/cycles/lap', 'caisson/cycles/lap/box/a'];
    const work = (packs: number) => {
      for (let i = 0; i < packs; i += 1) source.sealPack(['box/a', 'box/b'], 'number', 400);
    };
    work(20);
    for (let i = 0; i < 3; i += 1) source.sealPack(lap, 'text', 2);
    // What is of cycles in part only travels in its turn.
    source.sealPack(['caisson/cycles/lap', 'box/text'], 'text', 2);
    work(20);
    source.sealPack(['caisson/sessions'], 'text', 2);
    source.sealPack(lap, 'text', 2);
    work(1);
    const line = new DirectLine(source, new Keeper(rig.store));
    const terms = { quantumBytes: 1_000, newestFirst: false, outlines: true, gather: 1 };
    const blocks = async () => blocksIn(await rig.feed('box')).map(({ identity }) => identity.split(' ')[1]);
    let messages = 0;
    for (; (await blocks()).length < 9 && messages < 100; messages += 1) await line.run({ ...terms, messages: 1 }, []);
    t.same(await blocks(), [...lap, ...lap, ...lap, 'caisson/sessions', ...lap], `after ${messages} messages`);
    t.same((await line.keeper.resume(BOX)).outlined?.upTo ?? 0, 0, 'no outline has come');
    source.sealPack(lap, 'text', 2);
    for (let more = 0; (await blocks()).length < 11 && more < 10; more += 1)
      await line.run({ ...terms, messages: 1 }, []);
    t.equal((await blocks()).filter((name) => name === lap[1]).length, 5, 'and of a lap that ends meanwhile as well');
    t.ok(await line.run({ ...terms, messages: 1e6 }, []));
    t.match(line.keeper.counters, { conflicts: 0, holes: 0, blocks: 2 * (41 + 6) + 1 });
  });

  await t.test('what someone wishes comes before what stands before it', async (t) => {
    const dir = mkdtempSync(join(tmpdir(), 'caisson-box-'));
    const source = new FilledStore(dir, 'box', new Random(3));
    t.teardown(() => {
      source.close();
      rmSync(dir, { recursive: true });
    });
    const rig = await open(t);
    for (let i = 0; i < 20; i += 1) source.sealPack(['box/a', 'box/b'], 'number', 400);
    const own = StoreTelemetry.open(dir);
    const { id } = own.channel('box/b');
    const newest = own.latest(id)?.time ?? 0;
    const line = new DirectLine(source, new Keeper(rig.store));
    const terms = { quantumBytes: 4_000, newestFirst: false, outlines: false, gather: 1 };
    const wish = { gateway: '', channels: ['box/b'], from: newest - 1e6, to: newest + 1, outlines: false };
    await line.run({ ...terms, messages: 5 }, [wish]);
    const [first] = blocksIn(await rig.feed('box'));
    const last = blocksOf(source.db, 'box').at(-1);
    t.equal(first?.bytes, last?.bytes);
    const { after, held = [] } = await line.keeper.resume(BOX);
    t.ok(after < 15, `the feed is had up to ${after}`);
    t.ok(held.length > 0, 'and that is remembered');
    own.close();
  });
}

/** The range of all that a FilledStore makes. */
const [BEGIN, END] = [1_699_999_000_000_000, 1_700_001_000_000_000];

/**
 * What central calls full holds every sample that the gateway has there.
 * @param isAll true where everything has come: nothing is said to be on its way but behind the newest sample
 */
async function claimsAreTrue(t: Test, rig: FilledRig, dir: string, isAll = false): Promise<void> {
  const own = StoreTelemetry.open(dir);
  try {
    const known = new Set((await rig.channels()).map(({ name }) => name));
    for (const { id, name } of own.channels()) {
      if (!known.has(name)) continue;
      const { stretches } = await rig.coverage(name, BEGIN, END);
      t.equal(stretches[0]?.from, BEGIN);
      t.equal(stretches.at(-1)?.to, END);
      for (const [i, { from, to, state, cause }] of stretches.entries()) {
        if (i > 0) t.equal(from, stretches[i - 1]?.to, 'one stretch ends where the next begins');
        if (isAll) t.ok(i === stretches.length - 1 || ![NOT_SENT, NOT_HEARD].includes(cause), `${cause} of ${name}`);
        if (state !== 'full') continue;
        const truth = counted(own.raw(id, from, to, 0));
        t.equal(await rig.count(name, from, to), truth, `${name} is full from ${from} to ${to}`);
      }
    }
  } finally {
    own.close();
  }
}

export function counted(pieces: Iterable<Samples>): number {
  let count = 0;
  for (const { times } of pieces) count += times.length;
  return count;
}

async function same(t: Test, rig: FilledRig, source: FilledStore, dir: string): Promise<void> {
  const kept = await rig.feed('box');
  const sorted = (blocks: ReturnType<typeof blocksIn>) =>
    blocks.map(({ identity, bytes }) => `${identity} ${createHash('sha256').update(bytes).digest('hex')}`).sort();
  t.same(sorted(blocksIn(kept)), sorted(blocksOf(source.db, 'box')), 'the same blocks, byte by byte, none twice');
  t.same(gapsIn(kept), gapsOf(source.db, 'box'), 'the same gaps');
  t.same(definitionsIn(kept), definitionsOf(source.db, 'box'), 'the same channels');
  const accountsOf = (list: Awaited<ReturnType<FilledRig['accounts']>>) =>
    list.map(({ kept: here, lost, next }) => `${here} ${lost} ${next}`).sort();
  t.same(accountsOf(await rig.accounts()), accountsOf(source.db.accounts()), 'the same accounts');
  const own = StoreTelemetry.open(dir);
  try {
    for (const { id, name, type } of own.channels()) {
      if (type === 'text') continue;
      const [from, to] = [1_700_000_000_000_000, 1_700_000_200_000_000];
      t.same(await rig.charts(name, from, to, 50), own.envelope(id, from, to, 50), `the same chart of ${name}`);
    }
  } finally {
    own.close();
  }
}

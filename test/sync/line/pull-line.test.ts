import t from 'tap';
import { CaissonError } from '../../../gateway/errors.ts';
import type { PullBatch } from '../../../sync/api/pull-batch.ts';
import { type KeepResult, PullLine, type PullSink, type Way } from '../../../sync/line/pull-line.ts';
import { waitFor } from '../../wait-for.ts';
import { exampleStatus } from '../memory-telemetry.ts';

/** An answer that asks for no receipt. */
const NOTHING_WANTED = { wanted: new Uint8Array(0), refused: '' };

const PEER = exampleStatus('box');
const unreachable = new CaissonError('central-unreachable', 'nobody there', { retryable: true });

/** A batch of boots at these positions. */
function batch(positions: readonly number[], complete = false): PullBatch {
  const items = positions.map(
    (position) => ({ kind: 'boot', position, gateway: 'box', boot: 'b', started: 0 }) as const,
  );
  return { feed: 'f', items, complete };
}

/** A sink that keeps positions, and refuses one of them so many times. */
class MemorySink implements PullSink {
  readonly kept: number[] = [];
  readonly skipped: number[] = [];
  refuse = { position: -1, times: 0 };

  async resume(): Promise<{ feed: string; after: number }> {
    return { feed: 'f', after: Math.max(0, ...this.kept, ...this.skipped) };
  }

  async keep(_peer: unknown, { items }: PullBatch): Promise<KeepResult> {
    for (const { position } of items) {
      if (position === this.refuse.position && this.refuse.times > 0) {
        this.refuse.times -= 1;
        return { samples: 0, refusal: { position, error: new CaissonError('block-invalid', 'damaged') } };
      }
      this.kept.push(position);
    }
    return { samples: items.length };
  }

  async skip(_peer: unknown, _feed: string, position: number): Promise<void> {
    this.skipped.push(position);
  }
}

/** Each script is what one connection brings: batches, then an error or, undefined, the end. */
function lineOver(
  sink: PullSink,
  scripts: readonly { batches?: (after: number) => PullBatch[]; error?: CaissonError; statusError?: CaissonError }[],
): { line: PullLine; waits: number[]; asked: number[]; problems: string[]; isDone: () => boolean } {
  const waits: number[] = [];
  const asked: number[] = [];
  const problems: string[] = [];
  let connection = -1;
  const connect: Way['connect'] = () => {
    connection += 1;
    const script = scripts[connection] ?? { statusError: unreachable };
    return {
      async status() {
        if (script.statusError !== undefined) throw script.statusError;
        return PEER;
      },
      async place() {
        return { feed: 'f', boots: [] };
      },
      async *transfer({ after }) {
        asked.push(after);
        yield* script.batches?.(after) ?? [];
        if (script.error !== undefined) throw script.error;
      },
      async acknowledge() {
        return NOTHING_WANTED;
      },
      close() {},
    };
  };
  const sleep = async (ms: number, signal: AbortSignal) => {
    waits.push(ms);
    if (connection < scripts.length - 1) return;
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
  };
  const onProblem = (text: string) => problems.push(text);
  const line = new PullLine({ ways: [{ name: '', connect }], sink, follower: 'hq', sleep, random: () => 0, onProblem });
  return {
    line,
    waits,
    asked,
    problems,
    isDone: () => connection >= scripts.length - 1 && waits.length === scripts.length,
  };
}

t.test('goes on where it stands after each cut, and waits longer only while nothing comes', async (t) => {
  const sink = new MemorySink();
  const { line, waits, asked, isDone } = lineOver(sink, [
    { statusError: unreachable },
    { statusError: unreachable },
    { batches: () => [batch([1, 2]), batch([3])], error: unreachable },
    { batches: () => [], error: unreachable },
    { batches: () => [batch([4], true)] },
  ]);
  line.start();
  await waitFor('all connections were made', isDone);
  t.same(sink.kept, [1, 2, 3, 4]);
  t.same(asked, [0, 3, 3]);
  t.same(
    waits.map((ms) => Math.round(ms / 1e3)),
    [1, 2, 1, 2, 1],
    'less what passes between a cut and the next choice',
  );
  t.match(line.health(), {
    state: 'waiting',
    problem: 'the other end closed the connection',
    peer: PEER,
    items: 4,
    samples: 4,
    connections: 3,
    errors: { 'central-unreachable': 4 },
    skipped: 0,
  });
  await line.stop();
  t.equal(line.health().state, 'stopped');
});

t.test('asks again for an item that was damaged on the way', async (t) => {
  const sink = new MemorySink();
  sink.refuse = { position: 2, times: 1 };
  const all = (after: number) => [batch([1, 2, 3].filter((position) => position > after))];
  const { line, asked, isDone } = lineOver(sink, [{ batches: all }, { batches: all }]);
  line.start();
  await waitFor('both connections were made', isDone);
  await line.stop();
  t.same(sink.kept, [1, 2, 3]);
  t.same(asked, [0, 1]);
  t.match(line.health(), { errors: { 'block-invalid': 1 }, skipped: 0 });
});

t.test('leaves out an item that stays damaged, says so, and goes on behind it', async (t) => {
  const sink = new MemorySink();
  sink.refuse = { position: 2, times: 3 };
  const all = (after: number) => [batch([1, 2, 3].filter((position) => position > after))];
  const { line, problems, isDone } = lineOver(sink, [
    { batches: all },
    { batches: all },
    { batches: all },
    { batches: all },
  ]);
  line.start();
  await waitFor('all connections were made', isDone);
  await line.stop();
  t.same(sink.kept, [1, 3]);
  t.same(sink.skipped, [2]);
  t.match(problems, [/item 2 of box was refused 3 times/]);
  t.match(line.health(), { errors: { 'block-invalid': 3 }, skipped: 1 });
});

t.test('waits and tries again when its own store fails', async (t) => {
  const sink = new MemorySink();
  let fails = 1;
  const keep = sink.keep.bind(sink);
  sink.keep = (peer, pulled) => {
    fails -= 1;
    if (fails === 0) throw new Error('disk full');
    return keep(peer, pulled);
  };
  const { line, isDone } = lineOver(sink, [{ batches: () => [batch([1])] }, { batches: () => [batch([1], true)] }]);
  line.start();
  await waitFor('both connections were made', isDone);
  t.same(sink.kept, [1]);
  t.match(line.health().errors, { 'store-failed': 1 });
  await line.stop();
});

t.test('the other end is told what is durable here, under the name of this end, and not twice', async (t) => {
  const sink = new MemorySink();
  const told: unknown[] = [];
  let failures = 1;
  let release: () => void = () => {};
  const line = new PullLine({
    follower: 'hq',
    acknowledgeMs: 1,
    sink,
    ways: [
      {
        name: '',
        connect: () => ({
          status: async () => PEER,
          place: async () => ({ feed: 'f', boots: [] }),
          async *transfer() {
            yield batch([1, 2]);
            await waitFor('it was told', () => told.length === 1);
            yield batch([3], true);
            await new Promise<void>((resolve) => {
              release = resolve;
            });
          },
          async acknowledge(request) {
            failures -= 1;
            if (failures >= 0) throw unreachable;
            told.push(request);
            return NOTHING_WANTED;
          },
          close() {},
        }),
      },
    ],
  });
  line.start();
  await waitFor('it was told of all', () => told.length === 2);
  t.match(told, [
    {
      ...{ follower: 'hq', feed: 'f', position: 2 },
      lines: [{ gateway: 'hq', name: '', state: 'in-use', connections: 1, metered: false }],
    },
    { follower: 'hq', feed: 'f', position: 3 },
  ]);
  t.notOk(Object.hasOwn(told[1] as object, 'lines'), 'of lines only what is new');
  t.equal(line.health().connections, 1, 'a word that was lost cuts nothing');
  const stopped = line.stop();
  release();
  await stopped;
});

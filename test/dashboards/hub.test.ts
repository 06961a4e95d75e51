import t from 'tap';
import { LiveHub } from '../../dashboards/server/live/hub.ts';
import { BUFFERED_BYTES_MAX, TICKS_UNSEEN_MAX, type Viewer } from '../../dashboards/server/live/viewer.ts';
import {
  type Dictionary,
  decodeServerFrame,
  encodeClientFrame,
  type History,
  type ServerFrame,
  type Subscribe,
  type Tick,
} from '../../dashboards/wire.ts';
import { type FakeChannel, FakeTelemetry, fakeStatus } from './fake-telemetry.ts';

const START = 1_700_000_000_000_000;

/** A hub in virtual time with one viewer whose socket a test fills as it likes. */
class Bench {
  utc = START;
  readonly telemetry: FakeTelemetry;
  readonly hub: LiveHub;
  readonly frames: ServerFrame[] = [];
  readonly closes: number[] = [];
  buffered = 0;
  viewer: Viewer | undefined;

  constructor(channels: readonly FakeChannel[]) {
    this.telemetry = new FakeTelemetry(channels, START - 60e6);
    this.telemetry.advance(START);
    this.hub = new LiveHub({
      telemetry: this.telemetry,
      status: () => fakeStatus(this.utc),
      isStale: this.telemetry.isStale,
      utcNow: () => this.utc,
    });
  }

  open(): Viewer {
    this.viewer = this.hub.open({
      send: (bytes) => {
        const frame = decodeServerFrame(bytes.slice());
        if (frame.type !== 'unknown') this.frames.push(frame);
        return true;
      },
      buffered: () => this.buffered,
      close: (code) => this.closes.push(code),
    });
    return this.viewer;
  }

  subscribe(wish: Partial<Subscribe>): void {
    if (this.viewer === undefined) throw new Error('no viewer is open');
    this.hub.receive(
      this.viewer,
      encodeClientFrame({
        type: 'subscribe',
        frameRate: 30,
        rowRate: 4,
        historySeconds: 60,
        historyColumns: 600,
        charts: [],
        rows: [],
        ...wish,
      }),
    );
  }

  /** Lets virtual time run, in the steps of a 60 Hz timer; confirms ticks unless told otherwise. */
  run(seconds: number, { confirms = true } = {}): void {
    const end = this.utc + seconds * 1e6;
    while (this.utc < end) {
      this.utc = Math.min(end, this.utc + 1e6 / 60);
      this.telemetry.advance(Math.floor(this.utc));
      this.hub.turn((this.utc - START) / 1e3);
      const seenTick = this.of('tick').at(-1)?.number ?? 0;
      if (confirms && this.viewer !== undefined) {
        this.hub.receive(this.viewer, encodeClientFrame({ type: 'ping', token: 1, seenTick }));
      }
    }
  }

  of<Type extends ServerFrame['type']>(type: Type): Extract<ServerFrame, { type: Type }>[] {
    return this.frames.filter((frame): frame is Extract<ServerFrame, { type: Type }> => frame.type === type);
  }
}

const SINE: FakeChannel = { definition: { name: 'car/sine' }, rateHz: 1000, value: (s) => Math.sin(s * 7) };
const STEPS: FakeChannel = {
  definition: { name: 'car/steps', type: 'enum' },
  rateHz: 10,
  value: (s) => Math.floor(s) % 5,
};
const NOTE: FakeChannel = { definition: { name: 'car/note', type: 'text' }, rateHz: 2, value: (s) => `note ${s}` };

t.test('a viewer is greeted, then told every channel', async (t) => {
  const bench = new Bench([SINE, STEPS, NOTE]);
  bench.open();
  t.same(
    bench.frames.map((frame) => frame.type),
    ['hello', 'dictionary'],
  );
  const dictionary = bench.frames[1] as Dictionary;
  t.equal(dictionary.total, 3);
  t.same(
    dictionary.channels.map((channel) => channel.name),
    ['car/sine', 'car/steps', 'car/note'],
  );
});

t.test('a new chart gets 60 s of history at once, aligned to its columns and equal to the samples', async (t) => {
  const bench = new Bench([SINE]);
  bench.open();
  bench.subscribe({ charts: [1] });
  bench.run(0.02);
  const history = bench.of('history')[0] as History;
  t.equal(history.columns, 600);
  t.equal(history.columnUs, 100_000);
  t.equal(history.from % history.columnUs, 0);
  t.ok(history.from + history.columns * history.columnUs > bench.utc, 'the last column holds now');
  t.ok(history.index.length >= 599, `${history.index.length} columns have samples`);
  const [samples] = [...bench.telemetry.raw(1, history.from + 3 * 100_000, history.from + 4 * 100_000)];
  const values = Array.from(samples?.values ?? [], Number);
  const at = history.index.indexOf(3);
  t.equal(history.min[at], Math.min(...values));
  t.equal(history.max[at], Math.max(...values));
  t.equal(history.last[at], values.at(-1));
});

t.test('history and ticks together tell every sample', async (t) => {
  const bench = new Bench([SINE]);
  bench.open();
  bench.subscribe({ charts: [1] });
  bench.run(2.5);
  const [history] = bench.of('history');
  const charts = bench.of('tick').flatMap((tick) => tick.charts.filter((news) => news.count > 0));
  const told = charts.reduce((sum, news) => sum + news.count, 0);
  const lastTold = charts.at(-1)?.time ?? 0;
  t.equal(bench.of('history').length, 1);
  const historyEnd = START + 1e6 / 60;
  const [samples] = [...bench.telemetry.raw(1, historyEnd, lastTold + 1)];
  t.equal(told, samples?.times.length, 'as many as were committed between the history and the newest tick');
  const values = Array.from(samples?.values ?? [], Number);
  t.equal(Math.min(...charts.map((news) => news.min)), Math.min(...values));
  t.equal(Math.max(...charts.map((news) => news.max)), Math.max(...values));
  t.ok(history !== undefined && history.index.length > 0);
});

for (const frameRate of [1, 10, 30, 60]) {
  t.test(`a viewer that wants ${frameRate} frames a second gets them`, async (t) => {
    const bench = new Bench([SINE]);
    bench.open();
    bench.subscribe({ charts: [1], frameRate, rowRate: 1 });
    bench.run(4);
    const ticks = bench.of('tick').filter((tick) => tick.charts.length > 0).length;
    t.ok(Math.abs(ticks - 4 * frameRate) <= 2, `${ticks} ticks in 4 s`);
  });
}

t.test('rows come at their own rate, with the latest value at once, and never twice for a chart', async (t) => {
  const bench = new Bench([SINE, STEPS, NOTE]);
  bench.open();
  bench.subscribe({ charts: [1], rows: [1, 2, 3], rowRate: 4 });
  bench.run(0.02);
  const first = bench.of('tick')[0] as Tick;
  t.same(
    first.rows.map(({ channel, last }) => ({ channel, last })),
    [{ channel: 2, last: bench.telemetry.latest(2)?.value }],
  );
  t.equal(first.texts[0]?.text, bench.telemetry.latest(3)?.value);
  t.equal(first.texts[0]?.count, 0, 'the latest value is told as no news');
  bench.run(3);
  const withRow = bench.of('tick').filter((tick) => tick.rows.length > 0).length;
  t.ok(withRow >= 11 && withRow <= 14, `${withRow} times in 3 s`);
  t.notOk(bench.of('tick').some((tick) => tick.rows.some((row) => row.channel === 1)));
});

t.test('a late sample does not replace the newest value', async (t) => {
  const bench = new Bench([STEPS]);
  bench.telemetry.silence('car/steps', true);
  bench.open();
  bench.subscribe({ charts: [1] });
  bench.run(0.1);
  bench.telemetry.push(1, [bench.utc], [3]);
  bench.telemetry.push(1, [bench.utc - 5e6], [-9]);
  bench.frames.length = 0;
  bench.run(0.1);
  const [news] = bench.of('tick').flatMap((tick) => tick.charts);
  t.match(news, { count: 2, last: 3, min: -9, max: 3 });
});

t.test('a channel that gives only NaN is told without min and max', async (t) => {
  const bench = new Bench([{ ...SINE, value: () => Number.NaN }]);
  bench.open();
  bench.subscribe({ charts: [1] });
  bench.run(0.2);
  const news = bench.of('tick').flatMap((tick) => tick.charts);
  t.ok(news.some(({ count, min, max, last }) => count > 0 && [min, max, last].every(Number.isNaN)));
});

t.test('a slow viewer gets no tick while its socket is full, then one tick for the whole time', async (t) => {
  const bench = new Bench([SINE]);
  bench.open();
  bench.subscribe({ charts: [1] });
  bench.run(0.5);
  bench.buffered = BUFFERED_BYTES_MAX;
  bench.frames.length = 0;
  bench.run(10);
  t.same(bench.frames, [], 'nothing is sent, not even status or history');
  t.ok(bench.hub.counters.ticksSkipped > 250, `${bench.hub.counters.ticksSkipped} skipped`);
  bench.buffered = 0;
  bench.run(0.04);
  const [news] = bench.of('tick').flatMap((tick) => tick.charts);
  t.ok((news?.count ?? 0) >= 10_000, `${news?.count} samples in one tick`);
  t.ok((news?.min ?? 0) < -0.999 && (news?.max ?? 0) > 0.999, 'with min and max of the whole time');
});

t.test('a viewer that does not confirm ticks gets at most the number that may be on their way', async (t) => {
  const bench = new Bench([SINE]);
  bench.open();
  bench.subscribe({ charts: [1] });
  bench.run(10, { confirms: false });
  t.equal(bench.of('tick').length, TICKS_UNSEEN_MAX);
  bench.run(0.2);
  t.ok(bench.of('tick').length > TICKS_UNSEEN_MAX, 'it goes on once they are confirmed');
});

t.test('a history is sent again for another span, and for a chart that comes back', async (t) => {
  const bench = new Bench([SINE, STEPS]);
  bench.open();
  const histories = (wish: Partial<Subscribe>) => {
    bench.frames.length = 0;
    bench.subscribe(wish);
    bench.run(0.1);
    return bench.of('history').map((history) => history.channel);
  };
  t.same(histories({ charts: [1] }), [1]);
  t.same(histories({ charts: [2, 1] }), [2]);
  t.same(histories({ charts: [1, 2] }), []);
  t.same(histories({ charts: [1, 2], historySeconds: 10 }), [1, 2]);
  t.same(histories({ charts: [], historySeconds: 10 }), []);
  t.same(histories({ charts: [2], historySeconds: 10 }), [2]);
});

t.test('what a history tells is not told again by the tick behind it', async (t) => {
  const bench = new Bench([SINE]);
  bench.telemetry.silence('car/sine', true);
  bench.open();
  bench.subscribe({ charts: [1] });
  bench.run(0.2);
  bench.telemetry.push(1, [bench.utc], [99]);
  bench.frames.length = 0;
  bench.subscribe({ charts: [1], historySeconds: 10 });
  bench.run(0.2);
  t.equal(bench.of('history')[0]?.max.at(-1), 99);
  const told = bench.of('tick').flatMap((tick) => tick.charts);
  t.match(told, [{ count: 0, last: 99 }]);
});

t.test('a chart of text and ids that nobody knows are left out', async (t) => {
  const bench = new Bench([SINE, NOTE]);
  bench.open();
  bench.subscribe({ charts: [1, 2, 77], rows: [99] });
  bench.run(1);
  t.same(
    bench.of('history').map((history) => history.channel),
    [1],
  );
  t.equal(bench.hub.counters.historiesFailed, 0);
});

t.test('a channel that appears later is told, and can be watched', async (t) => {
  const bench = new Bench([SINE]);
  bench.open();
  bench.run(0.5);
  const added = bench.telemetry.add({ ...STEPS, rateHz: 100 });
  bench.run(0.1);
  t.same(
    bench.of('dictionary').map(({ total, channels }) => ({ total, ids: channels.map(({ id }) => id) })),
    [
      { total: 1, ids: [1] },
      { total: 2, ids: [added.id] },
    ],
  );
  bench.subscribe({ rows: [added.id] });
  bench.run(0.5);
  t.ok(bench.of('tick').some((tick) => tick.rows.some((row) => row.channel === added.id && row.count > 0)));
});

t.test('five thousand channels come in pieces and one is not repeated', async (t) => {
  const many = Array.from({ length: 5000 }, (_, i) => ({ ...STEPS, definition: { name: `car/c${i}` }, rateHz: 0.1 }));
  const bench = new Bench(many);
  bench.open();
  bench.run(2);
  const ids = bench.of('dictionary').flatMap(({ channels }) => channels.map(({ id }) => id));
  t.equal(ids.length, 5000);
  t.equal(new Set(ids).size, 5000);
  t.ok(bench.of('dictionary').every(({ channels }) => channels.length <= 256));
});

t.test('a viewer that has gone is not followed any more', async (t) => {
  const bench = new Bench([SINE]);
  const viewer = bench.open();
  bench.subscribe({ charts: [1] });
  bench.run(0.5);
  bench.hub.close(viewer);
  bench.viewer = undefined;
  bench.frames.length = 0;
  bench.run(0.5);
  t.same(bench.frames, []);
  t.equal(bench.hub.viewers, 0);
  t.equal(bench.telemetry.listeners, 1);
  bench.hub.stop();
  t.equal(bench.telemetry.listeners, 0);
});

t.test('an invalid frame disconnects its viewer and is counted', async (t) => {
  const bench = new Bench([SINE]);
  const viewer = bench.open();
  bench.hub.receive(viewer, Uint8Array.of(1, 0, 14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0));
  t.same(bench.closes, [1007]);
  t.equal(bench.hub.counters.framesInvalid, 1);
});

t.test('every tick tells the newest sample of the store, watched or not', async (t) => {
  const bench = new Bench([SINE, STEPS]);
  bench.open();
  bench.subscribe({ rows: [2] });
  bench.run(1);
  const { now, newest } = bench.of('tick').at(-1) ?? { now: 0, newest: Number.NaN };
  t.ok(now - newest < 20e3, `${now - newest} us old`);
});

t.test('a hub over a store that gets nothing says how old its newest sample is', async (t) => {
  const bench = new Bench([SINE]);
  bench.telemetry.silence('car/sine', true);
  bench.open();
  bench.subscribe({});
  bench.run(1);
  t.equal(bench.of('tick').at(-1)?.newest, START);
});

t.test('what is stale is told at every subscription, and when it changes, of what the viewer watches', async (t) => {
  const bench = new Bench([SINE, STEPS, NOTE]);
  bench.open();
  const told = () => bench.of('stale').map(({ channels }) => channels);
  bench.run(8);
  t.same(told(), [], 'nothing before the viewer watches something');
  bench.telemetry.silence('car/steps', true);
  bench.run(6);
  bench.subscribe({ charts: [1], rows: [3] });
  bench.run(2);
  t.same(told(), [[]]);
  bench.subscribe({ charts: [1], rows: [2, 3] });
  bench.run(2);
  t.same(told(), [[], [2]]);
  bench.telemetry.silence('car/sine', true);
  bench.telemetry.silence('car/steps', false);
  bench.run(6);
  t.same(told(), [[], [2], [], [1]]);
});

t.test('a viewer whose socket is full is told what is stale when it has caught up', async (t) => {
  const bench = new Bench([SINE]);
  bench.open();
  bench.run(8);
  bench.subscribe({ charts: [1] });
  bench.buffered = BUFFERED_BYTES_MAX;
  bench.run(2);
  t.same(bench.of('stale'), []);
  bench.buffered = 0;
  bench.run(0.1);
  t.same(bench.of('stale'), [{ type: 'stale', channels: [] }]);
});

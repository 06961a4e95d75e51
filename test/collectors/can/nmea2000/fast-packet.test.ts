import fc from 'fast-check';
import t from 'tap';
import { FAST_PACKET_BYTES_MAX, FastPackets } from '../../../../collectors/can/nmea2000/fast-packet.ts';
import { fastFrames } from './fast-frames.ts';

interface Part {
  readonly source: number;
  /** Hex. */
  readonly data: string;
  /** Microseconds; 0 where it is left out. */
  readonly time?: number;
}

/** Whole messages as `source:hex`, and what was lost by reason. */
function assemble(parts: readonly Part[]): { messages: string[]; lost: Record<string, number> } {
  const lost: Record<string, number> = {};
  const packets = new FastPackets((reason) => {
    lost[reason] = (lost[reason] ?? 0) + 1;
  });
  const messages: string[] = [];
  for (const { source, data, time = 0 } of parts) {
    const bytes = Uint8Array.from(Buffer.from(data, 'hex'));
    const id = { pgn: 129029, source, destination: 255 };
    const message = packets.take(id, new DataView(bytes.buffer), 0, bytes.length, time);
    if (message === undefined) continue;
    messages.push(`${source}:${Buffer.from(message.view.buffer, 0, message.length).toString('hex').toUpperCase()}`);
  }
  return { messages, lost };
}

const counting = (length: number) => Uint8Array.from({ length }, (_, n) => n + 1);
const hexOf = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex').toUpperCase();
const from = (source: number, frames: readonly string[]): Part[] => frames.map((data) => ({ source, data }));

const BYTES = counting(20);
const WHOLE = `1:${hexOf(BYTES)}`;
const FRAMES = fastFrames(BYTES, 2);

t.test('messages of every length are put together', async (t) => {
  for (let length = 1; length <= FAST_PACKET_BYTES_MAX; length += 1) {
    const bytes = counting(length);
    t.same(assemble(from(1, fastFrames(bytes, length & 7))), { messages: [`1:${hexOf(bytes)}`], lost: {} });
  }
});

t.test('frames in another order, and frames that come twice, give one message', async (t) => {
  const [first = '', ...rest] = FRAMES;
  for (const frames of [
    [first, ...rest.toReversed()],
    [first, ...rest.slice(0, -1).flatMap((frame) => [frame, frame]), rest.at(-1) ?? ''],
  ]) {
    t.same(assemble(from(1, frames)), { messages: [WHOLE], lost: {} });
  }
});

t.test('senders may be mixed in any way', async () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.record({ source: fc.integer({ min: 0, max: 3 }), bytes: fc.uint8Array({ minLength: 1, maxLength: 223 }) }),
        { maxLength: 8 },
      ),
      fc.infiniteStream(fc.nat()),
      (messages, choices) => {
        const queues = new Map<number, Part[]>();
        for (const [n, { source, bytes }] of messages.entries()) {
          queues.set(source, [...(queues.get(source) ?? []), ...from(source, fastFrames(bytes, n & 7))]);
        }
        const mixed: Part[] = [];
        for (let open = [...queues.values()]; open.length > 0; open = open.filter(({ length }) => length > 0)) {
          const queue = open[(choices.next().value ?? 0) % open.length] ?? [];
          mixed.push(...queue.splice(0, 1));
        }
        const { messages: found, lost } = assemble(mixed);
        const expected = messages.map(({ source, bytes }) => `${source}:${hexOf(bytes)}`);
        return Object.keys(lost).length === 0 && `${found.toSorted()}` === `${expected.toSorted()}`;
      },
    ),
    { numRuns: 200 },
  );
});

const SECOND = 1_000_000;
/** Longer than a message may be silent. */
const LATE = 3 * SECOND;

t.test('a message of which frames lack is counted by reason, and the next comes', async (t) => {
  const [first = '', second = '', third = ''] = FRAMES;
  const other = fastFrames(counting(30), 3);
  const cases: [Record<string, number>, Part[]][] = [
    [{ 'fast-packet-without-start': 1 }, from(1, [second])],
    [{ 'fast-packet-unfinished': 1 }, from(1, [first, second])],
    [{ 'fast-packet-unfinished': 1, 'fast-packet-without-start': 2 }, from(1, [first, ...other.slice(1, 3)])],
    [{ 'fast-packet-unfinished': 1 }, from(1, [first, third])],
    [{ 'fast-packet-malformed': 1 }, from(1, ['40'])],
    [{ 'fast-packet-malformed': 1 }, from(1, ['4000FFFFFFFFFFFF'])],
    [{ 'fast-packet-malformed': 1 }, from(1, ['40E0FFFFFFFFFFFF'])],
    [{ 'fast-packet-malformed': 1 }, from(1, ['4014FFFFFF'])],
    [{ 'fast-packet-malformed': 1 }, from(1, [first, '43FFFFFFFFFFFFFF'])],
    [{ 'fast-packet-malformed': 1 }, from(1, [first, '41FFFF'])],
    [{ 'fast-packet-timeout': 1 }, [...from(1, [first]), { source: 1, data: second, time: LATE }]],
  ];
  for (const [lost, parts] of cases) {
    const next = from(1, FRAMES).map((part) => ({ ...part, time: 2 * LATE }));
    t.same(assemble([...parts, ...next]), { messages: [WHOLE], lost }, JSON.stringify(parts));
  }
});

t.test('parts of two messages never become one, whichever frames are lost', async () => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), { minLength: 60, maxLength: 60 }), (isLost) => {
      const sent = Array.from({ length: 20 }, (_, n) => new Uint8Array(20).fill(n + 1));
      const parts = sent.flatMap((bytes, n) => from(1, fastFrames(bytes, n & 7)));
      const { messages } = assemble(parts.filter((_, n) => isLost[n] !== true));
      return messages.every((message) => sent.some((bytes) => message === `1:${hexOf(bytes)}`));
    }),
    { numRuns: 300 },
  );
});

t.test('whatever comes, no more than 256 messages are under way', async (t) => {
  const parts = Array.from({ length: 1000 }, (_, n) => ({ source: n, data: FRAMES[0] ?? '' }));
  const { lost } = assemble(parts);
  t.same(lost, { 'fast-packet-unfinished': 1000 - 256 });
  const late = assemble([...parts.slice(0, 100), { source: 7000, data: FRAMES[0] ?? '', time: LATE }]);
  t.same(late.lost, { 'fast-packet-timeout': 100 }, 'what is silent for too long is given up');
});

t.test('any frames give messages of a possible length, or are counted', async () => {
  const frame = fc.record({ source: fc.integer({ min: 0, max: 2 }), bytes: fc.uint8Array({ maxLength: 8 }) });
  fc.assert(
    fc.property(fc.array(frame, { maxLength: 300 }), (frames) => {
      const parts = frames.map(({ source, bytes }) => ({ source, data: hexOf(bytes) }));
      return assemble(parts).messages.every((message) => message.length <= 2 + 2 * FAST_PACKET_BYTES_MAX);
    }),
    { numRuns: 300 },
  );
});

/**
 * A million inputs a decoder: pieces of real messages and hostile bytes, mixed. What cannot be read is refused by its reason, nothing
 * else is ever thrown, and time and room stay in proportion.
 */
import { Buffer } from 'node:buffer';
import process from 'node:process';
import { isDeepStrictEqual } from 'node:util';
import { encode as encodeMessagePack } from '@msgpack/msgpack';
import { encode as encodeCbor } from 'cborg';
import fc from 'fast-check';
import t from 'tap';
import { mqttSettings } from '../../../collectors/mqtt/config.ts';
import { encodePackedFrame } from '../../../collectors/mqtt/packed-frame.ts';
import { FramingError, PacketFramer, type WirePacket } from '../../../collectors/mqtt/packet-framer.ts';
import {
  inspectConnect,
  inspectFilters,
  inspectPublish,
  SUBSCRIBE,
  UNSUBSCRIBE,
} from '../../../collectors/mqtt/packet-rules.ts';
import { SparkplugHost } from '../../../collectors/mqtt/sparkplug/sparkplug-host.ts';
import { TopicNames } from '../../../collectors/mqtt/topic-names.ts';
import { PayloadError } from '../../../collectors/payload/payload-error.ts';
import { MESSAGE_SAMPLES_MAX, SampleBatch } from '../../../collectors/payload/sample-batch.ts';
import { FUZZ_RUNS, microsecondsEach, piecesOf } from '../../fuzz.ts';
import {
  connectPacket,
  DISCONNECT_PACKET,
  field,
  idBytes,
  PINGREQ_PACKET,
  packet,
  publishPacket,
  pubrelPacket,
} from './raw-client.ts';
import { decoderOf, type Rule } from './read-message.ts';
import { encodeSparkplug } from './sparkplug-edge.ts';

/** Most CPU time that an input of some hundred bytes, read twice, may take on average, microseconds. */
const AVERAGE_US_MAX = 1_000;

const VALUE = {
  at: 1_700_000_000.25,
  temperature: -12.5e-3,
  ok: true,
  state: 'running \u00e9 \ud83d\ude00',
  none: null,
  axes: [1, -2, 3.5, { x: 1e300, y: 0.1 + 0.2 }],
  deep: { a: { b: { c: [[1], [2, [3]]] } } },
};

/** What is sent, by the payload it is read as. */
const PAYLOADS: Readonly<Record<string, readonly Uint8Array[]>> = {
  json: [JSON.stringify(VALUE), JSON.stringify(VALUE, undefined, 2), '[1,2,{"a":"\\u0041\\n"}]', '-0.5e-7'].map(
    (text) => Buffer.from(text),
  ),
  cbor: [encodeCbor(VALUE), encodeCbor([1n << 62n, -5, 'a']), Buffer.from('d9d9f7a16161c11a514b67b0', 'hex')],
  msgpack: [encodeMessagePack(VALUE), encodeMessagePack([new Date(1.7e12), 2 ** 40, new Uint8Array(9)])],
  packed: [
    encodePackedFrame({
      baseTimeUs: 1_700_000_000_000_000,
      channels: [
        { name: 'a', type: 'i16', gain: 0.5, offset: 1, firstUs: 0, intervalUs: 100, values: Int16Array.of(1, 2, -3) },
        { name: 'b/c', type: 'f64', firstUs: 5, intervalUs: 100, values: Float64Array.of(0.1, Number.NaN) },
      ],
    }),
  ],
  number: ['12.5', ' -1e-3 ', 'nan', '+inf'].map((text) => Buffer.from(text)),
};

const TIMESTAMPS: readonly NonNullable<Rule['timestamp']>[] = ['arrival', { field: 'at', unit: 's' }];

/** Kinds, values and times of what `action` adds, or why it adds nothing. */
function outcomeOf(batch: SampleBatch, action: () => void): unknown {
  try {
    action();
  } catch (error) {
    if (error instanceof PayloadError) return error.reason;
    throw error;
  }
  if (batch.count > MESSAGE_SAMPLES_MAX) throw new Error(`${batch.count} samples`);
  return [batch.values.slice(0, batch.count), batch.times.slice(0, batch.count), [...batch.faults.keys()]];
}

for (const [name, wires] of Object.entries(PAYLOADS)) {
  t.test(`${name}: whatever comes is read alike by who met it before, or refused by its reason`, async (t) => {
    const soup = fc.array(fc.constantFrom(...Buffer.from('{}[]":,-+.eE0123456789 \\u\nntrfals'), 0xa1, 0xdf, 0x9b), {
      maxLength: 60,
    });
    const body = fc.oneof(
      fc.array(piecesOf(wires), { minLength: 1, maxLength: 3 }).map((pieces) => Buffer.concat(pieces)),
      soup.map((bytes) => Buffer.from(bytes)),
    );
    const batch = new SampleBatch();
    const rules = TIMESTAMPS.map((timestamp) => ({ filter: '#', payload: name, timestamp }) as Rule);
    const known = rules.map((rule) => decoderOf(rule));
    let runs = 0;
    const before = process.cpuUsage();
    fc.assert(
      fc.property(body, fc.nat(TIMESTAMPS.length - 1), fc.nat(15), (bytes, which, topic) => {
        runs += 1;
        const again = outcomeOf(batch, () => known[which]?.read(`t/${topic}`, bytes, batch));
        const rule = rules[which];
        const first = rule && outcomeOf(batch, () => decoderOf(rule).read(`t/${topic}`, bytes, batch));
        return isDeepStrictEqual(again, first);
      }),
      { numRuns: FUZZ_RUNS },
    );
    const each = microsecondsEach(before, runs);
    t.ok(each < AVERAGE_US_MAX, `${each.toFixed(1)} microseconds an input`);
  });
}

t.test('Sparkplug: a host takes whatever nodes send, in any order', async (t) => {
  const born = encodeSparkplug({
    timestamp: 1,
    seq: 0,
    metrics: [
      { name: 'bdSeq', datatype: 8, longValue: '3' },
      {
        name: 'a/b',
        alias: 1,
        datatype: 10,
        doubleValue: 1.5,
        properties: { keys: ['unit'], values: [{ stringValue: 'V' }] },
      },
      { name: 'c', alias: 2, datatype: 12, stringValue: 'text' },
      { name: 'd', alias: 3, datatype: 16, datasetValue: { columns: ['x'] } },
    ],
  });
  const data = Array.from({ length: 4 }, (_, seq) =>
    encodeSparkplug({
      timestamp: 2,
      seq,
      metrics: [{ alias: seq, doubleValue: seq, timestamp: 5, isHistorical: true }],
    }),
  );
  const death = encodeSparkplug({ metrics: [{ name: 'bdSeq', datatype: 8, longValue: '3' }] });
  const types = ['NBIRTH', 'NDATA', 'NDEATH', 'NCMD', 'DBIRTH/d', 'DDATA/d', 'DDEATH/d', 'STATE', 'X'] as const;
  const topic = fc
    .tuple(fc.constantFrom(...types), fc.nat(2))
    .map(([type, node]) => `spBv1.0/g/${type.split('/')[0]}/n${node}${type.startsWith('D') ? '/d' : ''}`);
  const batch = new SampleBatch();
  let host = new SparkplugHost('', () => {});
  let runs = 0;
  const before = process.cpuUsage();
  fc.assert(
    fc.property(topic, piecesOf([born, ...data, death]), fc.nat(), fc.boolean(), (name, bytes, now, isAgain) => {
      runs += 1;
      batch.clear();
      outcomeOf(batch, () => host.read(name, bytes, batch, now, isAgain));
      if (runs % 10_000 === 0) host = new SparkplugHost('', () => {});
    }),
    { numRuns: FUZZ_RUNS },
  );
  const each = microsecondsEach(before, runs);
  t.ok(each < AVERAGE_US_MAX, `${each.toFixed(1)} microseconds an input`);
});

t.test('packets: a stream gives the same packets whole and split, and none is judged beyond its bytes', async (t) => {
  const { limits } = mqttSettings({ limits: { packetBytesMax: 1024, topicBytesMax: 40, topicLevelsMax: 5 } });
  const wires = [
    connectPacket('a', { will: { topic: 'w', payload: 'gone' } }),
    connectPacket('b', { level: 3, protocol: 'MQIsdp', keepAliveS: 9 }),
    ...([0, 1, 2] as const).map((qos) => publishPacket('a/b', 'payload', { qos, retain: qos === 1, dup: qos > 0 })),
    publishPacket('large', Buffer.alloc(1500), { qos: 1 }),
    packet(0x82, idBytes(1), field('a/+/#'), Buffer.of(1), field('b'), Buffer.of(2)),
    packet(0xa2, idBytes(2), field('a/+/#')),
    pubrelPacket(3),
    PINGREQ_PACKET,
    DISCONNECT_PACKET,
  ];
  const topics = new TopicNames(limits);
  const judge = (met: WirePacket): unknown => {
    const connect = inspectConnect(met, limits);
    const publish = inspectPublish(met, topics);
    const isList = met.type === SUBSCRIBE || met.type === UNSUBSCRIBE;
    if (publish.payloadAt > met.bytes.length)
      throw new Error(`a payload at ${publish.payloadAt} of ${met.bytes.length}`);
    return [met.type, met.flags, met.oversized, met.bytes, connect, publish, isList && inspectFilters(met, limits)];
  };
  const take = (chunks: readonly Buffer[]): unknown[] => {
    const framer = new PacketFramer(limits.packetBytesMax, 64);
    const met: unknown[] = [];
    try {
      for (const chunk of chunks) {
        framer.feed(chunk);
        for (let next = framer.next(); next !== undefined; next = framer.next()) met.push(judge(next));
      }
    } catch (error) {
      if (!(error instanceof FramingError)) throw error;
      met.push('framing');
    }
    return met;
  };
  const stream = fc.array(piecesOf(wires), { maxLength: 4 }).map((pieces) => Buffer.concat(pieces));
  let runs = 0;
  const before = process.cpuUsage();
  fc.assert(
    fc.property(stream, fc.nat(), fc.nat(), (bytes, one, other) => {
      runs += 1;
      const [from = 0, to = 0] = [one % (bytes.length + 1), other % (bytes.length + 1)].sort((a, b) => a - b);
      const split = take([bytes.subarray(0, from), bytes.subarray(from, to), bytes.subarray(to)]);
      return isDeepStrictEqual(split, take([bytes]));
    }),
    { numRuns: FUZZ_RUNS },
  );
  const each = microsecondsEach(before, runs);
  t.ok(each < AVERAGE_US_MAX, `${each.toFixed(1)} microseconds an input`);
});

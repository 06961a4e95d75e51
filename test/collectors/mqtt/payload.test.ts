import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import t from 'tap';
import type { TopicRule } from '../../../collectors/mqtt/config.ts';
import { encodePackedFrame, type PackedFrame } from '../../../collectors/mqtt/packed-frame.ts';
import { parseNumber } from '../../../collectors/mqtt/payload/number.ts';
import { utcMicroseconds } from '../../../collectors/mqtt/payload/time.ts';
import { FIELDS_REMEMBERED_MAX } from '../../../collectors/mqtt/topic-decoder.ts';
import { PayloadError } from '../../../collectors/payload/payload-error.ts';
import { MESSAGE_SAMPLES_MAX, SampleBatch } from '../../../collectors/payload/sample-batch.ts';
import { decoderOf, type Rule, read, reasonOf } from './read-message.ts';

const readable: [what: string, payload: string, samples: unknown[]][] = [
  ['a number', '12.5', [['a/b', 0, 12.5]]],
  ['a number with white space', ' -3e2\n', [['a/b', 0, -300]]],
  ['infinity', '-inf', [['a/b', 0, Number.NEGATIVE_INFINITY]]],
  ['a boolean', 'true', [['a/b', 0, true]]],
  ['a word', 'open', [['a/b', 0, 'open']]],
  ['a JSON string', '"open"', [['a/b', 0, 'open']]],
  ['text that only begins as a JSON string', '"open', [['a/b', 0, '"open']]],
  [
    'a flat object',
    '{"x":1,"on":false,"s":"hi"}',
    [
      ['a/b/x', 0, 1],
      ['a/b/on', 0, false],
      ['a/b/s', 0, 'hi'],
    ],
  ],
  [
    'nested objects and arrays',
    '{"p":{"q":[7,{"r":8}]}}',
    [
      ['a/b/p/q/0', 0, 7],
      ['a/b/p/q/1/r', 0, 8],
    ],
  ],
  ['null, which is no sample', '{"x":null,"y":2}', [['a/b/y', 0, 2]]],
  [
    'an array of numbers',
    '[1,2]',
    [
      ['a/b/0', 0, 1],
      ['a/b/1', 0, 2],
    ],
  ],
  ['a field named as the prototype', '{"__proto__":4}', [['a/b/__proto__', 0, 4]]],
  ['-0', '-0', [['a/b', 0, -0]]],
];
for (const [what, payload, samples] of readable) {
  t.test(`reads ${what} without a rule`, async (t) => t.strictSame(read(payload), samples));
}

const device = { field: 'ts', unit: 'ms' } as const;
const refused: [what: string, reason: string, payload: string | Uint8Array, rule?: Omit<Rule, 'filter'>][] = [
  ['no bytes', 'empty-payload', ''],
  ['bytes that are nothing known', 'payload-unrecognised', Uint8Array.of(0xff, 0xfe, 1)],
  ['control characters', 'payload-unrecognised', 'ab\u0007'],
  ['half an object', 'json-invalid', '{"x":1'],
  ['JSON that is not UTF-8', 'json-invalid', Uint8Array.of(0x22, 0xff, 0x22), { payload: 'json' }],
  ['a word where a number should be', 'number-invalid', 'open', { payload: 'number' }],
  ['a hexadecimal number', 'number-invalid', '0x10', { payload: 'number' }],
  ['two numbers', 'number-invalid', '1 2', { payload: 'number' }],
  ['an object of nulls', 'no-samples', '{"x":null}'],
  ['deep nesting', 'too-deep', `${'['.repeat(40)}1${']'.repeat(40)}`],
  [
    'more samples than a message may hold',
    'too-many-samples',
    JSON.stringify(new Array(MESSAGE_SAMPLES_MAX + 1).fill(1)),
  ],
  ['no time where the rule wants one', 'time-missing', '{"x":1}', { timestamp: device }],
  ['a time that is none', 'time-invalid', '{"x":1,"ts":"noon"}', { timestamp: device }],
  ['a time before 1970', 'time-invalid', '{"x":1,"ts":-5}', { timestamp: device }],
  ['a plain number where the rule wants a time', 'time-missing', '12', { timestamp: device }],
  ['text where a packed frame should be', 'packed-invalid', 'hello', { payload: 'packed' }],
  ['a packed frame that is cut', 'packed-invalid', Uint8Array.of(0xca, 0x15, 1, 14)],
];
for (const [what, reason, payload, rule] of refused) {
  t.test(`refuses ${what} as ${reason}`, async (t) => {
    t.equal(
      reasonOf(() => read(payload, rule)),
      reason,
    );
  });
}

t.test('the time of the device is taken from its field, which is no sample itself', async (t) => {
  t.strictSame(read('{"ts":1700000000123,"x":1}', { timestamp: device }), [['a/b/x', 1_700_000_000_123_000, 1]]);
  const nested = { field: 'meta/at', unit: 'iso' } as const;
  t.strictSame(read('{"meta":{"at":"2023-11-14T22:13:20.000001Z","n":3},"x":1}', { timestamp: nested }), [
    ['a/b/meta/n', 1_700_000_000_000_001, 3],
    ['a/b/x', 1_700_000_000_000_001, 1],
  ]);
});

t.test('an array of objects with device times is a series', async (t) => {
  t.strictSame(read('[{"ts":1,"x":10},{"ts":2,"x":20}]', { timestamp: device }), [
    ['a/b/x', 1000, 10],
    ['a/b/x', 2000, 20],
  ]);
});

t.test('times are read in every unit', async (t) => {
  const cases = [
    [1700000000.25, 's', 1_700_000_000_250_000],
    [1700000000250, 'ms', 1_700_000_000_250_000],
    [1_700_000_000_250_000, 'us', 1_700_000_000_250_000],
    ['1700000000250000999', 'ns', 1_700_000_000_250_001],
    ['2023-11-14T22:13:20Z', 'iso', 1_700_000_000_000_000],
    ['2023-11-15T00:13:20.5+02:00', 'iso', 1_700_000_000_500_000],
    ['2023-11-14T20:13:20.123456789-0200', 'iso', 1_700_000_000_123_457],
  ] as const;
  for (const [value, unit, expected] of cases) t.equal(utcMicroseconds(value, unit), expected, `${value} ${unit}`);
  for (const value of ['2023-11-14T22:13:20', '2023-13-14T22:13:20Z', 5, null, {}]) {
    t.equal(
      reasonOf(() => utcMicroseconds(value, 'iso')),
      'time-invalid',
    );
  }
  for (const value of ['', ' ', 'x', true, Number.NaN, 1e300]) {
    t.equal(
      reasonOf(() => utcMicroseconds(value, 'us')),
      'time-invalid',
    );
  }
});

t.test('lines are read below the channel of the rule, and the bad ones are counted beside the good', async (t) => {
  const rule = { payload: 'line', line: { precision: 's', channel: '{tag.pump}/{field}' } } as const;
  const decoder = decoderOf({ filter: '#', channel: 'plant', ...rule });
  const payload = 'm,pump=p1 bar=3.5,on=t,mode="fill" 1700000000\nm bar=\nm,pump=p2 bar=4\nm bar=x';
  t.strictSame(read(payload, rule, decoder), [
    ['plant/p1/bar', 1.7e15, 3.5],
    ['plant/p1/on', 1.7e15, true],
    ['plant/p1/mode', 1.7e15, 'fill'],
    ['plant/p2/bar', 0, 4],
  ]);
  const batch = new SampleBatch();
  decoder.read('a/b', Buffer.from(payload), batch);
  t.strictSame([...batch.faults.keys()], ['line-field', 'line-value']);
  t.match(batch.faults.get('line-field'), { parts: 1, detail: '(line 2)' });
  t.equal(
    reasonOf(() => read('# nothing', rule)),
    'no-samples',
  );
});

const frame: PackedFrame = {
  baseTimeUs: 1e15,
  channels: [
    { type: 'i16', name: 'p', firstUs: 0, intervalUs: 100, gain: 0.5, offset: 1, values: Int16Array.of(2, -32_768, 4) },
    { type: 'bool', name: '', firstUs: 50, intervalUs: 0, values: Uint8Array.of(1) },
  ],
};

t.test('a packed frame is recognised by its first bytes and read with the times of the device', async (t) => {
  t.strictSame(read(encodePackedFrame(frame)), [
    ['a/b/p', 1e15, 2],
    ['a/b/p', 1e15 + 200, 3],
    ['a/b', 1e15 + 50, true],
  ]);
});

t.test('a packed frame without a base time ends at the moment of arrival', async (t) => {
  t.strictSame(read(encodePackedFrame({ ...frame, baseTimeUs: 0 })), [
    ['a/b/p', -200, 2],
    ['a/b/p', 0, 3],
    ['a/b', -150, true],
  ]);
});

t.test('a packed frame keeps the payload of a NaN', async (t) => {
  const bits = BigUint64Array.of(0xfff8_dead_beef_0042n, 0x7ff0_0000_0000_0001n);
  const values = new Float64Array(bits.buffer);
  const bytes = encodePackedFrame({
    baseTimeUs: 1,
    channels: [{ type: 'f64', name: 'x', firstUs: 0, intervalUs: 1, values }],
  });
  const batch = new SampleBatch();
  decoderOf().read('a', Buffer.from(bytes), batch);
  t.same(new BigUint64Array(batch.values.slice(0, 2).buffer), bits);
});

t.test('every finite number is read as JavaScript and JSON write it', async () => {
  fc.assert(
    fc.property(fc.double(), (value) => Object.is(parseNumber(String(value)), Object.is(value, -0) ? 0 : value)),
  );
});

t.test('no payload does anything but give samples or a reason', async () => {
  const payload = fc.oneof(
    fc.uint8Array(),
    fc.json().map((text) => Buffer.from(text)),
    fc.string().map((text) => Buffer.from(text)),
  );
  const kind = fc.constantFrom<TopicRule['payload']>('auto', 'json', 'number', 'packed', 'line', 'cbor', 'msgpack');
  fc.assert(
    fc.property(payload, kind, fc.boolean(), (bytes, payload, timed) => {
      try {
        read(bytes, { payload, timestamp: timed ? device : 'arrival' });
        return true;
      } catch (error) {
        return error instanceof PayloadError;
      }
    }),
    { numRuns: 1000 },
  );
});

t.test('fields are forgotten when there are too many, and the next message is still read', async (t) => {
  const decoder = decoderOf();
  const batch = new SampleBatch();
  for (let topic = 0; topic <= FIELDS_REMEMBERED_MAX; topic++) decoder.read(`t/${topic}`, Buffer.from('1'), batch);
  t.equal(decoder.forgotten, 1);
  t.equal(batch.fields[0]?.path, `t/${FIELDS_REMEMBERED_MAX}`);
});

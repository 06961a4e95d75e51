import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import t from 'tap';
import { SparkplugHost } from '../../../collectors/mqtt/sparkplug/sparkplug-host.ts';
import { PayloadError } from '../../../collectors/payload/payload-error.ts';
import { SampleBatch } from '../../../collectors/payload/sample-batch.ts';
import { samplesOf } from '../line-protocol/read-lines.ts';
import { reasonOf } from './read-message.ts';
import { encodeSparkplug, type SentMetric, type SentPayload } from './sparkplug-edge.ts';

const T = 1_700_000_000_000;

class Edge {
  readonly asked: string[] = [];
  readonly host = new SparkplugHost('', (group, node) => this.asked.push(`${group}/${node}`));
  faults: string[] = [];
  now = 0;

  send(topic: string, payload: SentPayload, isAgain = false) {
    const batch = new SampleBatch();
    this.host.read(`spBv1.0/${topic}`, encodeSparkplug({ timestamp: T, ...payload }), batch, this.now, isAgain);
    this.faults = [...batch.faults.keys()];
    return samplesOf(batch);
  }

  /** A node with one aliased and one named metric, and a device with one. */
  born(): this {
    this.send('g/NBIRTH/n', {
      seq: 0,
      metrics: [
        { name: 'bdSeq', datatype: 4, longValue: 7 },
        { name: 'Node Control/Rebirth', datatype: 11, booleanValue: false },
        { name: 'motor/speed', alias: 1, datatype: 10, doubleValue: 1.5 },
        { name: 'mode', datatype: 12, stringValue: 'auto' },
      ],
    });
    this.send('g/DBIRTH/n/d', { seq: 1, metrics: [{ name: 'level', alias: 2, datatype: 3, intValue: 4 }] });
    return this;
  }
}

t.test('births declare metrics, and are samples; session and control metrics are none', async (t) => {
  const edge = new Edge();
  const samples = edge.send('g/NBIRTH/n', {
    seq: 0,
    metrics: [
      { name: 'bdSeq', datatype: 4, longValue: 7 },
      { name: 'Node Control/Rebirth', datatype: 11, booleanValue: false },
      { name: 'motor/speed', alias: 1, datatype: 10, doubleValue: 1.5, timestamp: T + 1 },
    ],
  });
  t.strictSame(samples, [
    ['g/n/motor/speed', (T + 1) * 1e3, 1.5],
    ['g/n/state', undefined, 'online'],
  ]);
  t.strictSame(edge.send('g/DBIRTH/n/d', { seq: 1, metrics: [{ name: 'on', datatype: 11, booleanValue: true }] }), [
    ['g/n/d/on', T * 1e3, true],
    ['g/n/d/state', undefined, 'online'],
  ]);
  t.equal(edge.host.online, 1);
});

t.test('data is told by alias or name', async (t) => {
  const edge = new Edge().born();
  const metrics = [
    { alias: 1, doubleValue: 2.5 },
    { name: 'mode', stringValue: 'manual' },
  ];
  t.strictSame(edge.send('g/NDATA/n', { seq: 2, metrics }), [
    ['g/n/motor/speed', T * 1e3, 2.5],
    ['g/n/mode', T * 1e3, 'manual'],
  ]);
  t.strictSame(edge.send('g/DDATA/n/d', { seq: 3, metrics: [{ alias: 2, intValue: 5 }] }), [
    ['g/n/d/level', T * 1e3, 5],
  ]);
  t.strictSame(edge.asked, []);
});

const values: [what: string, metric: SentMetric, value: number | string | boolean | undefined][] = [
  ['Int8', { datatype: 1, intValue: 0xffff_fffe }, -2],
  ['Int8 in one byte', { datatype: 1, intValue: 0xfe }, -2],
  ['Int16', { datatype: 2, intValue: 0xffff_8000 }, -32_768],
  ['Int32', { datatype: 3, intValue: 0xffff_ffff }, -1],
  ['Int64', { datatype: 4, longValue: '18446744073709551615' }, -1],
  ['UInt8', { datatype: 5, intValue: 254 }, 254],
  ['UInt32', { datatype: 7, intValue: 0xffff_ffff }, 0xffff_ffff],
  ['UInt64', { datatype: 8, longValue: '18446744073709551615' }, 2 ** 64],
  ['Float', { datatype: 9, floatValue: 0.25 }, 0.25],
  ['Double', { datatype: 10, doubleValue: -1e300 }, -1e300],
  ['Double of 0', { datatype: 10, doubleValue: 0 }, 0],
  ['Boolean of false', { datatype: 11, booleanValue: false }, false],
  ['String', { datatype: 12, stringValue: 'ß' }, 'ß'],
  ['DateTime', { datatype: 13, longValue: T }, '2023-11-14T22:13:20.000000Z'],
  ['Text', { datatype: 14, stringValue: '' }, ''],
  ['Bytes, which are no sample', { datatype: 17, bytesValue: Buffer.of(1) }, undefined],
  ['null', { datatype: 10, isNull: true }, undefined],
];
for (const [what, metric, value] of values) {
  t.test(`reads ${what}`, async (t) => {
    const [first] = new Edge().send('g/NBIRTH/n', { seq: 0, metrics: [{ name: 'm', ...metric }] });
    t.strictSame(first, value === undefined ? ['g/n/state', undefined, 'online'] : ['g/n/m', T * 1e3, value]);
  });
}

t.test('the data type of the birth holds for data that does not repeat it', async (t) => {
  const edge = new Edge().born();
  t.strictSame(edge.send('g/DDATA/n/d', { seq: 2, metrics: [{ alias: 2, intValue: 0xffff_fff0 }] }), [
    ['g/n/d/level', T * 1e3, -16],
  ]);
});

t.test('historical samples stand at their own time', async (t) => {
  const edge = new Edge().born();
  const metrics = [{ alias: 1, doubleValue: 9, isHistorical: true, timestamp: T - 3_600_000 }];
  t.strictSame(edge.send('g/NDATA/n', { seq: 2, metrics }), [['g/n/motor/speed', (T - 3_600_000) * 1e3, 9]]);
});

t.test('a time of 0 is none', async (t) => {
  const edge = new Edge().born();
  t.strictSame(edge.send('g/NDATA/n', { timestamp: 0, seq: 2, metrics: [{ alias: 1, doubleValue: 9 }] }), [
    ['g/n/motor/speed', undefined, 9],
  ]);
});

t.test('the unit comes from the properties of the metric', async (t) => {
  const edge = new Edge();
  const batch = new SampleBatch();
  const properties = {
    keys: ['Quality', 'engUnit'],
    values: [
      { type: 3, intValue: 192 },
      { type: 12, stringValue: 'bar' },
    ],
  };
  const payload = encodeSparkplug({ seq: 0, metrics: [{ name: 'p', datatype: 10, doubleValue: 1, properties }] });
  edge.host.read('spBv1.0/g/NBIRTH/n', payload, batch, 0, false);
  t.equal(batch.fields[0]?.unit, 'bar');
});

t.test('data sets and templates are refused by name, what stands beside them is kept', async (t) => {
  const edge = new Edge();
  const samples = edge.send('g/NBIRTH/n', {
    seq: 0,
    metrics: [
      { name: 'table', datatype: 16, datasetValue: { numOfColumns: 1, columns: ['a'] } },
      { name: 'udt', datatype: 19, templateValue: { version: '1' } },
      { name: 'm', datatype: 10, doubleValue: 1 },
    ],
  });
  t.equal(samples[0]?.[0], 'g/n/m');
  t.strictSame(edge.faults, ['sparkplug-kind']);
});

t.test('the sequence runs from 255 to 0', async (t) => {
  const edge = new Edge().born();
  for (let seq = 2; seq < 600; seq++)
    edge.send('g/NDATA/n', { seq: seq % 256, metrics: [{ alias: 1, doubleValue: seq }] });
  t.strictSame([edge.asked, edge.faults], [[], []]);
});

t.test('a message that is missing makes the host ask for births, and what came is kept', async (t) => {
  const edge = new Edge().born();
  t.equal(edge.send('g/NDATA/n', { seq: 4, metrics: [{ alias: 1, doubleValue: 3 }] }).length, 1);
  t.strictSame([edge.asked, edge.faults], [['g/n'], ['sparkplug-sequence']]);
  t.equal(edge.send('g/NDATA/n', { seq: 5, metrics: [{ alias: 1, doubleValue: 3 }] }).length, 1);
  t.strictSame(edge.faults, [], 'the next one follows');
});

t.test('a message that comes twice is one, unless it is read again because there was no room', async (t) => {
  const edge = new Edge().born();
  const data = { seq: 2, metrics: [{ alias: 1, doubleValue: 3 }] };
  t.equal(edge.send('g/NDATA/n', data).length, 1);
  t.equal(
    reasonOf(() => edge.send('g/NDATA/n', data)),
    'sparkplug-repeat',
  );
  t.equal(edge.send('g/NDATA/n', data, true).length, 1);
});

t.test('an unknown alias is named, the rest is kept, and births are asked for', async (t) => {
  const edge = new Edge().born();
  const metrics = [
    { alias: 99, doubleValue: 3 },
    { alias: 1, doubleValue: 4 },
  ];
  t.equal(edge.send('g/NDATA/n', { seq: 2, metrics }).length, 1);
  t.strictSame([edge.asked, edge.faults], [['g/n'], ['sparkplug-metric']]);
});

t.test('aliases of a birth before are forgotten', async (t) => {
  const edge = new Edge().born();
  edge.send('g/NBIRTH/n', { seq: 0, metrics: [{ name: 'other', alias: 9, datatype: 10, doubleValue: 1 }] });
  edge.send('g/NDATA/n', { seq: 1, metrics: [{ alias: 1, doubleValue: 4 }] });
  t.strictSame(edge.faults, ['sparkplug-metric']);
});

for (const topic of ['g/NDATA/n', 'g/DDATA/n/d', 'g/DBIRTH/n/d']) {
  t.test(`${topic} before the birth of its node is refused, and births are asked for once in a while`, async (t) => {
    const edge = new Edge();
    for (const now of [0, 1, 4e6, 5e6]) {
      edge.now = now;
      t.equal(
        reasonOf(() => edge.send(topic, { seq: 3, metrics: [] })),
        'sparkplug-unborn',
      );
    }
    t.strictSame(edge.asked, ['g/n', 'g/n']);
  });
}

t.test('data of a device without birth is refused, and births are asked for', async (t) => {
  const edge = new Edge().born();
  t.equal(
    reasonOf(() => edge.send('g/DDATA/n/other', { seq: 2, metrics: [] })),
    'sparkplug-unborn',
  );
  t.strictSame(edge.asked, ['g/n']);
});

t.test('the death of a node is that of its devices', async (t) => {
  const edge = new Edge().born();
  t.strictSame(edge.send('g/NDEATH/n', { metrics: [{ name: 'bdSeq', datatype: 4, longValue: 7 }] }), [
    ['g/n/d/state', undefined, 'offline'],
    ['g/n/state', undefined, 'offline'],
  ]);
  t.equal(edge.host.online, 0);
  t.equal(
    reasonOf(() => edge.send('g/NDATA/n', { seq: 2, metrics: [] })),
    'sparkplug-unborn',
  );
});

t.test('the death of a session before comes late, and says nothing', async (t) => {
  const edge = new Edge().born();
  t.strictSame(edge.send('g/NDEATH/n', { metrics: [{ name: 'bdSeq', datatype: 4, longValue: 6 }] }), []);
  t.equal(edge.host.online, 1);
});

t.test('the death of a device leaves its node alive', async (t) => {
  const edge = new Edge().born();
  t.strictSame(edge.send('g/DDEATH/n/d', { seq: 2 }), [['g/n/d/state', undefined, 'offline']]);
  t.equal(edge.send('g/NDATA/n', { seq: 3, metrics: [{ alias: 1, doubleValue: 4 }] }).length, 1);
});

t.test('commands, states of hosts and other topics say nothing', async (t) => {
  const edge = new Edge();
  for (const topic of ['g/NCMD/n', 'g/DCMD/n/d', 'STATE/host', 'g/NBIRTH/n/d', 'g/DBIRTH/n', 'g/NOTHING/n', 'x']) {
    t.strictSame(edge.send(topic, { seq: 0, metrics: [{ name: 'm', datatype: 10, doubleValue: 1 }] }), [], topic);
  }
});

t.test('a birth of a node begins its sequence anywhere from 0 to 255, and what follows counts on', async (t) => {
  const edge = new Edge();
  const metrics = [{ name: 'm', alias: 1, datatype: 10, doubleValue: 1 }];
  edge.send('g/NBIRTH/n', { seq: 255, metrics });
  t.equal(edge.send('g/NDATA/n', { seq: 0, metrics: [{ alias: 1, doubleValue: 2 }] }).length, 1);
  t.same([edge.asked, edge.faults], [[], []]);
  t.equal(
    reasonOf(() => edge.send('g/NBIRTH/n', { seq: 256, metrics })),
    'sparkplug-invalid',
  );
  t.equal(
    reasonOf(() => edge.send('g/NBIRTH/n', { metrics })),
    'sparkplug-invalid',
  );
});

t.test('any bytes give samples or a reason', async (t) => {
  const good = encodeSparkplug({
    timestamp: T,
    seq: 2,
    metrics: [
      { alias: 1, doubleValue: 1 },
      { name: 'x', isNull: true },
    ],
  });
  const damaged = fc.tuple(fc.nat(good.length - 1), fc.nat(255)).map(([at, byte]) => {
    const bytes = Buffer.from(good);
    bytes[at] = byte;
    return bytes;
  });
  const topics = fc.constantFrom('NBIRTH/n', 'NDATA/n', 'DBIRTH/n/d', 'DDATA/n/d', 'NDEATH/n', 'DDEATH/n/d');
  const edge = new Edge().born();
  const harmless = (bytes: Uint8Array, topic: string) => {
    try {
      edge.host.read(`spBv1.0/g/${topic}`, bytes, new SampleBatch(), 0, false);
      return true;
    } catch (error) {
      return error instanceof PayloadError;
    }
  };
  t.doesNotThrow(() => fc.assert(fc.property(fc.oneof(fc.uint8Array(), damaged), topics, harmless), { numRuns: 3000 }));
});

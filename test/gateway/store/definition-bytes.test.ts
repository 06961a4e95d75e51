import fc from 'fast-check';
import t from 'tap';
import { type ChannelDefinition, defineChannel } from '../../../gateway/channel.ts';
import { decodeDefinition, encodeDefinition } from '../../../gateway/store/definition-bytes.ts';

const number = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0);

const definitions: fc.Arbitrary<ChannelDefinition> = fc
  .record(
    {
      name: fc.string({ minLength: 1 }),
      source: fc.string(),
      unit: fc.string(),
      type: fc.constantFrom('number', 'bool', 'enum', 'text' as const),
      class: fc.constantFrom('critical', 'standard', 'bulk' as const),
      residency: fc.oneof(fc.constantFrom('any', 'local' as const), fc.array(fc.string(), { minLength: 1 })),
      stamp: fc.constantFrom('arrival', 'device' as const),
      description: fc.string({ unit: 'binary' }),
      rateHz: number,
      scale: fc.record({ gain: number, offset: number }),
      decimals: fc.nat(15),
      limits: fc.record({ lowAlarm: number, highWarn: number }, { requiredKeys: [] }),
      labels: fc.dictionary(fc.nat(99).map(String), fc.string()),
    },
    { requiredKeys: ['name', 'source'] },
  )
  .map((spec) => defineChannel(spec as ChannelDefinition));

t.test('a definition comes back as it was', async (t) => {
  fc.assert(
    fc.property(definitions, (definition) => {
      t.same(decodeDefinition(definition.name, encodeDefinition(definition)), definition);
    }),
  );
});

t.test('a source that the name begins with comes back as it was', async (t) => {
  const segments = fc.array(fc.constantFrom('car', 'can0', 'a', ''), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(segments, segments, (path, rest) => {
      const source = path.join('/');
      for (const name of [source, `${source}/${rest.join('/')}`, `${source}x/${rest.join('/')}`, rest.join('/')]) {
        const definition = { ...defineChannel({ name: 'any', source }), name };
        t.same(decodeDefinition(name, encodeDefinition(definition)), definition);
      }
    }),
  );
});

t.test('a signal of a DBC takes some ten bytes', async (t) => {
  const definition = defineChannel({
    name: 'car/can0/WHEEL_SPEEDS/FRONT_LEFT',
    source: 'car',
    stamp: 'device',
    unit: 'km/h',
    scale: { gain: 0.01, offset: 0 },
    decimals: 2,
  });
  t.ok(encodeDefinition(definition).length <= 12, `${encodeDefinition(definition).length} bytes`);
});

t.test('bytes that are no definition are refused', async (t) => {
  for (const bytes of [
    new Uint8Array(0),
    Uint8Array.of(1, 2, 3),
    encodeDefinition(defineChannel({ name: 'a', source: 'b' })).subarray(0, 3),
  ]) {
    t.throws(() => decodeDefinition('a', bytes));
  }
});

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import fc from 'fast-check';
import t from 'tap';
import { parse } from 'yaml';
import { CONFIG_SCHEMA } from '../../../gateway/commands/config-schema.ts';
import { neededOf } from '../../../gateway/config/needed-schema.ts';
import { validate } from '../../../gateway/config/validate.ts';
import { PROJECT_ROOT } from '../../data-dir.ts';
import { sourceFiles } from '../../imports.ts';

const SAMPLES = sourceFiles(PROJECT_ROOT, ['collectors'], ['README.md'])
  .flatMap((file) => [...readFileSync(join(PROJECT_ROOT, file), 'utf8').matchAll(/^```yaml\n(.*?)^```/gms)])
  .map(([, yaml = '']) => parse(yaml) as Record<string, unknown>)
  .filter((sample) => 'sources' in sample || 'redundancy' in sample);

/** Everything that is held inside a value, with its place. */
function placesIn(value: unknown): { readonly holder: Record<string, unknown>; readonly key: string }[] {
  if (typeof value !== 'object' || value === null) return [];
  const holder = value as Record<string, unknown>;
  return Object.keys(holder).flatMap((key) => [{ holder, key }, ...placesIn(holder[key])]);
}

/** What may stand anywhere in a config in place of what should. */
const STRANGE = [
  null,
  '',
  'mqtt',
  'serial',
  'nothing',
  -1,
  0.5,
  1e9,
  true,
  [],
  {},
  { type: 'can' },
  { type: 'x' },
  [1],
];

const broken = fc
  .tuple(
    fc.subarray(SAMPLES, { minLength: 1, maxLength: 3 }),
    fc.array(fc.tuple(fc.nat(), fc.constantFrom('delete', 'replace', 'add'), fc.constantFrom(...STRANGE)), {
      maxLength: 3,
    }),
  )
  .map(([samples, changes]) => {
    const sources = Object.assign({}, ...samples.map(({ sources }, n) => renamed(sources as object | undefined, n)));
    const config: Record<string, unknown> = structuredClone({ ...samples[0], sources });
    for (const [at, change, value] of changes) {
      const places = placesIn(config);
      const { holder, key } = places[at % places.length] ?? { holder: config, key: 'sources' };
      if (change === 'delete') delete holder[key];
      else holder[change === 'replace' ? key : 'strange'] = structuredClone(value);
    }
    return config;
  });

function renamed(sources: object | undefined, n: number): object {
  return Object.fromEntries(Object.entries(sources ?? {}).map(([name, source]) => [`${name}-${n}`, source]));
}

t.test('a config fits what is needed of the schema where it fits the whole', async (t) => {
  const ajv = new Ajv({ allErrors: true, strict: false });
  const whole = ajv.compile(CONFIG_SCHEMA);
  t.ok(SAMPLES.length > 10, `${SAMPLES.length} sample configs`);
  let misfits = 0;
  fc.assert(
    fc.property(broken, (config) => {
      const fits = whole(config);
      if (!fits) misfits += 1;
      return (validate(CONFIG_SCHEMA, config, () => '').length === 0) === fits;
    }),
    { numRuns: 40 },
  );
  t.ok(misfits > 3, `${misfits} did not fit`);
});

t.test(
  'alternatives that nobody names are not looked at, and all are where one is named that there is not',
  async (t) => {
    const sources = (...types: string[]) => ({
      sources: Object.fromEntries(types.map((type, n) => [`s${n}`, { type }])),
    });
    const sizeOf = (config: object) => JSON.stringify(neededOf(CONFIG_SCHEMA, config)).length;
    const all = sizeOf(sources('health', 'strange'));
    t.ok(sizeOf(sources('health')) < all / 10);
    t.ok(sizeOf(sources('health', 'http')) < all / 2);
    t.ok(sizeOf({}) < all / 10);
    t.equal(sizeOf(sources('strange', 'mqtt')), all);
  },
);

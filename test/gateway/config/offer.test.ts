import fc from 'fast-check';
import t from 'tap';
import { parse, stringify } from 'yaml';
import { configChanges } from '../../../gateway/config/offer/config-changes.ts';
import { mergeOffer } from '../../../gateway/config/offer/merge-offer.ts';
import { KEPT_ON_BOX, redactedYaml } from '../../../gateway/config/offer/private-yaml.ts';

const SECRETS = new Set(['password', 'token']);

const RUNNING = `
# our box, password hunter2
gateway: { id: pit-12 }
destinations:
  hq: { config: enrolled }
store: { dir: /var/lib/caisson, commitFloorMs: 20 }
sources:
  plant: # the plant's broker
    type: mqtt-client
    host: \${BROKER}
    username: box
    password_file: broker.secret
  local:
    type: mqtt
    port: 1883
    users: [{ name: car, password: hunter2 }]
`;

t.test('what others see of a config has no secret and no comment, and still is the config', async (t) => {
  const shown = redactedYaml(RUNNING, SECRETS);
  t.notMatch(shown, 'hunter2');
  t.notMatch(shown, '#');
  const expected = parse(RUNNING);
  expected.sources.local.users[0].password = KEPT_ON_BOX;
  t.same(parse(shown), expected);
});

t.test('whatever the secrets are, none is in what others see', async () => {
  const word = fc.string({ minLength: 6, maxLength: 20 }).map((text) => `s3cr3t${text}`);
  fc.assert(
    fc.property(word, word, fc.string(), (password, token, comment) => {
      const text = stringify({
        sources: { a: { type: 'http', tokens: [{ token }], users: [{ name: 'x', password }] } },
      });
      const shown = redactedYaml(`# ${comment.replace(/\s/g, ' ')} ${password}\n${text}`, SECRETS);
      return !shown.includes('s3cr3t');
    }),
  );
});

t.test('what is shown, offered back, is the config that runs', async (t) => {
  const merged = mergeOffer(RUNNING, redactedYaml(RUNNING, SECRETS), SECRETS);
  t.same(parse(merged), parse(RUNNING));
  t.same(configChanges(RUNNING, merged, SECRETS), []);
});

t.test(
  'sections that an offer has stand in the place of the old ones, the others stay with their comments',
  async (t) => {
    const merged = mergeOffer(RUNNING, 'sources:\n  box: { type: health }\n', SECRETS);
    t.same(parse(merged), { ...parse(RUNNING), sources: { box: { type: 'health' } } });
    t.match(merged, '# our box');
    t.match(configChanges(RUNNING, merged, SECRETS), [
      { path: 'sources.plant.type', before: '"mqtt-client"', after: undefined },
    ]);
  },
);

t.test('changes are told in words that hold no secret', async (t) => {
  const changed = RUNNING.replace('hunter2 }]', 'swordfish }]').replace('port: 1883', 'port: 1884');
  t.same(configChanges(RUNNING, changed, SECRETS), [
    { path: 'sources.local.port', before: '1883', after: '1884' },
    { path: 'sources.local.users[0].password', before: KEPT_ON_BOX, after: '(another secret)' },
  ]);
});

const shown = parse(redactedYaml(RUNNING, SECRETS));
const REFUSED: readonly [string, object | string, RegExp][] = [
  ['another name', { gateway: { id: 'pit-13' } }, /may not change gateway: only the box itself/],
  ['who may offer', { destinations: { hq: { config: 'declared' } } }, /may not change destinations/],
  ['a line elsewhere', { central: { dial: ['evil.example:7444'] } }, /may not change central/],
  ['another certificate', { grpc: { identity: '/tmp' } }, /may not change grpc/],
  ['another store', { store: { dir: '/tmp/other' } }, /may not change store.dir/],
  ['a store somewhere', { store: { commitFloorMs: 5 } }, /may not change store.dir/],
  [
    'the place to which a secret goes',
    { sources: { ...shown.sources, plant: { ...shown.sources.plant, host: 'evil.example' } } },
    /sources.plant.host: its secret would go elsewhere/,
  ],
  [
    'a file of the box as a secret of another source',
    { sources: { evil: { type: 'mqtt-client', host: 'evil.example', password_file: 'broker.secret' } } },
    /sources.evil.password_file: a secret of the box/,
  ],
  [
    'another file in the place of a secret',
    { sources: { plant: { ...shown.sources.plant, password_file: '/etc/shadow' } } },
    /sources.plant.password_file: a secret of the box/,
  ],
  [
    'a variable of the environment as a name',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is a reference of the config
    { sources: { box: { type: 'health', description: '${HOME}' } } },
    /sources.box.description: a secret of the box/,
  ],
  [
    'a variable of the environment within a secret of its own',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is a reference of the config
    { sources: { evil: { type: 'mqtt-client', host: 'evil.example', password: 'a${HOME}' } } },
    /sources.evil.password: a secret of the box/,
  ],
  [
    'a secret that is kept elsewhere',
    { sources: { box: { type: 'health', name: KEPT_ON_BOX } } },
    /sources.box.name: a secret of the box/,
  ],
  ['an alias', 'sources:\n  a: &x { type: health }\n  b: *x\n', /has an alias/],
  ['no sections', '- 1\n', /expected sections/],
  ['no YAML', 'sources: {', /flow/i],
];

for (const [what, offer, expected] of REFUSED) {
  t.test(`an offer with ${what} is refused`, async (t) => {
    const text = typeof offer === 'string' ? offer : stringify(offer);
    t.throws(() => mergeOffer(RUNNING, text, SECRETS), { message: expected });
  });
}

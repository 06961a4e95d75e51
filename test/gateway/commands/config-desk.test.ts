import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { ConfigDesk } from '../../../gateway/commands/config-trial/config-desk.ts';
import { TrialFolder } from '../../../gateway/commands/config-trial/trial-folder.ts';
import type { ConfigRequest } from '../../../gateway/config/offer/offer.ts';

const CONFIG = 'gateway: { id: pit-12 }\nsources: { box: { type: health } }\n';

const OFFER: ConfigRequest = {
  ...{ kind: 'offer', offer: 'o1', by: 'hq', dryRun: false, watchS: 60 },
  yaml: 'sources: { box: { type: health, disk: / } }\n',
};

function desk(t: Test): { path: string; desk: ConfigDesk } {
  const dir = mkdtempSync(join(tmpdir(), 'caisson-desk-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  const path = join(dir, 'caisson.yaml');
  writeFileSync(path, CONFIG);
  return { path, desk: new ConfigDesk(path, new TrialFolder(path), () => 1) };
}

/** What may lie where the config was as the gateway started, and what a central is told. */
const DAMAGED: readonly [string, (path: string) => void, RegExp][] = [
  ['is gone', (path) => rmSync(path), /cannot be read or logged: ENOENT/],
  ['is no YAML', (path) => writeFileSync(path, 'sources: { box: ['), /./],
  ['is no config', (path) => writeFileSync(path, '- 1\n'), /expected sections/],
  // A folder where the log would be.
  [
    'lies where nothing can be written',
    (path) => {
      writeFileSync(`${path}.trial`, '');
    },
    /cannot be read or logged|a trial beside/,
  ],
];

for (const [what, damage, why] of DAMAGED) {
  t.test(`a config that ${what} is told, and ends no gateway`, async (t) => {
    const { path, desk: answers } = desk(t);
    damage(path);
    const offered = answers.answer(OFFER);
    t.equal(offered.state, 'refused');
    t.match(offered.why, why);
    const shown = answers.answer({ kind: 'show' });
    t.equal(shown.state, existsSync(path) && readFileSync(path, 'utf8') === CONFIG ? 'shown' : 'refused');
    t.doesNotThrow(() => answers.status());
    t.notOk(existsSync(`${path}.candidate`));
  });
}

t.test('an offer that comes before anybody waits for one is tried all the same', async (t) => {
  const { desk: answers } = desk(t);
  t.equal(answers.answer(OFFER).state, 'trial');
  const { trial } = answers.status();
  t.match(trial, { offer: 'o1', by: 'hq' });
  t.same(await answers.nextTrial(new AbortController().signal), trial);
});

t.test('while a config is tried another one is refused, and the same one is told to be on trial', async (t) => {
  const { desk: answers } = desk(t);
  answers.answer(OFFER);
  t.match(answers.answer({ ...OFFER, offer: 'o2' }), { state: 'refused', why: /a config that hq offered is on trial/ });
  t.equal(answers.answer(OFFER).state, 'trial');
});

t.test('what is told of the config follows the file', async (t) => {
  const { path, desk: answers } = desk(t);
  const { digest } = answers.status();
  t.equal(answers.status().digest, digest);
  writeFileSync(path, `${CONFIG}dashboard: { port: 1 }\n`);
  t.not(answers.status().digest, digest);
  writeFileSync(path, 'sources: { box: [');
  t.equal(answers.status().digest, '');
});

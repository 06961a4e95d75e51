import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { ConfigAnswer } from '../../../gateway/config/offer/offer.ts';
import { CaissonError } from '../../../gateway/errors.ts';
import { OfferDesk } from '../../../sync/fleet/offer-desk.ts';
import { type ConfigOffer, OfferFolder } from '../../../sync/fleet/offer-folder.ts';
import { eventually } from '../../scenarios/eventually.ts';

const DAY = 86_400e6;

const OFFER: ConfigOffer = {
  ...{ id: '1-a', gateway: 'pit-12', kind: 'offer', yaml: 'sources: {}', dryRun: false, watchS: 60 },
  ...{ by: 'anna@hq', made: 0, expires: 7 * DAY },
};

const ANSWER: ConfigAnswer = { state: 'kept', why: '', digest: 'd', yaml: '', changes: [], plan: '' };

/** A desk at a time that a test sets, and a box that answers what the test says. */
function rig(t: Test) {
  const dir = mkdtempSync(join(tmpdir(), 'caisson-offers-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  const folder = new OfferFolder(dir);
  const problems: string[] = [];
  const made = { dir, folder, problems, now: 0, asked: 0, answer: async (): Promise<ConfigAnswer> => ANSWER };
  const desk = new OfferDesk({ folder, now: () => made.now, onProblem: (text) => problems.push(text) });
  t.teardown(() => desk.stop());
  const ask = () => {
    made.asked += 1;
    return made.answer();
  };
  return { made, desk, come: () => desk.attend({ config: ask, offerConfig: ask }, 'pit-12') };
}

t.test('an offer waits until its box has a line, and is asked once where it is answered', async (t) => {
  const { made, desk, come } = rig(t);
  made.folder.make(OFFER);
  desk.look();
  t.equal(made.asked, 0);
  come();
  desk.look();
  await eventually('it is answered', () => made.folder.result('1-a')?.isDone);
  t.match(made.folder.result('1-a'), { answer: { state: 'kept' } });
  desk.look();
  t.equal(made.asked, 1);
});

t.test('an offer that cannot be read keeps no other one from its box, and is told once', async (t) => {
  const { made, desk, come } = rig(t);
  made.folder.make(OFFER);
  writeFileSync(join(made.dir, 'offers', '0-damaged.json'), '{"gateway":');
  come();
  desk.look();
  desk.look();
  await eventually('the other one is answered', () => made.folder.result('1-a')?.isDone);
  t.match(made.problems, [/0-damaged cannot be read and is left out/]);
  t.equal(made.problems.length, 1);
});

t.test('an offer is not asked any more when its time is over, but a trial that began is told to its end', async (t) => {
  const { made, desk, come } = rig(t);
  made.folder.make(OFFER);
  made.answer = async () => ({ ...ANSWER, state: 'trial' });
  come();
  desk.look();
  await eventually('it is on trial', () => made.folder.result('1-a')?.answer?.state === 'trial');
  made.folder.make({ ...OFFER, id: '2-b', gateway: 'pit-13' });
  made.now = 7 * DAY + 60e6;
  made.answer = async () => ANSWER;
  desk.look();
  await eventually('it is told', () => made.folder.result('1-a')?.isDone);
  t.match(made.folder.result('1-a'), { answer: { state: 'kept' } });
  t.match(made.folder.result('2-b'), { isDone: true, problem: 'its box was not reached in time' });
});

t.test('what cannot be noted is asked again', async (t) => {
  const { made, desk, come } = rig(t);
  made.folder.make(OFFER);
  // A folder where the file would be.
  const taken = join(made.dir, 'offers', '1-a.result');
  mkdirSync(taken);
  come();
  desk.look();
  await eventually('it is said', () => made.problems.length > 0);
  t.match(made.problems, [/cannot be kept/]);
  rmSync(taken, { recursive: true });
  made.now = 120e6;
  desk.look();
  await eventually('it is noted', () => made.folder.result('1-a')?.isDone);
  t.equal(made.asked, 2);
  t.ok(existsSync(taken));
});

t.test('a box that refuses for good is not asked again, one that is busy is', async (t) => {
  const { made, desk, come } = rig(t);
  made.folder.make(OFFER);
  made.answer = () => Promise.reject(new CaissonError('server-busy', 'busy', { retryable: true }));
  come();
  desk.look();
  await eventually('it was asked', () => made.asked === 1);
  made.now = 10e6;
  made.answer = () => Promise.reject(new CaissonError('offer-refused', 'not here'));
  await eventually('it was asked again', () => {
    desk.look();
    return made.asked === 2;
  });
  await eventually('it is told', () => made.folder.result('1-a')?.isDone);
  t.match(made.folder.result('1-a'), { problem: /not here/ });
});

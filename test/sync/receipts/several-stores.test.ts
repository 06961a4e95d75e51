import { generateKeyPairSync } from 'node:crypto';
import t, { type Test } from 'tap';
import { Acknowledgements } from '../../../gateway/store/retention/acknowledgements.ts';
import { FORGOTTEN_MS, PAUSE_MAX_MS, STORES_MAX } from '../../../sync/receipts/central-account.ts';
import { HeldAtCentral, Rig } from './receipt-rig.ts';

const HOUR_MS = 3_600_000;

/** A gateway that believes the word of centrals. */
function believing(t: Test): Rig {
  return new Rig(t, () => undefined);
}

/** Hours pass in which only one store says what it has, as it does once an hour. */
function hours(rig: Rig, count: number, store: string, position: number): void {
  for (let hour = 0; hour < count; hour += 1) {
    rig.nowMs += HOUR_MS;
    rig.say({ store, position });
  }
}

t.test('of two stores with one name what both have counts, in whichever order they speak', async (t) => {
  const rig = believing(t);
  rig.say({ store: 'a', position: 40 });
  rig.say({ store: 'b', position: 90 });
  t.equal(rig.desk.confirmed('hq'), 40);
  rig.say({ store: 'a', position: 50 });
  rig.say({ store: 'b', position: 100 });
  t.equal(rig.desk.confirmed('hq'), 50);
  rig.say({ store: 'b', position: 30 });
  t.same(rig.confirmed, [40, 40, 50, 50, 30], 'the least each time, and the latest word of each');
  t.same(
    rig.last?.stores.map(({ store, position }) => [store, position]),
    [
      ['a', 50],
      ['b', 30],
    ],
  );
});

t.test('that two stores have one name is said once, and shown until one of them is gone', async (t) => {
  const rig = believing(t);
  rig.say({ store: 'a', position: 40 });
  t.same(rig.problems, []);
  t.equal(rig.desk.status(0)[0]?.stores, undefined);
  for (let i = 0; i < 3; i += 1) {
    rig.nowMs += 5_000;
    rig.say({ store: 'b', position: 90 });
    rig.say({ store: 'a', position: 40 });
  }
  t.match(rig.problems, [/^two centrals have the name hq,.*--name/]);
  t.equal(rig.problems.length, 1);
  hours(rig, 3, 'b', 90);
  const now = 1e15;
  const day = now + FORGOTTEN_MS * 1e3;
  t.match(rig.desk.status(now), [
    {
      ...{ name: 'hq', position: 40 },
      stores: [
        { id: 'a', position: 40, until: day - 3 * HOUR_MS * 1e3 },
        { id: 'b', position: 90, until: day },
      ],
    },
  ]);
  hours(rig, 21, 'b', 91);
  t.equal(rig.desk.status(now)[0]?.stores, undefined);
  rig.say({ store: 'c', position: 92 });
  t.equal(rig.problems.length, 2, 'another one is said again');
});

t.test('a store that is silent for a day while another is heard is forgotten, and not before', async (t) => {
  const rig = believing(t);
  rig.say({ store: 'a', position: 40 });
  rig.say({ store: 'b', position: 90 });
  hours(rig, 23, 'b', 90);
  t.equal(rig.desk.confirmed('hq'), 40);
  rig.say({ store: 'a', position: 41 });
  hours(rig, 23, 'b', 90);
  t.equal(rig.desk.confirmed('hq'), 41, 'its word begins the day anew');
  hours(rig, 1, 'b', 90);
  t.equal(rig.desk.confirmed('hq'), 90);
  t.same(rig.last, { position: 90, stores: [{ store: 'b', position: 90, silentMs: 0 }] });
});

t.test('while no line is up nobody is silent', async (t) => {
  const rig = believing(t);
  rig.say({ store: 'a', position: 40 });
  rig.say({ store: 'b', position: 90 });
  rig.nowMs += 30 * FORGOTTEN_MS;
  rig.say({ store: 'b', position: 90 });
  t.equal(rig.desk.confirmed('hq'), 40);
  t.equal(rig.last?.stores[0]?.silentMs, PAUSE_MAX_MS);
});

t.test('stores are known after a restart, with how long they are silent', async (t) => {
  const rig = believing(t);
  const texts = new Map<string, string>();
  const known = new Acknowledgements(['hq'], (key) => texts.get(key));
  const restart = () => {
    if (rig.last !== undefined) known.take('hq', rig.last);
    known.keep((key, text) => texts.set(key, text));
    rig.openDesk(texts);
  };
  rig.say({ store: 'a', position: 40 });
  rig.say({ store: 'b', position: 90 });
  for (let day = 0; day < 3; day += 1) {
    hours(rig, 7, 'b', 90);
    restart();
    // The clock of another boot.
    rig.nowMs = 0;
    rig.say({ store: 'b', position: 95 });
    t.equal(rig.desk.confirmed('hq'), 40);
  }
  hours(rig, 3, 'b', 95);
  t.equal(rig.desk.confirmed('hq'), 95);
});

t.test('what was known before stores had ids is of the first that tells one', async (t) => {
  const rig = believing(t);
  rig.openDesk(new Map([['acknowledged', '{"hq":70}']]));
  t.equal(rig.desk.confirmed('hq'), 70);
  rig.say({ store: 'a', position: 80 });
  t.same([rig.desk.confirmed('hq'), rig.problems], [80, []]);
  rig.say({ position: 20 });
  t.equal(rig.desk.confirmed('hq'), 20, 'one that tells none is another');
});

t.test('one store that speaks again and again is one', async (t) => {
  const rig = believing(t);
  for (const position of [10, 50, 20, 60]) {
    rig.nowMs += 2 * FORGOTTEN_MS;
    rig.say({ store: 'a', position });
    t.equal(rig.desk.confirmed('hq'), position);
  }
  t.same(rig.problems, []);
});

t.test('more stores than are told apart raise nothing', async (t) => {
  const rig = believing(t);
  for (let i = 0; i < STORES_MAX; i += 1) rig.say({ store: `s${i}`, position: 50 + i });
  t.equal(rig.desk.confirmed('hq'), 50);
  for (let i = 0; i < 100; i += 1) rig.say({ store: `more${i}`, position: 40 });
  t.equal(rig.desk.confirmed('hq'), 0);
  t.equal(rig.last?.stores.length, STORES_MAX + 1);
  hours(rig, 24, 's3', 60);
  t.equal(rig.desk.confirmed('hq'), 60, 'and are forgotten as others are');
});

t.test('what came by courier raises nothing above what all stores have', async (t) => {
  const rig = believing(t);
  rig.say({ store: 'a', position: 40 });
  rig.desk.takeCarriedWord('hq', 45);
  t.equal(rig.desk.confirmed('hq'), 45, 'of the one store that there is');
  rig.say({ store: 'b', position: 90 });
  rig.desk.takeCarriedWord('hq', 80);
  t.equal(rig.desk.confirmed('hq'), 45);
  for (let file = 0; file < 12; file += 1) {
    rig.nowMs += PAUSE_MAX_MS;
    rig.desk.takeCarriedWord('hq', 80);
  }
  t.equal(rig.desk.confirmed('hq'), 90, 'who is not heard while files come is not waited for for ever');
});

t.test('two stores with one key prove what each has, each by requests of its own', async (t) => {
  const rig = new Rig(t);
  const other = new HeldAtCentral(t, rig.rig);
  rig.fill(40);
  await rig.pull();
  await other.pull(30);
  await rig.prove('a');
  t.equal(rig.desk.confirmed('hq'), rig.position);
  const proven = rig.desk.confirmed('hq');
  const first = rig.say({ store: 'b', position: other.position });
  t.ok(first.wanted.length > 0, 'what one has proven the other has not');
  // The requests of both are open at the same time.
  rig.fill(5);
  await rig.pull();
  const second = rig.say({ store: 'a' });
  const position = { position: other.position };
  t.equal(rig.desk.confirmed('hq'), proven, 'who has signed nothing may be anybody');
  t.equal(rig.say({ store: 'b', ...position, ...(await other.answer(first.wanted)) }).refused, '');
  t.ok(rig.desk.confirmed('hq') <= other.position, 'who has counts');
  t.equal(rig.say({ store: 'a', ...(await rig.answer(second.wanted)) }).refused, '');
  await rig.prove('b', other);
  t.equal(rig.desk.confirmed('hq'), other.position);
  // What a courier brings may be of either.
  const [request] = rig.desk.carriedRequests('hq', other.position, rig.position, { count: 1, bytes: 1e6 });
  t.ok(request);
  if (request === undefined) return;
  t.equal(rig.desk.takeCarried('hq', request, await rig.answer(request.bytes)), '');
  t.equal(rig.desk.confirmed('hq'), other.position);
  for (let hour = 0; hour < 24; hour += 1) {
    rig.nowMs += HOUR_MS;
    await rig.prove('a');
  }
  t.equal(rig.confirmed.at(-1), rig.position, 'and the other is forgotten');
});

t.test('a store that signs with another key holds nothing up, and one that has nothing yet does', async (t) => {
  const rig = new Rig(t);
  const empty = new HeldAtCentral(t, rig.rig);
  rig.fill(20);
  await rig.pull();
  const { wanted } = rig.say({ store: 'impostor' });
  const forged = await rig.answer(wanted, generateKeyPairSync('ed25519').privateKey);
  t.equal(rig.say({ store: 'impostor', ...forged }).refused, 'forged');
  await rig.prove('a');
  t.same([rig.desk.confirmed('hq'), rig.desk.status(0)[0]?.stores], [rig.position, undefined]);
  await rig.prove('b', empty);
  t.equal(rig.desk.confirmed('hq'), 0);
  t.equal(rig.desk.status(0)[0]?.stores?.length, 2);
});

t.test('what was proven before stores had ids need not be proven again by the first that signs', async (t) => {
  const rig = new Rig(t);
  rig.fill(20);
  await rig.pull();
  const { position } = rig;
  rig.openDesk(new Map([['acknowledged', JSON.stringify({ hq: position })]]));
  t.equal(await rig.prove('a'), 1);
  t.same(rig.last?.stores, [{ store: 'a', position, silentMs: 0 }]);
});

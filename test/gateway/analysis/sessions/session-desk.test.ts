import fc from 'fast-check';
import t from 'tap';
import { SessionDesk, type SessionWish } from '../../../../gateway/analysis/sessions/session-desk.ts';
import {
  decodeSessionRecord,
  encodeSessionRecord,
  SESSION_CHANNEL,
  type SessionRecord,
} from '../../../../gateway/analysis/sessions/session-records.ts';
import { defineChannel } from '../../../../gateway/channel.ts';
import { type Session, SessionReading, sessionsOf } from '../../../../gateway/query/sessions.ts';

const NOON = Date.UTC(2026, 5, 1, 12) * 1e3;
const MINUTE = 60e6;

const NOTHING: SessionWish = {
  ...{ begins: false, session: '', name: '', from: undefined, to: undefined, ends: false, metadata: {} },
};

/** A desk over records in memory, and a clock that a test moves. */
class Pit {
  now = NOON;
  readonly said: { readonly time: number; readonly record: SessionRecord }[] = [];
  fails = false;
  readonly #desk = new SessionDesk({
    sessions: async () => this.sessions(),
    keep: async (records) => {
      if (this.fails) throw new Error('the disk is full');
      for (const record of records) this.said.push({ time: this.now, record });
    },
    utcNow: () => this.now,
  });

  sessions(said = this.said): Session[] {
    const reading = new SessionReading('box');
    for (const { time, record } of said) {
      reading.add({ times: Float64Array.of(time), values: [encodeSessionRecord(record)] });
    }
    return reading.sessions();
  }

  /** A minute later somebody wants something. */
  async wants(wish: Partial<SessionWish>): Promise<Session> {
    this.now += MINUTE;
    return this.#desk.take({ ...NOTHING, ...wish });
  }
}

t.test('one goes on at a time: the next ends it, at the moment at which it begins', async (t) => {
  const pit = new Pit();
  const first = await pit.wants({ begins: true, name: 'FP1', metadata: { driver: 'Kim' } });
  t.match(first, { gateway: 'box', name: 'FP1', from: NOON + MINUTE, to: undefined, metadata: { driver: 'Kim' } });
  t.match(await pit.wants({ metadata: { driver: '', tyres: 'C3' } }), { id: first.id, metadata: { tyres: 'C3' } });
  const second = await pit.wants({ begins: true, name: 'Q' });
  t.match(pit.sessions(), [
    { id: first.id, to: NOON + 3 * MINUTE, metadata: { tyres: 'C3' } },
    { id: second.id, from: NOON + 3 * MINUTE, to: undefined },
  ]);
  t.notOk('driver' in (pit.sessions()[0]?.metadata ?? {}));
  t.match(await pit.wants({ ends: true }), { id: second.id, to: NOON + 4 * MINUTE });
  await t.rejects(pit.wants({ ends: true }), { code: 'session-unknown', message: 'no session goes on' });
  t.match(await pit.wants({ session: 'FP1', name: 'Practice', to: NOON + 2 * MINUTE }), {
    ...{ id: first.id, name: 'Practice', to: NOON + 2 * MINUTE },
  });
});

t.test('a stretch of the past is named, whatever goes on', async (t) => {
  const pit = new Pit();
  const going = await pit.wants({ begins: true, name: 'Q' });
  const past = await pit.wants({ begins: true, name: 'Shakedown', from: NOON - 9 * MINUTE, to: NOON - MINUTE });
  t.match(past, { from: NOON - 9 * MINUTE, to: NOON - MINUTE });
  t.match(pit.sessions().at(-1), { id: going.id, to: undefined });
  const late = await pit.wants({ begins: true, name: 'Race', from: NOON + 2.5 * MINUTE });
  t.match(pit.sessions().slice(-2), [
    { id: going.id, to: NOON + 2.5 * MINUTE },
    { id: late.id, to: undefined },
  ]);
});

t.test('what cannot be is refused, says why, and changes nothing', async (t) => {
  const pit = new Pit();
  await pit.wants({ begins: true, name: 'FP1', from: NOON - 5 * MINUTE, to: NOON - 4 * MINUTE });
  await pit.wants({ begins: true, name: 'FP1', from: NOON - 3 * MINUTE, to: NOON - 2 * MINUTE });
  await pit.wants({ begins: true, name: 'Race' });
  const before = pit.said.length;
  const many = Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`k${i}`, 'v']));
  for (const [wish, code, says] of [
    [{ begins: true }, 'session-invalid', /needs a name/],
    [{ begins: true, name: 'x', to: NOON }, 'session-invalid', /needs its begin/],
    [{ begins: true, name: 'x', from: NOON + 3600e6 }, 'session-invalid', /13:00:00.* is still to come: here it is/],
    [{ begins: true, name: 'x', from: NOON - 1, to: NOON - 1 }, 'session-invalid', /is not after the begin/],
    [{ begins: true, name: 'x', from: NOON - MINUTE }, 'session-invalid', /Race goes on since .*: end it first/],
    [{ begins: true, name: 'x\n' }, 'session-invalid', /control character/],
    [{ begins: true, name: 'x'.repeat(257) }, 'session-invalid', /257 characters/],
    [{ metadata: { 'a=b': 'c' } }, 'session-invalid', /"a=b" is no key/],
    [{ metadata: many }, 'session-invalid', /65 keys/],
    [{ session: 'FP1', metadata: { a: 'b' } }, 'session-invalid', /2 sessions are called "FP1"/],
    [{ session: 'Rase', ends: true }, 'session-unknown', /no session is called "Rase"/],
  ] as const) {
    await t.rejects(pit.wants(wish), { code, message: says }, String(says));
  }
  await t.rejects(pit.wants({ session: 'Rase' }), { message: /Rase/, hint: 'did you mean Race?' });
  pit.fails = true;
  await t.rejects(pit.wants({ ends: true }), /disk is full/);
  t.equal(pit.said.length, before);
  pit.fails = false;
  t.match(await pit.wants({ ends: true }), { name: 'Race' }, 'and the next wish is taken');
});

t.test('with as many keys as there may be, one is taken away for another', async (t) => {
  const pit = new Pit();
  const full = Object.fromEntries(Array.from({ length: 64 }, (_, i) => [`k${i}`, 'v']));
  await pit.wants({ begins: true, name: 'FP1', metadata: full });
  await t.rejects(pit.wants({ metadata: { more: 'v' } }), { message: /65 keys/ });
  const { metadata } = await pit.wants({ metadata: { k0: '', more: 'v' } });
  t.match([Object.keys(metadata).length, metadata.k0, metadata.more], [64, undefined, 'v']);
});

t.test('wishes at once are taken one after the other', async (t) => {
  const pit = new Pit();
  await Promise.all(['a', 'b', 'c'].map((name) => pit.wants({ begins: true, name })));
  t.equal(pit.sessions().filter(({ to }) => to === undefined).length, 1);
});

t.test('records say the same in whatever order they come', async (t) => {
  const pit = new Pit();
  await pit.wants({ begins: true, name: 'FP1', metadata: { driver: 'Kim' } });
  await pit.wants({ metadata: { driver: 'Lee', fuel: '30 kg' } });
  await pit.wants({ begins: true, name: 'Q' });
  await pit.wants({ session: 'FP1', name: 'Practice', metadata: { fuel: '' } });
  const told = pit.sessions();
  fc.assert(
    fc.property(fc.shuffledSubarray(pit.said, { minLength: pit.said.length }), (said) => {
      return JSON.stringify(pit.sessions([...said])) === JSON.stringify(told);
    }),
  );
  t.equal(told.length, 2);
});

t.test('what is no record is passed over, whoever wrote it', async (t) => {
  for (const text of ['', '{', '7', 'null', '[]', '{"id":""}', '{"id":"a","from":1.5}', '{"id":"a","name":1}']) {
    t.equal(decodeSessionRecord(text), undefined, text);
  }
  t.equal(decodeSessionRecord('{"id":"a","metadata":{"k":7}}'), undefined);
  fc.assert(
    fc.property(fc.json(), (text) => {
      const record = decodeSessionRecord(text);
      return record === undefined || decodeSessionRecord(encodeSessionRecord(record)) !== undefined;
    }),
  );
});

t.test('those that touch a range, of one gateway or all', async (t) => {
  const channels = ['a', 'b'].map((gateway, id) => ({ ...defineChannel(SESSION_CHANNEL), id, gateway }));
  const records = [
    { id: '1', name: 'one', from: 100, to: 200 },
    { id: '2', name: 'two', from: 200 },
  ];
  const telemetry = {
    channels: () => channels,
    *raw() {
      yield { times: Float64Array.of(300, 301), values: records.map(encodeSessionRecord) };
    },
  };
  const names = async (...range: [gateway?: string, from?: number, to?: number]) =>
    (await sessionsOf(telemetry, ...range)).map(({ gateway, name }) => `${gateway} ${name}`);
  t.same(await names(), ['a one', 'b one', 'a two', 'b two']);
  t.same(await names('b'), ['b one', 'b two']);
  t.same(await names('a', 200), ['a two'], 'the end is not of it');
  t.same(await names('a', 0, 200), ['a one']);
  t.same(await names('a', 1e9), ['a two'], 'it goes on');
});

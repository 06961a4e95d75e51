import t from 'tap';
import { type Acknowledged, Acknowledgements } from '../../../../gateway/store/retention/acknowledgements.ts';

const HOUR_MS = 3_600_000;

/** What a large database keeps. */
class Meta {
  readonly texts = new Map<string, string>();
  readonly read = (key: string) => this.texts.get(key);
  readonly keep = (key: string, text: string) => {
    this.texts.set(key, text);
  };
}

function upTo(position: number): Acknowledged {
  return { position, stores: [] };
}

/** @param stores by id, how far it has the feed and for how long it is silent, hours */
function ofStores(stores: Record<string, readonly [position: number, silentHours: number]>): Acknowledged {
  const words = Object.entries(stores).map(([store, [position, hours]]) => ({
    ...{ store, position },
    silentMs: hours * HOUR_MS,
  }));
  return { position: Math.min(...words.map(({ position }) => position)), stores: words };
}

t.test('what counts is what the central that is furthest behind has', async (t) => {
  const known = new Acknowledgements(['team', 'maker']);
  known.take('team', upTo(50));
  t.equal(known.position, 0, 'nobody has heard of the other');
  known.take('maker', upTo(30));
  known.take('stranger', upTo(5));
  t.equal(known.position, 30);
});

t.test('the latest word counts, also where a central has less than before', async (t) => {
  const known = new Acknowledgements(['team']);
  known.take('team', upTo(50));
  known.take('team', upTo(20));
  t.equal(known.position, 20);
});

t.test('without a central nothing is anywhere else', async (t) => {
  const known = new Acknowledgements([]);
  known.take('team', upTo(50));
  t.equal(known.position, 0);
});

t.test('what centrals said is carried over a restart, of those that are still waited for', async (t) => {
  const meta = new Meta();
  const first = new Acknowledgements(['team', 'maker'], meta.read);
  first.keep(meta.keep);
  t.equal(meta.texts.size, 0, 'there is nothing to keep');
  first.take('team', upTo(50));
  first.take('maker', ofStores({ one: [70, 0], two: [80, 3] }));
  first.keep(meta.keep);
  const second = new Acknowledgements(['maker', 'new'], meta.read);
  t.equal(second.position, 0);
  second.take('new', upTo(99));
  t.equal(second.position, 70);
  t.equal(second.isApart(75, 90), false, 'one of its stores has a part of that');
  second.keep(meta.keep);
  t.same(JSON.parse(meta.texts.get('acknowledged') ?? ''), { maker: 70, new: 99 });
  t.notMatch([...meta.texts.values()].join(), 'team');
});

t.test('what was kept before stores had ids is read', async (t) => {
  const known = new Acknowledgements(['hq'], (key) => (key === 'acknowledged' ? '{"hq":42}' : undefined));
  t.equal(known.position, 42);
});

t.test('it is urgent to keep what would mislead the next run', async (t) => {
  const before = ofStores({ one: [50, 0], two: [60, 5] });
  for (const { word, isUrgent } of [
    { word: ofStores({ one: [55, 0], two: [60, 5.5] }), isUrgent: false },
    { word: ofStores({ one: [55, 0] }), isUrgent: false },
    { word: ofStores({ one: [50, 0], two: [60, 5], three: [70, 0] }), isUrgent: true },
    { word: ofStores({ one: [50, 0], two: [59, 5] }), isUrgent: true },
    { word: ofStores({ one: [49, 0], two: [60, 5] }), isUrgent: true },
    { word: ofStores({ one: [50, 0], two: [60, 6] }), isUrgent: true },
    { word: ofStores({ one: [50, 0], two: [60, 0] }), isUrgent: true },
  ]) {
    const meta = new Meta();
    const known = new Acknowledgements(['hq'], meta.read);
    known.take('hq', before);
    t.equal(known.isUrgent, true, 'a store that nobody knew');
    known.keep(meta.keep);
    t.equal(known.isUrgent, false);
    known.take('hq', word);
    t.equal(known.isUrgent, isUrgent, JSON.stringify(word));
    known.keep(meta.keep);
    t.equal(known.isUrgent, false, 'it is kept');
    t.equal(new Acknowledgements(['hq'], meta.read).position, word.position);
  }
});

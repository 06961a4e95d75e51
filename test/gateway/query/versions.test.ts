import fc from 'fast-check';
import t from 'tap';
import { howMuch, isShown, SHOWN_ALL, Versions } from '../../../gateway/query/versions.ts';
import type { Derivation, Span } from '../../../gateway/store/derivation.ts';

const EVERYTHING = { from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY };
const NEWEST = Number.POSITIVE_INFINITY;

function derivation(boot: number, origin: number, version: number, spans: readonly Span[], channels = [7]): Derivation {
  return { boot, origin, version, made: 0, spans: { arrival: spans, device: [] }, channels, recipe: { kind: 'test' } };
}

t.test('without derivations everything is shown as it was taken in', async (t) => {
  t.equal(new Versions().shown(7, 1, 'arrival', NEWEST), SHOWN_ALL);
});

t.test('a derivation stands for its channels within its spans, of its boot and stamp only', async (t) => {
  const versions = new Versions();
  versions.addBoots([{ boot: 2, origin: 1 }]);
  versions.add([derivation(2, 1, 1, [{ from: 10, to: 20 }])]);
  t.same(versions.shown(7, 1, 'arrival', NEWEST), [
    { from: Number.NEGATIVE_INFINITY, to: 10 },
    { from: 20, to: Number.POSITIVE_INFINITY },
  ]);
  t.same(versions.shown(7, 2, 'arrival', NEWEST), [{ from: 10, to: 20 }]);
  t.same(versions.shown(8, 1, 'arrival', NEWEST), SHOWN_ALL, 'another channel');
  t.same(versions.shown(7, 1, 'device', NEWEST), SHOWN_ALL, 'another stamp');
  t.same(versions.shown(7, 3, 'arrival', NEWEST), SHOWN_ALL, 'another boot');
  t.same(versions.shown(7, 1, 'arrival', 0), SHOWN_ALL, 'version 0 is what was taken in');
  t.same(versions.shown(7, 2, 'arrival', 0), []);
  t.same(
    [1, 2].map((boot) => versions.isDerived(boot)),
    [false, true],
  );
});

t.test('derived samples are not shown before their derivation is known', async (t) => {
  const versions = new Versions();
  versions.addBoots([{ boot: 2, origin: 1 }]);
  t.same(versions.shown(7, 2, 'arrival', NEWEST), []);
  t.same(versions.shown(7, 1, 'arrival', NEWEST), SHOWN_ALL);
  versions.add([derivation(2, 1, 1, [EVERYTHING])]);
  t.same(versions.shown(7, 2, 'arrival', NEWEST), [EVERYTHING]);
  t.same(versions.shown(7, 1, 'arrival', NEWEST), []);
});

t.test('an extent is shown wholly, in part or not at all, by its first and last time', async (t) => {
  const shown = [
    { from: 10, to: 20 },
    { from: 30, to: 40 },
  ];
  const cases = [
    [10, 19, 'all'],
    [10, 10, 'all'],
    [10, 20, 'some'],
    [9, 10, 'some'],
    [15, 35, 'some'],
    [20, 29, 'none'],
    [20, 30, 'some'],
    [40, 50, 'none'],
  ] as const;
  for (const [timeMin, timeMax, expected] of cases)
    t.equal(howMuch(shown, timeMin, timeMax), expected, `${timeMin}..${timeMax}`);
});

t.test('each time of each channel is shown once: of the newest derivation that covers it', async () => {
  const anySpans = fc
    .uniqueArray(fc.nat(30), { minLength: 2, maxLength: 6 })
    .map((edges) => edges.sort((a, b) => a - b))
    .map((edges) => {
      const spans: Span[] = [];
      for (let i = 0; i + 1 < edges.length; i += 2) spans.push({ from: edges[i] ?? 0, to: edges[i + 1] ?? 0 });
      return spans;
    });
  const anyDerivations = fc.array(fc.record({ spans: anySpans, channels: fc.subarray([7, 8]), origin: fc.nat(1) }), {
    maxLength: 5,
  });
  fc.assert(
    fc.property(anyDerivations, fc.nat(6), (made, version) => {
      const versions = new Versions();
      const all = made.map(({ spans, channels, origin }, index) =>
        derivation(10 + index, origin, index + 1, spans, channels),
      );
      versions.addBoots(all);
      versions.add(all);
      for (const channel of [7, 8]) {
        for (const origin of [0, 1]) {
          for (let time = -1; time <= 31; time += 1) {
            const covers = ({ spans, channels, ...one }: Derivation) =>
              one.origin === origin &&
              one.version <= version &&
              channels.includes(channel) &&
              isShown(spans.arrival, time);
            const expected = all.filter(covers).at(-1)?.boot ?? origin;
            const boots = [
              origin,
              ...all.filter((one) => one.origin === origin && one.channels.includes(channel)).map(({ boot }) => boot),
            ];
            const found = boots.filter((boot) => isShown(versions.shown(channel, boot, 'arrival', version), time));
            if (found.join() !== String(expected)) return false;
          }
        }
      }
      return true;
    }),
  );
});

import t from 'tap';
import type { FeedItem } from '../../../gateway/store/block-db.ts';
import { FeedInOrder } from '../../../sync/fidelity/feed-in-order.ts';
import { HeldNumbers } from '../../../sync/fidelity/held-numbers.ts';
import { PackPieces } from '../../../sync/fidelity/pack-pieces.ts';

/** What each message brings of packs of those sizes: lengths of whole ones, then that of a piece, negative. */
function cut(sizes: readonly number[], bytesMax: number): number[][] {
  const items = sizes.map((size, i): FeedItem => ({ kind: 'pack', position: i + 1, bytes: new Uint8Array(size) }));
  const order = new FeedInOrder({
    source: { feed: (after) => items.filter(({ position }) => position > after) },
    after: 0,
    pieces: new PackPieces([]),
    held: new HeldNumbers([]),
    guard: () => {},
  });
  const messages: number[][] = [];
  for (let part = order.next(bytesMax); part !== undefined; part = order.next(bytesMax)) {
    const whole = part.items.map((item) => (item.kind === 'pack' ? item.bytes.length : 0));
    messages.push(part.piece === null ? whole : [...whole, -part.piece.bytes.length]);
  }
  return messages;
}

t.test('a pack is cut only where messages would be less than half full otherwise', async (t) => {
  const cases: [string, number[], number, number[][]][] = [
    ['packs that fit', [30, 30, 40, 30], 100, [[30, 30, 40], [30]]],
    [
      'the next begins the next message',
      [30, 30, 30, 30, 30, 30],
      100,
      [
        [30, 30, 30],
        [30, 30, 30],
      ],
    ],
    ['one that fills little does not end a message', [30, 90, 30], 100, [[30, -70], [-20], [30]]],
    ['one that no message has room for', [60, 250, 60], 100, [[60, -40], [-100], [-100], [-10], [60]]],
    ['each in a message of its own', [60, 60, 60], 100, [[60], [60], [60]]],
  ];
  for (const [what, sizes, bytesMax, messages] of cases) t.same(cut(sizes, bytesMax), messages, what);
});

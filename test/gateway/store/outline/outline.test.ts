import { Buffer } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { nodeOf } from '../../../../gateway/store/envelope-node.ts';
import {
  endOfOutline,
  OUTLINE_NODES_MAX,
  type OutlineNode,
  outlinesOf,
  outlineWithout,
  secondOf,
} from '../../../../gateway/store/outline/outline.ts';
import { decodeNodes, encodeNodes } from '../../../../gateway/store/outline/outline-bytes.ts';
import { PROJECT_ROOT } from '../../../data-dir.ts';

const START = 1_700_000_000_000_000;

/** Times that mostly ascend, and values of that kind. */
const samples = fc
  .tuple(
    fc.array(fc.integer({ min: -200_000, max: 900_000 }), { minLength: 1, maxLength: 60 }),
    fc.constantFrom('steps', 'decimals', 'doubles', 'large', 'odd'),
    fc.infiniteStream(fc.integer({ min: -5000, max: 5000 })),
  )
  .map(([steps, kind, stream]) => {
    let time = START;
    const times = Float64Array.from(steps, (step) => {
      time += step;
      return time;
    });
    const toValue = (integer: number): number => {
      if (kind === 'steps') return integer;
      if (kind === 'decimals') return integer / 100;
      if (kind === 'doubles') return Math.sin(integer) * 1e3;
      if (kind === 'large') return integer * 1e300;
      return [Number.NaN, Number.POSITIVE_INFINITY, -0, 1.5][Math.abs(integer) % 4] ?? 0;
    };
    return { kind, times, values: Float64Array.from(steps, () => toValue(stream.next().value)) };
  });

t.test('an outline has a node for every run of samples in one second, each what a chart needs of them', async () => {
  fc.assert(
    fc.property(samples, ({ times, values }) => {
      const [outline, ...more] = outlinesOf(7, times, values);
      if (outline === undefined || more.length > 0) return false;
      let start = 0;
      for (const node of outline.nodes) {
        const end = start + node.count;
        const { sum: _, ...expected } = nodeOf(times, values, start, end);
        const seconds = new Set(times.subarray(start, end).map(secondOf));
        if (JSON.stringify(expected) !== JSON.stringify(node) || seconds.size !== 1) return false;
        if (end < times.length && secondOf(times[end] as number) === secondOf(times[start] as number)) return false;
        start = end;
      }
      return start === times.length && endOfOutline(outline) === 7 + times.length;
    }),
  );
});

t.test('more nodes than an outline may have give several, one after the other', async (t) => {
  const times = Float64Array.from({ length: 2_500 }, (_, i) => START + i * 1_000_000);
  const outlines = outlinesOf(10, times, times);
  t.same(
    outlines.map((outline) => [outline.firstSequence, outline.nodes.length, endOfOutline(outline)]),
    [
      [10, OUTLINE_NODES_MAX, 1034],
      [1034, OUTLINE_NODES_MAX, 2058],
      [2058, 452, 2510],
    ],
  );
});

t.test(
  'nodes are given back bit by bit where values are integers of a scale, and to seven digits elsewhere',
  async () => {
    fc.assert(
      fc.property(samples, ({ kind, times, values }) => {
        const nodes = outlinesOf(0, times, values)[0]?.nodes ?? [];
        const back = decodeNodes(encodeNodes(nodes));
        const rounded = (node: OutlineNode) => ({
          ...node,
          ...{ min: Math.fround(node.min), max: Math.fround(node.max) },
          ...{ first: Math.fround(node.first), last: Math.fround(node.last) },
        });
        const isExact = kind === 'steps' || kind === 'decimals' || kind === 'large';
        const [given, expected] = isExact ? [back, nodes] : [back.map(rounded), nodes.map(rounded)];
        return given.every((node, i) =>
          (Object.keys(node) as (keyof OutlineNode)[]).every((key) => Object.is(node[key], expected[i]?.[key])),
        );
      }),
    );
  },
);

t.test('what samples are here for is taken out, node by node', async (t) => {
  const node = (count: number) => ({ count, timeMin: 0, timeMax: 0, min: 0, max: 0, first: 0, last: 0 });
  const outline = { firstSequence: 10, nodes: [node(5), node(5), node(5), node(5)] };
  const left = (first: number, end: number) =>
    outlineWithout(outline, first, end).map((each) => [each.firstSequence, endOfOutline(each)]);
  t.same(left(0, 10), [[10, 30]]);
  t.same(left(30, 40), [[10, 30]]);
  t.same(left(16, 17), [
    [10, 15],
    [20, 30],
  ]);
  t.same(left(14, 16), [[20, 30]]);
  t.same(left(0, 100), []);
});

const EXAMPLE: readonly OutlineNode[] = [
  { count: 2, timeMin: 1_500_000, timeMax: 1_900_000, min: 20.5, max: 21, first: 20.5, last: 21 },
  { count: 3, timeMin: 2_100_000, timeMax: 2_900_000, min: 19, max: 22.5, first: 21.5, last: 20 },
];

t.test('the example of the format is what is written, and read', async (t) => {
  const text = readFileSync(join(PROJECT_ROOT, 'gateway/store/outline/OUTLINE_FORMAT.md'), 'utf8');
  const hex = /`([0-9a-f ]{40,})`/.exec(text)?.[1] ?? '';
  const bytes = Buffer.from(hex.replaceAll(' ', ''), 'hex');
  t.equal(Buffer.from(encodeNodes(EXAMPLE)).toString('hex'), bytes.toString('hex'));
  t.same(decodeNodes(bytes), EXAMPLE);
});

const whole = encodeNodes(EXAMPLE);
const changed = (at: number, byte: number) => Uint8Array.from(whole, (each, i) => (i === at ? byte : each));
const BROKEN = [
  { clause: '1.1', what: 'no node', bytes: Uint8Array.of(0) },
  { clause: '1.1', what: 'more nodes than there may be', bytes: Uint8Array.of(0x81, 0x08) },
  { clause: '1.2', what: 'bytes behind the end', bytes: Uint8Array.of(...whole, 0) },
  { clause: '2.1', what: 'an end in the middle', bytes: whole.subarray(0, whole.length - 1) },
  { clause: '3.1', what: 'a form that is none', bytes: changed(17, 9) },
];
for (const { clause, what, bytes } of BROKEN) {
  t.test(`refuses ${what}`, async (t) => {
    t.throws(() => decodeNodes(bytes), { code: 'block-invalid', message: new RegExp(`^OUTLINE-${clause}`) });
  });
}

t.test('whatever the bytes are, they are refused or give nodes that can be', async () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
      try {
        return decodeNodes(bytes).every(({ count, timeMin, timeMax }) => {
          return count > 0 && timeMin <= timeMax && secondOf(timeMin) === secondOf(timeMax);
        });
      } catch (error) {
        return (error as { code?: string }).code === 'block-invalid';
      }
    }),
  );
});

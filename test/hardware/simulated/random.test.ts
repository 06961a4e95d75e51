import t from 'tap';
import { Random, Wander } from '../../../hardware/simulated/random.ts';

const MANY = 40_000;

function draw(count: number, from: () => number): number[] {
  return Array.from({ length: count }, from);
}

function moments(values: readonly number[]): { mean: number; deviation: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return { mean, deviation: Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length) };
}

t.test('the same seed gives the same numbers and another seed others', async (t) => {
  const numbers = (seed: number) =>
    draw(
      100,
      (
        (random) => () =>
          random.bits()
      )(new Random(seed)),
    );
  t.same(numbers(7), numbers(7));
  for (const other of [8, 7 + 2 ** 32, -7, 0]) t.notSame(numbers(7), numbers(other), `seed ${other}`);
});

t.test('a fork depends on its label and not on what was drawn before', async (t) => {
  const fresh = new Random(3);
  const used = new Random(3);
  draw(10, () => used.bits());
  const first = (random: Random, label: string) => random.fork(label).bits();
  t.equal(first(fresh, 'gnss'), first(used, 'gnss'));
  t.not(first(fresh, 'tyres/fl'), first(fresh, 'tyres/fr'));
  t.not(fresh.fork('a').fork('b').bits(), fresh.fork('ab').bits());
});

t.test('distributions have the moments they should', async (t) => {
  const random = new Random(11);
  const cases: readonly [string, () => number, number, number][] = [
    ['unit', () => random.unit(), 0.5, Math.sqrt(1 / 12)],
    ['between', () => random.between(-4, 8), 2, Math.sqrt(12)],
    ['below', () => random.below(5), 2, Math.sqrt(2)],
    ['gaussian', () => random.gaussian(), 0, 1],
    ['exponential', () => random.exponential(3), 3, 3],
  ];
  for (const [name, from, mean, deviation] of cases) {
    const found = moments(draw(MANY, from));
    t.ok(Math.abs(found.mean - mean) < 0.02 * deviation + 0.01 * Math.abs(mean), `${name}: mean ${found.mean}`);
    t.ok(Math.abs(found.deviation / deviation - 1) < 0.02, `${name}: deviation ${found.deviation}`);
  }
});

t.test('a wander stays around zero and remembers for as long as it says', async (t) => {
  const wander = new Wander(new Random(5), 2);
  const values = draw(MANY, () => wander.advance(1));
  const { mean, deviation } = moments(values);
  t.ok(Math.abs(mean) < 0.05, `mean ${mean}`);
  t.ok(Math.abs(deviation - 1) < 0.05, `deviation ${deviation}`);
  const next = values.slice(1).reduce((sum, value, i) => sum + value * (values[i] ?? 0), 0) / values.length;
  t.ok(Math.abs(next - Math.exp(-0.5)) < 0.03, `correlation over half the memory ${next}`);
});

import t from 'tap';
import { entropyBits, noiseFloor } from './noise-floor.ts';

const scale = { gain: 0.5, offset: 1 };
const regular = Float64Array.from({ length: 1000 }, (_, i) => 5000 * i);

t.test('takes a coin for one bit and a certainty for none', async (t) => {
  t.equal(entropyBits(Float64Array.of(0, 1, 1, 0)), 4);
  t.equal(entropyBits(Float64Array.of(7, 7, 7)), 0);
  t.equal(entropyBits(new Float64Array(0)), 0);
});

t.test('finds nothing in regular times and a steady slope', async (t) => {
  const slope = regular.map((_, i) => 0.5 * i + 1);
  const floor = noiseFloor([{ times: regular, values: slope, scale }]);
  t.ok(floor.timeBytes < 0.01 && floor.valueBytes < 0.01, JSON.stringify(floor));
});

t.test('counts times that channels share once', async (t) => {
  const late = regular.map((time, i) => time + ((Math.imul(i, i) ^ (i * 7919)) & 0xff));
  const values = regular.map(() => 1);
  const one = noiseFloor([{ times: late, values, scale }]);
  const two = noiseFloor([
    { times: late, values, scale },
    { times: late.slice(), values, scale },
  ]);
  t.ok(one.timeBytes > 500, `${one.timeBytes}`);
  t.equal(two.timeBytes, one.timeBytes);
});

t.test('finds as much in digits of noise as they have, by their scale or without', async (t) => {
  const noise = Float64Array.from({ length: 4096 }, (_, i) => Math.imul(i, 0x9e3779b1) >>> 30);
  const scaled = noise.map((raw) => raw * 0.5 + 1);
  for (const channel of [
    { times: noise.map((_, i) => i), values: scaled, scale },
    { times: noise.map((_, i) => i), values: noise.map((raw) => Math.PI * raw), scale: undefined },
  ]) {
    const { valueBytes } = noiseFloor([channel]);
    t.ok(valueBytes <= 1024 && valueBytes > 0, `${valueBytes}`);
  }
});

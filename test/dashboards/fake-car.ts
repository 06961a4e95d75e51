import type { FakeChannel } from './fake-telemetry.ts';

const LAP_SECONDS = 90;
const CORNERS = [0.06, 0.15, 0.24, 0.37, 0.45, 0.58, 0.66, 0.79, 0.9];

/** 0 on the straight, 1 at the apex. */
function cornering(seconds: number): number {
  const place = (seconds / LAP_SECONDS) % 1;
  return CORNERS.reduce((most, corner) => Math.max(most, Math.exp(-(((place - corner) / 0.022) ** 2))), 0);
}

function noise(seconds: number, seed: number): number {
  return Math.sin(seconds * 61.7 + seed * 12.9) * 0.6 + Math.sin(seconds * 23.1 + seed * 7.7) * 0.4;
}

const speed = (t: number) => 292 - 190 * cornering(t) + 2 * noise(t, 1);
const gearAt = (t: number) => Math.max(1, Math.min(8, Math.round(speed(t) / 38)));
const rpm = (t: number) => 6200 + ((speed(t) % 38) / 38) * 5600 + 60 * noise(t, 2);
const braking = (t: number) => Math.max(0, (cornering(t + 1.6) - cornering(t)) * 118 + 1.5 * noise(t, 3));
const throttle = (t: number) => Math.max(0, Math.min(100, 100 - 150 * cornering(t + 0.8)));

const WHEELS = ['fl', 'fr', 'rl', 'rr'] as const;

function number(
  name: string,
  unit: string,
  decimals: number,
  rateHz: number,
  value: (t: number) => number,
): FakeChannel {
  return { definition: { name, unit, decimals }, rateHz, value };
}

/** A car of about 250 channels of every type on a made-up lap; 25,000 samples a second in all. */
export function fakeCar(): FakeChannel[] {
  const channels: FakeChannel[] = [
    number('car7/chassis/speed', 'km/h', 1, 100, speed),
    number('car7/engine/rpm', 'rpm', 0, 200, rpm),
    { definition: { name: 'car7/gearbox/gear', decimals: 0 }, rateHz: 50, value: gearAt },
    number('car7/driver/throttle', '%', 1, 100, throttle),
    number('car7/driver/brake_pressure_front', 'bar', 1, 200, braking),
    number('car7/driver/brake_pressure_rear', 'bar', 1, 200, (t) => braking(t) * 0.72),
    number('car7/driver/steering_angle', '°', 1, 100, (t) => 140 * cornering(t) * Math.sin(t / 7) + noise(t, 4)),
    number('car7/chassis/acc_lateral', 'g', 2, 200, (t) => 3.6 * cornering(t) * Math.sin(t / 7) + 0.15 * noise(t, 5)),
    number('car7/chassis/acc_longitudinal', 'g', 2, 200, (t) => throttle(t) / 90 - braking(t) / 28 + 0.1 * noise(t, 6)),
    number('car7/chassis/yaw_rate', '°/s', 1, 100, (t) => 42 * cornering(t) * Math.sin(t / 7) + noise(t, 7)),
    number('car7/engine/oil_temperature', '°C', 1, 10, (t) => 104 + 3 * Math.sin(t / 41) + 0.1 * noise(t, 8)),
    number('car7/engine/oil_pressure', 'bar', 2, 50, (t) => 3.2 + rpm(t) / 4000 + 0.05 * noise(t, 9)),
    number('car7/engine/water_temperature', '°C', 1, 10, (t) => 91 + 2 * Math.sin(t / 29)),
    number('car7/engine/fuel_level', 'l', 2, 5, (t) => 62 - (t % 3600) / 90),
    { definition: { name: 'car7/pit/limiter', type: 'bool' }, rateHz: 10, value: (t) => (t % 30 < 4 ? 1 : 0) },
    {
      definition: {
        name: 'car7/engine/map',
        type: 'enum',
        labels: { 0: 'safety', 1: 'wet', 2: 'race', 3: 'qualifying' },
      },
      rateHz: 5,
      value: (t) => Math.floor(t / 12) % 4,
    },
    {
      definition: { name: 'car7/gps/fix', type: 'enum', labels: { 0: 'none', 1: '2D', 2: '3D', 3: 'RTK' } },
      rateHz: 10,
      value: () => 3,
    },
    number('car7/gps/latitude', '°', 7, 25, (t) => 50.4371 + 0.01 * Math.sin((t / LAP_SECONDS) * 2 * Math.PI)),
    number('car7/gps/longitude', '°', 7, 25, (t) => 5.9714 + 0.02 * Math.cos((t / LAP_SECONDS) * 2 * Math.PI)),
    {
      definition: { name: 'car7/radio/message', type: 'text' },
      rateHz: 0.5,
      value: (t) => `box this lap, box, message ${Math.floor(t / 2)}`,
    },
    number('box/cpu/load', '%', 0, 1, (t) => 14 + 4 * Math.sin(t / 5)),
    number('box/disk/free', 'GB', 1, 0.2, () => 182.4),
  ];
  WHEELS.forEach((wheel, i) => {
    channels.push(
      number(`car7/tyres/${wheel}/pressure`, 'bar', 3, 5, (t) => 1.42 + 0.03 * Math.sin(t / 30 + i)),
      number(`car7/tyres/${wheel}/temperature_inner`, '°C', 1, 5, (t) => 96 + 6 * Math.sin(t / 17 + i)),
      number(`car7/tyres/${wheel}/temperature_outer`, '°C', 1, 5, (t) => 88 + 6 * Math.sin(t / 19 + i)),
      number(`car7/suspension/${wheel}/travel`, 'mm', 1, 500, (t) => 22 + 8 * cornering(t) + 4 * noise(t, 20 + i)),
      number(`car7/suspension/${wheel}/load`, 'N', 0, 500, (t) => 3900 + 900 * cornering(t) + 300 * noise(t, 30 + i)),
      number(`car7/wheels/${wheel}/speed`, 'km/h', 1, 200, (t) => speed(t) + noise(t, 40 + i)),
    );
  });
  for (let i = 0; channels.length < 250; i++) {
    const group = ['aero', 'hydraulics', 'electrics', 'cooling'][i % 4] ?? 'aero';
    const unit = ['kPa', 'bar', 'V', '°C'][i % 4] ?? '';
    channels.push(
      number(`car7/${group}/sensor_${i}`, unit, 2, 90, (t) => 12 + Math.sin(t / 3 + i) + 0.2 * noise(t, i)),
    );
  }
  return channels;
}

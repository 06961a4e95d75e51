import t from 'tap';
import { LONGSHOAL } from '../../../hardware/simulated/circuit.ts';
import { Random } from '../../../hardware/simulated/random.ts';
import { Track } from '../../../hardware/simulated/track.ts';
import { ENGINE, GRAVITY, STEP_S, TYRES } from '../../../hardware/simulated/vehicle/parameters.ts';
import { Vehicle } from '../../../hardware/simulated/vehicle/vehicle.ts';

const track = new Track(LONGSHOAL);
const SECONDS = 280;

/** Extremes of a quantity over the drive. */
class Extent {
  least = Number.POSITIVE_INFINITY;
  greatest = Number.NEGATIVE_INFINITY;

  take(value: number): void {
    this.least = Math.min(this.least, value);
    this.greatest = Math.max(this.greatest, value);
  }
}

/** Quantities with what a car of this kind reaches: least at most, least at least, greatest at least, greatest at most. */
const WITHIN: readonly [string, (car: Vehicle) => number, number, number, number, number][] = [
  ['speed, km/h', (car) => car.speed * 3.6, 50, 90, 260, 330],
  ['braking and acceleration, g', (car) => car.acceleration / GRAVITY, -3.6, -2, 0.8, 1.6],
  ['lateral, g', (car) => car.lateral / GRAVITY, -3.2, -1.8, 1.5, 3],
  ['engine speed, rpm', (car) => car.powertrain.rpm, 4000, 6000, 7900, 8900],
  ['gear', (car) => car.powertrain.gear, 1, 3, 7, 7],
  ['manifold pressure, bar', (car) => car.powertrain.manifold, 0.3, 0.6, 2, 2.4],
  ['water, degC', (car) => car.fluids.waterTemperature, 70, 95, 85, 108],
  ['oil, degC', (car) => car.fluids.oilTemperature, 75, 105, 95, 125],
  ['oil pressure, bar', (car) => car.fluids.oilPressure, 2, 5, 5, 8],
  ['front disc, degC', (car) => car.brakes.discTemperature[0] ?? 0, 200, 450, 600, 950],
  ['tyre surface, degC', (car) => car.tyres.surfaceMean(0), 45, 85, 100, 160],
  ['tyre carcass, degC', (car) => car.tyres.carcass[0] ?? 0, 60, 90, 85, 125],
  ['tyre pressure, bar', (car) => car.tyres.pressure(0), 1.6, 2, 1.8, 2.4],
  ['damper, mm', (car) => car.suspension.damper[0] ?? 0, -40, -5, 20, 60],
  ['exhaust, degC', (car) => car.fluids.exhaustTemperature[0] ?? 0, 500, 750, 850, 1100],
  ['net, V', (car) => car.electrics.voltage, 12.5, 14, 13.5, 14.6],
  ['charge', (car) => car.powertrain.charge / 3.6e6, 0.02, 0.5, 0.4, 1],
  ['offset from the line, m', (car) => car.driver.offset, -3, -0.1, 0.1, 3],
];

function drive(seed: number): Vehicle {
  return new Vehicle(track, new Random(seed));
}

t.test('laps take ninety seconds, each a little different', async (t) => {
  const laps = [1, 2, 3].flatMap((seed) => {
    const car = drive(seed);
    for (let step = 0; step < SECONDS / STEP_S; step++) car.step();
    return car.laps;
  });
  const times = laps.map(({ start, end }) => end - start);
  t.ok(times.length >= 9, `${times.length} laps`);
  for (const time of times) t.ok(Math.abs(time - 90) < 2.7, `${time.toFixed(3)} s`);
  t.equal(new Set(times).size, times.length, 'no two alike');
  for (const { start, end, sectors, number } of laps) {
    t.equal(sectors.length, 3, `lap ${number}`);
    t.ok(Math.abs(sectors.reduce((sum, sector) => sum + sector, 0) - (end - start)) < 1e-9, 'sectors add up');
  }
});

t.test('a drive keeps within what such a car can do', async (t) => {
  const car = drive(1);
  const extents = WITHIN.map(() => new Extent());
  let slipMost = 0;
  for (let step = 0; step < SECONDS / STEP_S; step++) {
    car.step();
    for (const [index, [, read]] of WITHIN.entries()) extents[index]?.take(read(car));
    for (let wheel = 0; wheel < 4; wheel++) {
      const own = (car.tyres.turning[wheel] ?? 0) * (TYRES.radius[wheel] ?? 0);
      slipMost = Math.max(slipMost, Math.abs(own / car.speed - 1));
    }
    const used = Math.hypot(car.acceleration, car.lateral);
    const limit = TYRES.grip * (GRAVITY + (0.5 * 1.18 * 3.1 * car.speed ** 2) / car.mass) * 1.25 + 4;
    if (used > limit) {
      t.fail(`${used} m/s2 at ${car.speed} m/s`);
      return;
    }
  }
  for (const [index, [name, , least, leastMost, greatestLeast, greatest]] of WITHIN.entries()) {
    const extent = extents[index] ?? new Extent();
    t.ok(extent.least >= least && extent.least <= leastMost, `${name}: least ${extent.least.toFixed(2)}`);
    t.ok(
      extent.greatest >= greatestLeast && extent.greatest <= greatest,
      `${name}: greatest ${extent.greatest.toFixed(2)}`,
    );
  }
  t.ok(slipMost > 0.02 && slipMost < 0.16, `wheels differ from the road by up to ${slipMost}`);
});

t.test('speed, distance and forces agree with each other', async (t) => {
  const car = drive(4);
  let travelled = 0;
  let speed = car.speed;
  let turned = 0;
  const lapHeadings: number[] = [];
  for (let step = 0; step < 200 / STEP_S; step++) {
    const lap = car.lap;
    car.step();
    travelled += ((speed + car.speed) / 2) * STEP_S;
    if (Math.abs(car.speed - speed - car.acceleration * STEP_S) > 1e-9) {
      t.fail(`speed jumps at ${car.time} s`);
      return;
    }
    speed = car.speed;
    turned += car.yawRate * STEP_S;
    if (car.lap !== lap) lapHeadings.push(turned);
  }
  t.ok(Math.abs(travelled - car.travelled) < 1e-6, `${travelled} m`);
  const lapTurn = (lapHeadings[1] ?? 0) - (lapHeadings[0] ?? 0);
  t.ok(Math.abs(lapTurn + 2 * Math.PI) < 0.05, `a lap turns once to the right: ${lapTurn} rad`);
});

t.test('energy is neither made nor lost', async (t) => {
  const car = drive(2);
  const before = car.energy;
  for (let step = 0; step < 180 / STEP_S; step++) car.step();
  const spent = car.brakeWork + car.dragWork + car.rollingWork + car.corneringWork;
  const balance = before + car.powertrain.work - spent - car.energy;
  t.ok(Math.abs(balance) < 0.01 * car.powertrain.work, `${balance} J of ${car.powertrain.work} J`);
  const burnt = car.powertrain.fuelUsed * ENGINE.fuelEnergy;
  const efficiency = car.powertrain.work / burnt;
  t.ok(efficiency > 0.2 && efficiency < 0.45, `efficiency from tank to road ${efficiency}`);
});

t.test('the car is serviced at the line when the tank runs low, and drives on', async (t) => {
  const car = drive(3);
  car.powertrain.fuel = 8;
  const worn = car.tyres.wear;
  let least = car.powertrain.fuel;
  let renewed = 0;
  for (let step = 0; step < 480 / STEP_S; step++) {
    const before = worn[3] ?? 0;
    car.step();
    least = Math.min(least, car.powertrain.fuel);
    if ((worn[3] ?? 0) < before) renewed++;
  }
  t.ok(least > 1 && least < 5, `${least} kg left at least`);
  t.ok(car.powertrain.fuel > 0.85 * ENGINE.tankKg, `${car.powertrain.fuel} kg afterwards`);
  t.equal(renewed, 1, 'new tyres, once');
  for (const { start, end } of car.laps) t.ok(Math.abs(end - start - 90) < 3, `${(end - start).toFixed(2)} s`);
});

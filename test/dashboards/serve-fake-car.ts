import { startDashboard } from '../../dashboards/server/dashboard.ts';
import { fakeCar } from './fake-car.ts';
import { FakeTelemetry, fakeStatus, utcNow } from './fake-telemetry.ts';

/**
 * Serves the dashboard over the fixture car until it is ended, to look at while working on the app:
 * `node .build/.../test/dashboards/serve-fake-car.js PORT WEB_ROOT [CHANNELS]`. Prints its CPU share every ten seconds.
 */
const [port = '8089', webRoot = 'dist/dashboards/web', channelCount = '250'] = process.argv.slice(2);

const cars = fakeCar();
while (cars.length < Number(channelCount)) {
  const i = cars.length;
  const name = `fleet/truck_${Math.floor(i / 40)}/system_${Math.floor(i / 8) % 5}/sensor_${i}`;
  cars.push({ definition: { name, unit: 'kPa', decimals: 1 }, rateHz: 2, value: (t) => i + Math.sin(t) });
}
const telemetry = new FakeTelemetry(cars, utcNow() - 70e6);
telemetry.advance(utcNow());
setInterval(() => telemetry.advance(utcNow()), 20);

const dashboard = await startDashboard({
  host: '127.0.0.1',
  port: Number(port),
  telemetry,
  status: () => fakeStatus(utcNow()),
  isStale: telemetry.isStale,
  webRoot,
  utcNow,
});
console.log(`http://127.0.0.1:${dashboard.port}`);

let before = process.cpuUsage();
setInterval(() => {
  const { user, system } = process.cpuUsage(before);
  before = process.cpuUsage();
  console.log(`cpu ${((user + system) / 10e6).toFixed(3)} rss ${(process.memoryUsage.rss() / 1e6).toFixed(0)} MB`);
}, 10_000).unref();

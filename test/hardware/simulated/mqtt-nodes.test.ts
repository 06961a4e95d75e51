import t from 'tap';
import { decodePackedFrame } from '../../../collectors/mqtt/packed-frame.ts';
import { CAMERA_RATE_HZ } from '../../../hardware/simulated/tyre-camera.ts';
import { recordCar } from './recorded-car.ts';

const START_MS = Date.UTC(2027, 0, 1);

function drive(options: { noise?: number } = {}) {
  const recording = recordCar({ seed: 31, faults: false, utcMs: (seconds) => START_MS + seconds * 1000, ...options });
  return recording;
}

t.test('a camera without errors shows the true tread at the times its frames say', async (t) => {
  const { car, messages } = drive({ noise: 0 });
  car.advance(10);
  const seen = new Set<string>();
  for (const { topic, payload, sentUs } of messages) {
    if (typeof payload === 'string') continue;
    const frame = decodePackedFrame(payload);
    t.equal(frame.channels.length, 16);
    for (const { name, values, firstUs, intervalUs, type, ...rest } of frame.channels) {
      const gain = 'gain' in rest ? rest.gain : Number.NaN;
      t.same([type, values.length, intervalUs], ['i16', 5, 1e6 / CAMERA_RATE_HZ]);
      const sensor = `${topic.replace('car1/', '')}/${name}`;
      seen.add(sensor);
      const seconds = (frame.baseTimeUs + firstUs - START_MS * 1000) / 1e6;
      const truth = car.truth.valueAt(sensor, seconds);
      const shown = (values[0] ?? Number.NaN) * gain;
      if (Math.abs(shown - truth) > 0.051) t.fail(`${sensor} at ${seconds} s: ${shown}, not ${truth}`);
      const lastUs = (seconds + (4 * intervalUs) / 1e6) * 1e6;
      if (sentUs < lastUs || sentUs > lastUs + 10_000) t.fail(`sent ${sentUs - lastUs} us after its last picture`);
    }
  }
  t.equal(seen.size, 64);
});

t.test('a zone that fails leaves gaps in the frame and the others as they are', async (t) => {
  const { car, messages } = drive();
  car.inject('open-circuit', 'tyres/rr/zone07', 3, 4);
  car.advance(6);
  let gaps = 0;
  for (const { payload } of messages) {
    if (typeof payload === 'string') continue;
    for (const { name, values } of decodePackedFrame(payload).channels) {
      const missing = [...values].filter((raw) => raw === -32_768).length;
      gaps += missing;
      if (missing > 0) t.equal(name, 'zone07');
    }
  }
  t.equal(gaps, CAMERA_RATE_HZ);
  t.equal(car.truth.faults[0]?.lostSamples, gaps);
});

t.test('the weather station sends plain JSON once a second', async (t) => {
  const { car, messages } = drive();
  car.inject('silent', 'ambient', 3.5, 5.5);
  car.advance(10);
  const weather = messages.filter(({ topic }) => topic === 'car1/ambient');
  t.equal(weather.length, 8);
  for (const { payload, qos } of weather) {
    const fields = JSON.parse(String(payload));
    t.equal(qos, 1);
    t.same(Object.keys(fields), [
      'airTemperature',
      'trackTemperature',
      'humidity',
      'pressure',
      'windSpeed',
      'windDirection',
    ]);
    t.ok(fields.airTemperature > 5 && fields.airTemperature < 40);
    t.ok(
      Object.values(fields).every((value) => String(value).length <= 6),
      String(payload),
    );
  }
});

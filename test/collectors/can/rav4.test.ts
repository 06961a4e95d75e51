import t from 'tap';
import { createCanCollector } from '../../../collectors/can/can-collector.ts';
import type { CanConfig } from '../../../collectors/can/can-config.ts';
import { recording } from '../../data-dir.ts';
import { RAV4, rav4Source, readWheelSpeeds } from '../../rav4-oracle.ts';
import { waitFor } from '../../wait-for.ts';
import { RecordedIntake, SetClock } from '../serial/recorded-intake.ts';

t.test(
  "a real drive through the collector: wheel speeds equal the recorder's own at every sample, and all frames are accounted for",
  { skip: recording(RAV4) === undefined ? `no recording ${RAV4}` : false },
  async (t) => {
    const intake = new RecordedIntake();
    const { type: _, ...config } = rav4Source();
    const collector = createCanCollector(config as unknown as CanConfig, {
      source: 'rav4',
      intake,
      clock: new SetClock(),
    });
    await collector.start();
    await waitFor('the end of the recording', () => collector.health().state === 'stopped');
    await collector.stop();

    for (const { channel, times, steps } of readWheelSpeeds()) {
      t.ok(times.length > 4900, `${times.length} samples of the oracle`);
      const name = `rav4/${channel}`;
      const samples = intake.samples(name);
      t.same(
        samples.map(({ time }) => time),
        times,
        `${channel}: the same times`,
      );
      t.same(
        samples.map(({ value }) => Math.round(value * 100)),
        steps,
        `${channel}: the same speeds`,
      );
      t.match(intake.channels.get(name), { unit: 'km/h', stamp: 'device', decimals: 2, scale: { gain: 0.01 } });
    }

    const { received, samples, errors, dropped } = collector.health();
    t.equal(received, 98_800);
    t.equal(dropped, 0);
    t.same(errors, { 'no-definition': 12_269 });
    t.equal(
      samples,
      [...intake.channels.keys()].reduce((sum, name) => sum + intake.samples(name).length, 12_269),
    );
    const [rates, loads] = ['frame_rate', 'load'].map((name) => intake.values(`rav4/powertrain/bus/${name}`));
    t.ok((rates?.length ?? 0) >= 59, 'a frame rate every second');
    t.ok(
      rates?.slice(1).every((rate) => rate > 800 && rate < 1000),
      'about 897 frames a second',
    );
    t.ok(
      loads?.slice(1).every((load) => load > 15 && load < 25),
      'about a fifth of the bus',
    );
  },
);

import { setTimeout as wait } from 'node:timers/promises';
import { createCanCollector } from '../../collectors/can/can-collector.ts';
import { type Channel, type ChannelSpec, defineChannel } from '../../gateway/channel.ts';
import type { Clock } from '../../gateway/clock.ts';
import type { Intake, Ticket } from '../../gateway/intake.ts';
import { DATA_DIR, recording } from '../data-dir.ts';
import { GrowingColumn } from './growing-column.ts';

/** A recording of a real car, decoded by the CAN collector: one element a sample, in the order in which they came. */
export interface RecordedDrive {
  readonly name: string;
  /** As the collector describes them; `channels` holds indices into this. */
  readonly specs: readonly ChannelSpec[];
  readonly channels: Float64Array;
  /** UTC, microseconds. */
  readonly times: Float64Array;
  readonly values: Float64Array;
}

type Interfaces = Readonly<Record<string, readonly string[]>>;

/** A minute of a Toyota RAV4: 250 signals and more of three buses, most of them at 10 to 80 Hz. */
export function decodeRav4(): Promise<RecordedDrive> {
  return decodeDrive('rav4', 'can/comma2k19-rav4', 'rav4_20180802_60s.candump.log.gz', {
    can0: ['toyota_nodsu_pt_concat.dbc', 'toyota_2017_ref_pt.dbc'],
    can1: ['toyota_adas.dbc'],
  });
}

/** Forty minutes of a car with a CANmod.gps: position, speed, attitude and acceleration. */
export function decodeCssCar(): Promise<RecordedDrive> {
  return decodeDrive('css', 'can/css-car-drive', 'drive_20210726_am_40min.candump.log.gz', {
    can2: ['canmod-gps.dbc'],
  });
}

async function decodeDrive(name: string, folder: string, log: string, dbcs: Interfaces): Promise<RecordedDrive> {
  const path = recording(folder);
  if (path === undefined)
    throw new Error(`no recording ${folder} in ${DATA_DIR}; CAISSON_TEST_DATA tells where they are`);
  const intake = new ColumnIntake();
  const collector = createCanCollector(
    {
      bus: { log: `${path}/${log}`, speed: 'max' },
      timestamp: 'device',
      interfaces: Object.fromEntries(
        Object.entries(dbcs).map(([bus, files]) => [bus, { dbc: files.map((file) => `${path}/${file}`) }]),
      ),
    },
    { source: name, intake, clock: STOPPED_CLOCK },
  );
  await collector.start();
  while (collector.health().state !== 'stopped') await wait(20);
  await collector.stop();
  return intake.drive(name);
}

const STOPPED_CLOCK: Clock = { now: () => 1e15, observe: () => {} };

/** An intake that keeps everything in columns. */
class ColumnIntake implements Intake {
  readonly #specs: ChannelSpec[] = [];
  readonly #known = new Map<string, Channel>();
  readonly #channels = new GrowingColumn();
  readonly #times = new GrowingColumn();
  readonly #values = new GrowingColumn();

  channel(spec: ChannelSpec): Channel {
    const known = this.#known.get(spec.name);
    if (known !== undefined) return known;
    const channel = { ...defineChannel(spec), id: this.#specs.push(spec) };
    this.#known.set(spec.name, channel);
    return channel;
  }

  hasRoom(): boolean {
    return true;
  }

  push(channel: number, time: number, value: number): boolean {
    this.#channels.push(channel - 1);
    this.#times.push(time);
    this.#values.push(value);
    return true;
  }

  pushText(): boolean {
    throw new Error('a text from a CAN bus');
  }

  pushReceipt(): boolean {
    return true;
  }

  isKnownReceipt(): boolean {
    return false;
  }

  publish(): Ticket {
    return this.#times.length;
  }

  async durable(): Promise<void> {}

  drive(name: string): RecordedDrive {
    return {
      name,
      specs: this.#specs,
      channels: this.#channels.take(),
      times: this.#times.take(),
      values: this.#values.take(),
    };
  }
}

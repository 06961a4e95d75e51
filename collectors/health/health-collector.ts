import { HostReader, type HostReading } from '../../hardware/host/host-reader.ts';
import type { TemperatureSensor } from '../../hardware/host/temperature.ts';
import {
  type Collector,
  type CollectorContext,
  CollectorCounters,
  type CollectorFactory,
  type CollectorHealth,
} from '../collector.ts';
import { type HealthConfig, type HealthSettings, healthSettings } from './health-config.ts';
import { type HostSample, levels, rates, spaceSamples } from './host-samples.ts';

/** The box itself as a source. */
export const createHealthCollector: CollectorFactory<HealthConfig> = (config, context) =>
  new HealthCollector(healthSettings(config), context, new HostReader());

/**
 * Reads the machine at a fixed interval. What the kernel tells at once is read in the tick, in well under a
 * millisecond; room and temperatures may wait for a device, so they are read aside, never two rounds at a time.
 */
export class HealthCollector implements Collector {
  readonly #settings: HealthSettings;
  readonly #context: CollectorContext;
  readonly #host: HostReader;
  readonly #counters = new CollectorCounters();
  readonly #channels = new Map<string, number>();
  #sensors: readonly TemperatureSensor[] = [];
  #before: HostReading | undefined;
  #timer: NodeJS.Timeout | undefined;
  #slowRound: Promise<void> | undefined;
  #isWanted = false;

  constructor(settings: HealthSettings, context: CollectorContext, host: HostReader) {
    this.#settings = settings;
    this.#context = context;
    this.#host = host;
  }

  async start(): Promise<void> {
    this.#isWanted = true;
    this.#sensors = await this.#host.findTemperatureSensors();
    if (!this.#isWanted) return;
    this.#timer = setInterval(() => this.#tick(), this.#settings.intervalSeconds * 1e3);
    this.#tick();
  }

  async stop(): Promise<void> {
    this.#isWanted = false;
    clearInterval(this.#timer);
    this.#timer = undefined;
    await this.#slowRound;
    this.#before = undefined;
    this.#host.close();
  }

  health(): CollectorHealth {
    const running = this.#counters.samples === 0 ? 'starting' : 'running';
    return this.#counters.health(this.#timer === undefined ? 'stopped' : running);
  }

  #tick(): void {
    const reading = this.#host.read();
    const before = this.#before;
    this.#before = reading;
    this.#push(levels(reading));
    if (before !== undefined) this.#push(rates(before, reading));
    this.#finish();
    this.#slowRound ??= this.#readSlow().finally(() => {
      this.#slowRound = undefined;
    });
  }

  async #readSlow(): Promise<void> {
    const [space, ...temperatures] = await Promise.all([
      this.#host.readSpace(this.#settings.disk),
      ...this.#sensors.map((sensor) => this.#host.readTemperature(sensor)),
    ]);
    if (!this.#isWanted) return;
    if (space !== undefined) this.#push(spaceSamples(space));
    for (const [index, sensor] of this.#sensors.entries()) {
      const value = temperatures[index];
      if (value !== undefined) this.#push([temperatureSample(sensor, value)]);
    }
    this.#finish();
  }

  #push(samples: readonly HostSample[]): void {
    const { clock, intake } = this.#context;
    const time = clock.now();
    let isDropped = false;
    for (const sample of samples) {
      if (intake.push(this.#channel(sample), time, sample.value)) this.#counters.samples += 1;
      else isDropped = true;
    }
    if (isDropped) this.#counters.dropped += 1;
  }

  #finish(): void {
    this.#counters.received += 1;
    this.#counters.lastSeen = this.#context.clock.now();
    this.#context.intake.publish();
  }

  #channel({ path, unit, description, decimals, limits }: HostSample): number {
    const known = this.#channels.get(path);
    if (known !== undefined) return known;
    const { source, intake } = this.#context;
    const { id } = intake.channel({
      name: `${this.#settings.prefix ?? source}/${path}`,
      source,
      unit,
      description,
      decimals,
      rateHz: 1 / this.#settings.intervalSeconds,
      ...(limits !== undefined && { limits }),
    });
    this.#channels.set(path, id);
    return id;
  }
}

function temperatureSample({ name, high, critical }: TemperatureSensor, value: number): HostSample {
  const limits = {
    ...(high !== undefined && { highWarn: high }),
    ...(critical !== undefined && { highAlarm: critical }),
  };
  return {
    path: `temperature/${name}`,
    value,
    unit: '°C',
    description: `Temperature of ${name}`,
    decimals: 1,
    ...(Object.keys(limits).length > 0 && { limits }),
  };
}

import type { Coverage } from './coverage/coverage.ts';
import type {
  AskedTelemetry,
  BootAccount,
  Envelope,
  Gap,
  LatestSample,
  LedgerLine,
  LiveBatch,
  PastVersion,
  Samples,
  StoredChannel,
} from './telemetry.ts';

/**
 * The same telemetry, of which the channels have numbers from 1 on in the place of ids: for who counts on small ones. A number
 * is good for as long as this is there, and is given out when a channel is listed, found or heard.
 */
export class NumberedTelemetry implements AskedTelemetry {
  readonly #telemetry: AskedTelemetry;
  readonly #numbers = new Map<number, number>();
  /** By number; there is none 0. */
  readonly #ids: number[] = [0];

  constructor(telemetry: AskedTelemetry) {
    this.#telemetry = telemetry;
  }

  follow(listener: (batch: LiveBatch) => void): () => void {
    return this.#telemetry.follow((batch) => listener({ ...batch, channel: this.#numberOf(batch.channel) }));
  }

  async channels(): Promise<readonly StoredChannel[]> {
    return (await this.#telemetry.channels()).map((channel) => this.#numbered(channel));
  }

  async channel(name: string, gateway?: string): Promise<StoredChannel> {
    return this.#numbered(await this.#telemetry.channel(name, gateway));
  }

  raw(channel: number, from: number, to: number, version?: number): Iterable<Samples> | AsyncIterable<Samples> {
    return this.#telemetry.raw(this.#idOf(channel), from, to, version);
  }

  async envelope(channel: number, from: number, to: number, pixels: number, version?: number): Promise<Envelope> {
    return this.#telemetry.envelope(this.#idOf(channel), from, to, pixels, version);
  }

  async versions(): Promise<readonly PastVersion[]> {
    const versions = await this.#telemetry.versions();
    return versions.map((each) => ({ ...each, channels: each.channels.map((id) => this.#numberOf(id)) }));
  }

  async latest(channel: number): Promise<LatestSample | undefined> {
    return this.#telemetry.latest(this.#idOf(channel));
  }

  async gaps(channel: number, from: number, to: number): Promise<readonly Gap[]> {
    return (await this.#telemetry.gaps(this.#idOf(channel), from, to)).map((gap) => ({ ...gap, channel }));
  }

  async coverage(channel: number, from: number, to: number): Promise<Coverage> {
    return this.#telemetry.coverage(this.#idOf(channel), from, to);
  }

  async ledger(): Promise<readonly LedgerLine[]> {
    return (await this.#telemetry.ledger()).map((line) => ({ ...line, channel: this.#numberOf(line.channel) }));
  }

  async accounts(channel: number): Promise<readonly BootAccount[]> {
    return this.#telemetry.accounts(this.#idOf(channel));
  }

  #numbered(channel: StoredChannel): StoredChannel {
    return { ...channel, id: this.#numberOf(channel.id) };
  }

  #numberOf(id: number): number {
    const known = this.#numbers.get(id);
    if (known !== undefined) return known;
    const number = this.#ids.push(id) - 1;
    this.#numbers.set(id, number);
    return number;
  }

  /** A number that was not given out is that of no channel, as id -1 is. */
  #idOf(number: number): number {
    return this.#ids[number] ?? -1;
  }
}

import { jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { decodeRun } from '../../sync/fanout/live-update.ts';
import { updateCodec } from '../../sync/fanout/update-codec.ts';

/** Any client of NATS that reads what a central keeps in its stream of samples, and goes on where it stood. */
export class NatsStreamReader {
  /** By identity; the value as text. */
  readonly samples = new Map<string, string>();
  /** Samples that came again, as others. */
  contradictions = 0;
  readonly #nats: NatsConnection;
  readonly #stream: string;
  readonly #channels: ReadonlySet<string>;
  readonly #codec = updateCodec();
  #next = 1;

  /** @param channels whose samples matter: the stream has those of all */
  constructor(nats: NatsConnection, central: string, channels: readonly string[]) {
    this.#nats = nats;
    this.#stream = `caisson-${central}-samples`;
    this.#channels = new Set(channels);
  }

  /** Reads up to the end that the stream has now. @throws Error where the cluster does not answer; to be called again then */
  async readOn(): Promise<void> {
    const { streams } = await jetstreamManager(this.#nats);
    const { last_seq: last } = (await streams.info(this.#stream)).state;
    // A cluster that lost its end gives the numbers of what was lost to what comes next.
    if (last < this.#next - 1) this.#next = 1;
    for (; this.#next <= last; this.#next += 1) {
      const message = await streams.getMessage(this.#stream, { seq: this.#next });
      if (message !== null) this.#take(message.data);
    }
  }

  /** Reads all that the stream has now; says where it stands, for a person. */
  async readAgain(): Promise<string> {
    this.#next = 1;
    await this.readOn();
    return this.state();
  }

  /** Where it and the stream stand, for a person. */
  async state(): Promise<string> {
    const { streams } = await jetstreamManager(this.#nats);
    const { state, cluster, created } = await streams.info(this.#stream);
    const place = `of ${state.first_seq} to ${state.last_seq}, made ${created}, led by ${cluster?.leader}`;
    return `read up to ${this.#next - 1} ${place}`;
  }

  #take(data: Uint8Array): void {
    for (const message of this.#codec.decode(data).samples) {
      const { boot, channel, firstSequence, values } = decodeRun(message);
      if (!this.#channels.has(channel)) continue;
      for (const [i, value] of values.entries()) {
        const identity = `${boot} ${channel} ${firstSequence + i}`;
        const known = this.samples.get(identity);
        if (known !== undefined && known !== String(value)) this.contradictions += 1;
        this.samples.set(identity, String(value));
      }
    }
  }
}

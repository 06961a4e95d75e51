import { randomBytes } from 'node:crypto';
import type { Msg } from '@nats-io/transport-node';
import { CaissonError, messageOf } from '../../gateway/errors.ts';
import type { LiveBatch } from '../../gateway/query/telemetry.ts';
import type { GatewayStatus, SourceStatus } from '../../gateway/status.ts';
import type { Conflict } from '../central/batch-pass.ts';
import { DestinationPolicy, type DestinationScope } from '../destinations/destination-policy.ts';
import { EventQueue } from './event-queue.ts';
import { sourceEvents } from './events.ts';
import { LiveTaps, type TappedClient } from './live-taps.ts';
import { EMPTY_UPDATE, encodeLiveValue, type LiveValue } from './live-update.ts';
import { NatsLink, PROCESS_HEADER } from './nats-link.ts';
import type { NatsOptions } from './nats-options.ts';
import { NatsSubjects } from './nats-subjects.ts';
import type { NewsSource } from './news.ts';
import type { NewsBell } from './news-bell.ts';
import { NewsPublisher } from './news-publisher.ts';
import { RemoteWants } from './remote-wants.ts';
import { toldBatches } from './told-batches.ts';
import { updateCodec } from './update-codec.ts';
import type { Wanted } from './wanted.ts';
import { parseWantedWord, wantedWords } from './wanted-words.ts';

/** How often it is said what is watched here, milliseconds. */
const SAY_MS = 5_000;

export interface FanoutParts {
  readonly central: string;
  /** Undefined: there is one process only, or each for itself. */
  readonly nats: NatsOptions | undefined;
  readonly news: NewsSource;
  readonly bell: NewsBell;
  readonly wanted: Wanted;
  /** Tells those who follow here of values. */
  readonly tell: (batch: LiveBatch) => void;
  readonly onProblem: (text: string) => void;
}

/** What there is only where there is a cluster. */
interface Cluster {
  readonly link: NatsLink;
  readonly publisher: NewsPublisher;
  readonly events: EventQueue;
  /** Of what it may be told: where it stands decides, as with any destination. */
  readonly scope: DestinationScope;
}

/** Brings what one process of a central keeps, and what gateways with a line to it say now, to whoever follows at any of them. */
export class Fanout {
  readonly #parts: FanoutParts;
  readonly #subjects: NatsSubjects;
  readonly #taps: LiveTaps;
  readonly #remote = new RemoteWants();
  readonly #codec = updateCodec();
  readonly #cluster: Cluster | undefined;
  /** What is listened to for each gateway that somebody watches here. */
  readonly #heard = new Map<string, () => void>();
  readonly #timer: NodeJS.Timeout | undefined;
  #unreadable = 0;

  /** @throws CaissonError `config-invalid`, `tls-unusable` */
  constructor(parts: FanoutParts) {
    const { central, nats, wanted, onProblem } = parts;
    this.#parts = parts;
    this.#subjects = new NatsSubjects(central);
    this.#taps = new LiveTaps({
      wanted: (gateway) => this.#wantedOf(gateway),
      take: (gateway, channels, values) => this.#takeValues(gateway, channels, values),
      onProblem,
    });
    this.#cluster = nats === undefined ? undefined : this.#open(nats);
    wanted.onChange((gateway) => this.#wantChanged(gateway));
    if (this.#cluster !== undefined) this.#timer = setInterval(() => this.#sayAll(), SAY_MS);
  }

  /** To be told after every commit of this process. */
  kept(gateways: readonly string[]): void {
    for (const gateway of gateways) {
      this.#parts.bell.ring(gateway);
      this.#cluster?.publisher.nudge(gateway);
    }
  }

  /** To be told when this process holds a gateway: what whoever held it before left untold is told now. */
  held(gateway: string): void {
    this.#cluster?.publisher.nudge(gateway);
  }

  conflict({ gateway, ...conflict }: Conflict): void {
    this.#cluster?.events.add(gateway, { kind: 'conflict', ...conflict });
  }

  /** To be told how a gateway does, and how it did when it was asked before. */
  seen(status: GatewayStatus, before: GatewayStatus | undefined): void {
    const events = sourceEvents(before?.sources, status.sources, status.now);
    for (const event of events) this.#cluster?.events.add(status.gateway, event);
  }

  /** Takes what a line gives beside blocks for as long as it is open; returns what ends that. */
  attend(client: TappedClient, status: GatewayStatus): () => void {
    return this.#taps.attend(client, status);
  }

  /** How the cluster does, in the words of a source; undefined where there is none. */
  status(): SourceStatus | undefined {
    if (this.#cluster === undefined) return undefined;
    const { link, events, publisher } = this.#cluster;
    const { published, failed, received, told, untold, tooLarge } = link.counters;
    const { problem } = link;
    return {
      name: `NATS at ${link.place}`,
      kind: 'nats',
      state: problem === undefined ? 'running' : 'waiting',
      ...(problem === undefined ? {} : { problem }),
      received,
      samples: published + told,
      rate: 0,
      errors: { failed, unreadable: this.#unreadable, 'too-large': tooLarge, 'passed-over': publisher.passedOver },
      dropped: events.dropped + untold,
    };
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    if (this.#cluster === undefined) return;
    const { link, publisher, events } = this.#cluster;
    await Promise.all([publisher.stop(), events.stop()]);
    await link.close();
  }

  #open(options: NatsOptions): Cluster {
    const { central, news, onProblem } = this.#parts;
    const subjects = this.#subjects;
    const link = new NatsLink({
      ...{ options, subjects, onProblem },
      process: randomBytes(8).toString('hex'),
      onUp: () => {
        this.#cluster?.publisher.resume();
        this.#sayAll();
      },
    });
    const region = options.region === undefined ? {} : { region: options.region };
    const scope = new DestinationPolicy({ nats: region }).scopeOf('nats');
    const publisher = new NewsPublisher({
      ...{ news, link, subjects, central, onProblem },
      encode: this.#codec.encode,
      allows: (gateway, channel) => this.#mayTell(scope, gateway, channel),
    });
    link.listen(subjects.all('wanted'), (message) => this.#guarded(() => this.#hearWanted(message)));
    return { link, publisher, events: new EventQueue(link, subjects, central), scope };
  }

  #wantedOf(gateway: string): string[] {
    const here = this.#parts.wanted.channels(gateway).keys();
    return [...new Set([...here, ...this.#remote.channels(gateway, performance.now())])].sort();
  }

  #wantChanged(gateway: string): void {
    this.#taps.changed(gateway);
    this.#say(gateway);
    const isWanted = this.#parts.wanted.gateways.includes(gateway);
    const stop = this.#heard.get(gateway);
    if (isWanted && stop === undefined) this.#heard.set(gateway, this.#hear(gateway));
    if (!isWanted && stop !== undefined) {
      this.#heard.delete(gateway);
      stop();
    }
  }

  /** Listens to what other processes have of a gateway. */
  #hear(gateway: string): () => void {
    const { link } = this.#cluster ?? {};
    if (link === undefined) return () => {};
    const tell = ({ data }: Msg) => {
      const wanted = this.#parts.wanted.channels(gateway);
      if (wanted.size === 0) return;
      for (const batch of toldBatches(this.#codec.decode(data), wanted)) this.#parts.tell(batch);
    };
    const stops = [
      link.listen(this.#subjects.of('samples', gateway), (message) => {
        this.#parts.bell.ring(gateway);
        this.#guarded(() => tell(message));
      }),
      link.listen(this.#subjects.of('now', gateway), (message) => this.#guarded(() => tell(message))),
    ];
    return () => {
      for (const stop of stops) stop();
    };
  }

  #takeValues(gateway: string, channels: readonly string[], values: readonly LiveValue[]): void {
    const update = { ...EMPTY_UPDATE, channels, values: values.map(encodeLiveValue) };
    for (const batch of toldBatches(update, this.#parts.wanted.channels(gateway))) this.#parts.tell(batch);
    if (this.#cluster === undefined) return;
    const { link, scope } = this.#cluster;
    const elsewhere = this.#remote.channels(gateway, performance.now());
    if (elsewhere.size === 0) return;
    const names = channels.map((name) => (elsewhere.has(name) && this.#mayTell(scope, gateway, name) ? name : ''));
    const told = values.filter(({ channel }) => names[channel]);
    if (told.length === 0) return;
    const payload = this.#codec.encode({ ...EMPTY_UPDATE, channels: names, values: told.map(encodeLiveValue) });
    link.tell(this.#subjects.of('now', gateway), payload);
  }

  /** What is not known yet is not told. */
  #mayTell(scope: DestinationScope, gateway: string, name: string): boolean {
    const channel = this.#parts.news.channel(gateway, name);
    return channel !== undefined && scope.allows(channel);
  }

  #sayAll(): void {
    for (const gateway of this.#parts.wanted.gateways) this.#say(gateway);
  }

  /** Says what is watched here of a gateway, whose line another process may have. */
  #say(gateway: string): void {
    if (this.#cluster === undefined || this.#taps.has(gateway)) return;
    const { link, scope } = this.#cluster;
    const told = this.#parts.wanted.definitions(gateway).filter((channel) => scope.allows(channel));
    const words = wantedWords(
      gateway,
      told.map(({ name }) => name),
    );
    for (const word of words) link.tell(this.#subjects.of('wanted', gateway), word);
  }

  #hearWanted({ data, headers }: Msg): void {
    const { gateway, channels, part } = parseWantedWord(data);
    const process = headers?.get(PROCESS_HEADER) ?? '';
    if (process === '') throw new CaissonError('peer-invalid', 'a word of what is wanted that nobody says');
    this.#remote.hear(gateway, `${process} ${part}`, channels, performance.now());
    this.#taps.changed(gateway);
  }

  /** What others publish may be anything: what cannot be read is counted, and told once. */
  #guarded(take: () => void): void {
    try {
      take();
    } catch (error) {
      this.#unreadable += 1;
      if (this.#unreadable === 1) this.#parts.onProblem(`a message of NATS cannot be read: ${messageOf(error)}`);
    }
  }
}

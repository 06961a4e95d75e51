import { type ChannelSpec, normalName } from '../../gateway/channel.ts';
import { STANDARD_ID_MAX } from '../../hardware/can/can-frame.ts';
import type { CanProtocol } from './can-config.ts';
import { channelOf } from './channel-spec.ts';
import { compileMessage, type MessageDecoder } from './dbc/compile.ts';
import type { CanDictionary, KnownMessage } from './dictionary.ts';
import { j1939Id } from './j1939/pgn.ts';

export interface RouteSettings {
  /** First part of the names of the channels. */
  readonly path: string;
  readonly source: string;
  readonly stamp: 'arrival' | 'device';
  readonly dictionary: CanDictionary;
  /** With one, messages of 29-bit identifiers are known by their parameter group. */
  readonly protocol: CanProtocol | undefined;
}

/** Where the messages of one kind go. */
export interface Route {
  readonly decode: MessageDecoder;
  readonly specs: readonly ChannelSpec[];
  /** Channels of the signals; 0 before the first sample. */
  readonly ids: Uint32Array;
  /** Where values may be null, whether the last one of each signal was there; undefined where none may be. */
  readonly isThere: Uint8Array | undefined;
}

/** Identifiers without definition that are remembered as such. Further ones are looked up each time. */
const UNKNOWN_IDS_MAX = 65_536;

/** The routes of one bus, made when the first message of each comes. */
export class MessageRoutes {
  readonly #settings: RouteSettings;
  /** By identifier of 11 bits; null for what no DBC file has. An array is found in faster than a map. */
  readonly #standard = Array.from<Route | null | undefined>({ length: STANDARD_ID_MAX + 1 });
  /** By frame key, those of 29 bits; null for what no DBC file has. */
  readonly #byKey = new Map<number, Route | null>();
  /** By parameter group and source address: identifiers that differ in priority or destination share one. */
  readonly #byGroup = new Map<number, Route | null>();

  constructor(settings: RouteSettings) {
    this.#settings = settings;
  }

  /** The route of frames of that key (see frameKey); null where no DBC file has them. */
  find(key: number): Route | null {
    const isStandard = key >= 0 && key <= STANDARD_ID_MAX;
    const known = isStandard ? this.#standard[key] : this.#byKey.get(key);
    if (known !== undefined) return known;
    const route = this.#make(key);
    if (isStandard) this.#standard[key] = route;
    else if (route !== null || this.#byKey.size < UNKNOWN_IDS_MAX) this.#byKey.set(key, route);
    return route;
  }

  /** The route of a parameter group from one node; null where no DBC file has it. */
  findGroup(pgn: number, source: number): Route | null {
    const key = pgn * 256 + source;
    const known = this.#byGroup.get(key);
    if (known !== undefined) return known;
    const message = this.#settings.dictionary.findGroup(pgn, source);
    const node = source.toString(16).padStart(2, '0');
    const route = message === undefined ? null : this.#route(message, `${node}/${message.message.name}`, true);
    if (route !== null || this.#byGroup.size < UNKNOWN_IDS_MAX) this.#byGroup.set(key, route);
    return route;
  }

  /** Names of the channels of every signal of the messages that came. */
  *channels(): IterableIterator<string> {
    for (const route of new Set([...this.#standard, ...this.#byKey.values(), ...this.#byGroup.values()])) {
      for (const { name } of route?.specs ?? []) yield normalName(name);
    }
  }

  #make(key: number): Route | null {
    const { dictionary, protocol } = this.#settings;
    // A key below zero is of a 29-bit identifier.
    if (protocol !== undefined && key < 0) {
      const { pgn, source } = j1939Id(~key);
      return this.findGroup(pgn, source);
    }
    const known = dictionary.find(key);
    return known === undefined ? null : this.#route(known, known.name, false);
  }

  #route({ message, decode }: KnownMessage, name: string, hasNulls: boolean): Route {
    const { path, source, stamp } = this.#settings;
    const specs = message.signals.map((signal) =>
      channelOf(`${path}/${name}/${signal.name}`, source, stamp, message, signal),
    );
    return {
      decode: hasNulls ? compileMessage(message, { hasNulls }) : decode,
      specs,
      ids: new Uint32Array(specs.length),
      isThere: hasNulls ? new Uint8Array(specs.length) : undefined,
    };
  }
}

import type { CanSettings } from './can-config.ts';
import { compileMessage, MESSAGE_SIGNALS_MAX, type MessageDecoder } from './dbc/compile.ts';
import { conflictNote, nameNote, type PlacedMessage } from './dbc/conflicts.ts';
import type { Dbc } from './dbc/dbc.ts';
import { readDbc } from './dbc/read-dbc.ts';
import { ANY_SOURCE, j1939Id } from './j1939/pgn.ts';

/** A message that can be decoded. */
export interface KnownMessage extends PlacedMessage {
  /** The message's name, or with its identifier behind it where another message has the same name. */
  readonly name: string;
  readonly decode: MessageDecoder;
}

/**
 * The messages of one or more DBC files by identifier. Where several have the same identifier, or group and sender, the one of
 * the first file counts.
 */
export class CanDictionary {
  /** What the files have that was passed over, and where they contradict each other, as `file:line: text`. */
  readonly notes: readonly string[];
  /** Signals of the largest message. */
  readonly signalsMax: number;
  readonly #byKey = new Map<number, KnownMessage>();
  /** Messages of 29-bit identifiers by their J1939 parameter group, in the order of the files. */
  readonly #byGroup = new Map<number, KnownMessage[]>();

  /** @param byGroup whether messages are looked for by their group, so that two of one group and sender contradict each other */
  constructor(files: readonly Dbc[], byGroup = false) {
    const notes: string[] = [];
    const note = (text: string | undefined) => text !== undefined && notes.push(text);
    const names = new Map<string, PlacedMessage>();
    let signalsMax = 0;
    for (const file of files) {
      for (const { line, text } of file.notes) notes.push(`${file.file}:${line}: ${text}`);
      for (const message of file.messages) {
        const key = frameKey(message.id, message.extended);
        const placed = { file: file.file, message };
        const first = this.#byKey.get(key);
        if (first !== undefined) {
          note(conflictNote('identifier', first, placed));
          continue;
        }
        const namesake = names.get(message.name);
        const name = namesake === undefined ? message.name : `${message.name}_${message.id.toString(16)}`;
        if (namesake !== undefined) note(nameNote(namesake, placed, name));
        names.set(name, placed);
        const known = { ...placed, name, decode: compileMessage(message) };
        this.#byKey.set(key, known);
        const winner = message.extended ? this.#addToGroup(known) : undefined;
        if (byGroup && winner !== undefined) note(conflictNote('group', winner, placed));
        signalsMax = Math.max(signalsMax, Math.min(message.signals.length, MESSAGE_SIGNALS_MAX));
      }
    }
    this.notes = notes;
    this.signalsMax = signalsMax;
  }

  /** Reads the files. Throws `dbc-invalid` where one is missing or broken. */
  static load(paths: readonly string[], byGroup = false): CanDictionary {
    return new CanDictionary(paths.map(readDbc), byGroup);
  }

  find(key: number): KnownMessage | undefined {
    return this.#byKey.get(key);
  }

  /** The message of a J1939 parameter group: the one for its source if there is one, else one for any, else the first. */
  findGroup(pgn: number, source: number): KnownMessage | undefined {
    const known = this.#byGroup.get(pgn);
    const from = (address: number) => known?.find(({ message }) => (message.id & 0xff) === address);
    return from(source) ?? from(ANY_SOURCE) ?? known?.[0];
  }

  /** @returns the message that counts for the same group and sender, where there is one already */
  #addToGroup(known: KnownMessage): KnownMessage | undefined {
    const { pgn, source } = j1939Id(known.message.id);
    const group = this.#byGroup.get(pgn) ?? [];
    const winner = group.find(({ message }) => (message.id & 0xff) === source);
    group.push(known);
    this.#byGroup.set(pgn, group);
    return winner;
  }
}

/** The dictionaries of one source: each interface's own, or else the source's. The same list of files is read once. */
export class Dictionaries {
  /** Signals of the largest message of all. */
  readonly signalsMax: number;
  readonly #common: CanDictionary;
  readonly #own: ReadonlyMap<string, CanDictionary>;

  private constructor(common: CanDictionary, own: ReadonlyMap<string, CanDictionary>) {
    this.#common = common;
    this.#own = own;
    this.signalsMax = Math.max(...this.#all().map((dictionary) => dictionary.signalsMax));
  }

  /** Throws `dbc-invalid` where a file is missing or broken. */
  static load(settings: Pick<CanSettings, 'dbc' | 'interfaces' | 'protocol'>): Dictionaries {
    const loaded = new Map<string, CanDictionary>();
    const load = (paths: readonly string[]): CanDictionary => {
      const key = paths.join('\0');
      const known = loaded.get(key) ?? CanDictionary.load(paths, settings.protocol !== undefined);
      loaded.set(key, known);
      return known;
    };
    const own = new Map<string, CanDictionary>();
    for (const [name, { dbc }] of Object.entries(settings.interfaces ?? {})) {
      if (dbc !== undefined) own.set(name, load(dbc));
    }
    return new Dictionaries(load(settings.dbc), own);
  }

  /** The dictionary of the interface of that name in the recording. */
  of(name: string): CanDictionary {
    return this.#own.get(name) ?? this.#common;
  }

  get notes(): readonly string[] {
    return [...new Set(this.#all().flatMap((dictionary) => dictionary.notes))];
  }

  #all(): CanDictionary[] {
    return [this.#common, ...this.#own.values()];
  }
}

/** Identifier and its kind in one small integer, which a Map finds fastest. */
export function frameKey(id: number, extended: boolean): number {
  return extended ? ~id : id;
}

import { Buffer } from 'node:buffer';
import { createRequire } from 'node:module';
import type { Parser } from '@canboat/canboatjs/dist/fromPgn.js';

/** What canboat knows of one field; resolution and offset as it has them: value = (raw + offset) * resolution. */
export interface CanboatField {
  readonly Id: string;
  readonly Name: string;
  readonly FieldType: string;
  readonly BitLength?: number;
  readonly Unit?: string;
  readonly Resolution?: number;
  readonly Offset?: number;
  readonly RangeMax?: number;
  /** A constant that tells this definition of the group from others. */
  readonly Match?: number;
  /** Tells one sender's messages of a group apart, such as the number of an engine. */
  readonly PartOfPrimaryKey?: boolean;
  readonly LookupEnumeration?: string;
}

/** What canboat knows of a parameter group, or of one manufacturer's form of it. */
export interface CanboatDefinition {
  readonly PGN: number;
  readonly Id: string;
  readonly Description: string;
  readonly Type: 'Single' | 'Fast' | 'Mixed';
  /** For what no other definition fits. */
  readonly Fallback?: boolean;
  /** Milliseconds between two messages. */
  readonly TransmissionInterval?: number;
  readonly TransmissionIrregular?: boolean;
  readonly RepeatingFieldSet1Size?: number;
  readonly Fields: readonly CanboatField[];
}

/** Values of fields by their id, and their raw values; a value that is not available is null in the first. */
export interface CanboatGroup {
  readonly values: Readonly<Record<string, unknown>>;
  readonly raws: Readonly<Record<string, CanboatRaw | undefined>>;
}

export interface CanboatRaw {
  /** Before resolution and offset. */
  readonly value?: unknown;
  readonly bytes: readonly number[];
}

/** A message, decoded. */
export interface CanboatMessage extends CanboatGroup {
  readonly definition: CanboatDefinition;
  /** Groups of fields that come as often as the message says, in their order. */
  readonly list: readonly CanboatGroup[];
}

/** What the decoder puts into the message that it is given. */
interface ParsedPgn {
  readonly id: string;
  readonly fields: Record<string, unknown> & { readonly list?: readonly Record<string, unknown>[] };
  readonly byteMapping: Record<string, unknown> & { readonly list?: readonly Record<string, CanboatRaw>[] };
}

/** The database that the decoder itself uses. */
interface Database {
  getPGNWithNumber(pgn: number): readonly CanboatDefinition[] | undefined;
  getPGNWithId(id: string): CanboatDefinition | undefined;
  getEnumeration(name: string): { readonly EnumValues: readonly { Name: string; Value: number }[] } | undefined;
}

/** Of a field whose type stands in the message: what it means cannot be said of a channel. */
const UNTYPED: ReadonlySet<string> = new Set(['VARIABLE', 'DYNAMIC_FIELD_VALUE']);

/** The decoder would look up the time of day for each message that has none. */
const NO_TIME = '1970-01-01T00:00:00.000Z';

/**
 * The decoder of canboatjs with its database of parameter groups. Only a bus of NMEA 2000 loads it, as it takes some 0.2 s
 * and 40 MB. Its index would open sockets and ports; the decoder alone does neither. Frames are put together before it.
 */
export class Canboat {
  readonly #parser: Parser;
  readonly #database: Database;
  #isBroken = false;

  constructor() {
    const require = createRequire(import.meta.url);
    const path = require.resolve('@canboat/canboatjs/dist/fromPgn.js');
    const { Parser: Decoder } = require(path) as { Parser: typeof Parser };
    // Through the decoder's own package, so that both have the same database.
    this.#database = createRequire(path)('@canboat/ts-pgns') as Database;
    this.#parser = new Decoder({ returnNulls: true, resolveEnums: false, includeByteMapping: true });
    this.#parser.on('error', () => {
      this.#isBroken = true;
    });
  }

  /** Whether messages of a group come as fast packets. Groups that nobody knows do where the standard has it so. */
  isFast(pgn: number): boolean {
    const [definition] = this.#database.getPGNWithNumber(pgn) ?? [];
    if (definition !== undefined) return definition.Type === 'Fast';
    return pgn >= 0x1ff00 || (pgn >= 0x1ed00 && pgn <= 0x1eeff);
  }

  /** Labels of a field's values; undefined where it has none. */
  labelsOf(field: CanboatField): ReadonlyMap<number, string> | undefined {
    const { LookupEnumeration: name } = field;
    if (field.FieldType !== 'LOOKUP' || name === undefined) return undefined;
    const values = this.#database.getEnumeration(name)?.EnumValues;
    return values && new Map(values.map(({ Name, Value }) => [Value, Name]));
  }

  /** @returns undefined where no definition fits; `malformed` where one does and the bytes do not */
  decode(pgn: number, source: number, bytes: Uint8Array): CanboatMessage | 'malformed' | undefined {
    const definitions = this.#database.getPGNWithNumber(pgn);
    if (definitions === undefined || definitions.some(isUntyped)) return undefined;
    this.#isBroken = false;
    const head = { pgn, src: source, dst: 255, prio: 0, timestamp: NO_TIME };
    const data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    const parsed = this.#parser.parse({ pgn: head, length: data.length, data, coalesced: true }) as unknown;
    if (parsed === undefined) return this.#isBroken ? 'malformed' : undefined;
    const { id, fields, byteMapping } = parsed as ParsedPgn;
    const definition = this.#database.getPGNWithId(id);
    if (definition === undefined || definition.Fallback === true) return undefined;
    const list = (fields.list ?? []).map((values, n) => ({ values, raws: byteMapping.list?.[n] ?? {} }));
    return { definition, values: fields, raws: byteMapping as CanboatGroup['raws'], list };
  }
}

function isUntyped({ Fields }: CanboatDefinition): boolean {
  return Fields.some(({ FieldType }) => UNTYPED.has(FieldType));
}

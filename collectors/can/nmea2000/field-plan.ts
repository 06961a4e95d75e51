import { Buffer } from 'node:buffer';
import type { ChannelSpec } from '../../../gateway/channel.ts';
import { CHANNEL_LABELS_MAX } from '../../../gateway/limits.ts';
import { decimalsOf } from '../channel-spec.ts';
import type { CanboatDefinition, CanboatField, CanboatGroup } from './canboat.ts';

/** What a field is as a channel, all but its name and source. */
export type FieldChannel = Omit<ChannelSpec, 'name' | 'source'>;

/** How one field of a message becomes samples. */
export interface FieldPlan {
  readonly id: string;
  readonly channel: FieldChannel;
  /** Its value: text for a channel of text, else a number; null where it is not available. */
  readonly read: (group: CanboatGroup) => number | string | null;
}

/** What becomes of a definition's messages. */
export interface MessagePlan {
  readonly fields: readonly FieldPlan[];
  /** Those of each repetition. */
  readonly repeated: readonly FieldPlan[];
  /** Fields that tell one sender's messages of the group apart, as parts of channel names; empty where not available. */
  readonly keys: readonly Key[];
  readonly repeatedKeys: readonly Key[];
}

export type Key = (group: CanboatGroup) => string;

/** Labels of a field's values. */
export type Labels = (field: CanboatField) => ReadonlyMap<number, string> | undefined;

const NO_VALUE: ReadonlySet<string> = new Set(['RESERVED', 'SPARE']);
const TEXT: ReadonlySet<string> = new Set(['STRING_FIX', 'STRING_LAU', 'STRING_LZ']);
/** Numbers that the decoder turns into text, of which the raw value is taken. */
const TIMES: ReadonlySet<string> = new Set(['TIME', 'DATE', 'DURATION']);

/** Makes the plan of a definition. */
export function planMessage(definition: CanboatDefinition, labelsOf: Labels): MessagePlan {
  const { Fields: all, RepeatingFieldSet1Size: size = 0 } = definition;
  const once = all.slice(0, all.length - size);
  const repeated = all.slice(all.length - size);
  const plan = (fields: readonly CanboatField[]) => fields.flatMap((field) => planField(field, definition, labelsOf));
  const keys = (fields: readonly CanboatField[]) => fields.filter(isKey).map((field) => keyOf(field, labelsOf));
  return { fields: plan(once), repeated: plan(repeated), keys: keys(once), repeatedKeys: keys(repeated) };
}

function isKey({ PartOfPrimaryKey, Match, FieldType }: CanboatField): boolean {
  return PartOfPrimaryKey === true && Match === undefined && !NO_VALUE.has(FieldType);
}

function keyOf(field: CanboatField, labelsOf: Labels): Key {
  const labels = labelsOf(field);
  return ({ values }) => {
    const value = values[field.Id];
    if (value === null || value === undefined) return '';
    const label = typeof value === 'number' ? labels?.get(value) : undefined;
    return (label ?? String(value)).replaceAll('/', '_');
  };
}

function planField(field: CanboatField, definition: CanboatDefinition, labelsOf: Labels): FieldPlan[] {
  if (NO_VALUE.has(field.FieldType) || field.Match !== undefined || isKey(field)) return [];
  const description = `PGN ${definition.PGN}, ${definition.Description}: ${field.Name}`;
  const rateHz = rateOf(definition);
  const about = { description, ...(rateHz !== undefined && { rateHz }) };
  const read = textReaderOf(field);
  if (read !== undefined) return [{ id: field.Id, channel: { ...about, type: 'text' }, read }];
  return [planNumber(field, about, labelsOf(field))];
}

/** Messages a second; unknown of those that come when something happens. */
function rateOf({ TransmissionInterval: ms, TransmissionIrregular }: CanboatDefinition): number | undefined {
  return ms === undefined || ms === 0 || TransmissionIrregular === true ? undefined : 1000 / ms;
}

/** Of fields that are text, or bits and bytes that only text can tell. */
function textReaderOf({ Id, FieldType }: CanboatField): FieldPlan['read'] | undefined {
  if (TEXT.has(FieldType)) {
    return ({ values }) => (typeof values[Id] === 'string' && values[Id] !== '' ? values[Id] : null);
  }
  if (FieldType === 'BITLOOKUP') {
    return ({ values }) =>
      Array.isArray(values[Id]) ? values[Id].map((name) => name ?? 'unnamed bit').join(', ') : null;
  }
  if (FieldType !== 'BINARY' && FieldType !== 'ISO_NAME') return undefined;
  return ({ raws }) => {
    const bytes = raws[Id]?.bytes;
    return bytes === undefined || bytes.length === 0 ? null : Buffer.from(bytes).toString('hex').toUpperCase();
  };
}

function planNumber(
  field: CanboatField,
  about: FieldChannel,
  labels: ReadonlyMap<number, string> | undefined,
): FieldPlan {
  const { Id: id, FieldType, Resolution: gain = 1, Offset = 0, Unit: unit = '', BitLength: bits = 0 } = field;
  if (labels !== undefined) {
    // All bits set say "not available", where that is no value of its own.
    const unknown = bits > 1 && !labels.has(2 ** bits - 1) ? 2 ** bits - 1 : Number.NaN;
    const shown = Object.fromEntries(
      [...labels].slice(0, CHANNEL_LABELS_MAX).map(([raw, name]) => [String(raw), name]),
    );
    return {
      id,
      channel: { ...about, type: 'enum', labels: shown },
      read: ({ values }) => finite(values[id] === unknown ? null : values[id]),
    };
  }
  const offset = Offset * gain;
  const isFloat = FieldType === 'FLOAT';
  const scale = isFloat ? {} : { scale: { gain, offset }, decimals: decimalsOf(gain, offset) };
  // The decoder rounds to the digits of the resolution; raw * gain + offset is what other messages of a bus are.
  const exact = ({ raws }: CanboatGroup): number | null => {
    const raw = finite(raws[id]?.value);
    return raw === null ? null : raw * gain + offset;
  };
  const greatest = field.RangeMax ?? Number.POSITIVE_INFINITY;
  const read: FieldPlan['read'] = (group) => {
    if (TIMES.has(FieldType)) {
      const value = exact(group);
      return value !== null && value > greatest ? null : value;
    }
    const value = finite(group.values[id]);
    return value === null || isFloat ? value : exact(group);
  };
  return { id, channel: { ...about, type: 'number', unit, ...scale }, read };
}

function finite(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}

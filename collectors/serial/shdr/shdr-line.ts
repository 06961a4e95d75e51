import { isoTime } from './iso-time.ts';

/** What a line of MTConnect's SHDR protocol says. */
export type ShdrLine =
  /** Values of data items, key and value in turn. */
  | { readonly kind: 'values'; readonly time: number | undefined; readonly pairs: readonly string[] }
  /** State of a condition; `text` joins what the adapter says about it. */
  | {
      readonly kind: 'condition';
      readonly time: number | undefined;
      readonly key: string;
      readonly level: ConditionLevel;
      readonly text: string;
    }
  /** The adapter answers a ping; `timeoutMs` is how long it waits for the next. */
  | { readonly kind: 'pong'; readonly timeoutMs: number }
  /** Another command of the protocol, which says nothing of the machine. */
  | { readonly kind: 'command' }
  /** Tools and other assets come and go: `@ASSET@`. What spans lines ends at one that is `end`. */
  | { readonly kind: 'asset'; readonly name: string; readonly end: string | undefined }
  | { readonly kind: 'bad'; readonly reason: 'bad-time' | 'no-value' };

export type ConditionLevel = 'NORMAL' | 'WARNING' | 'FAULT';

const LEVELS: readonly string[] = ['NORMAL', 'WARNING', 'FAULT'] satisfies ConditionLevel[];

/** Fields of a condition behind its time: key, level, native code, native severity, qualifier, text. */
const CONDITION_FIELDS = 6;

const MULTILINE = '--multiline--';

/** A line, without its end: time, then keys and values, `|` between them, `\|` for one that belongs to a value. */
export function parseShdrLine(line: string): ShdrLine {
  if (line.startsWith('*')) return command(line);
  const [stated = '', ...fields] = splitFields(line);
  // Adapters may say how long a value stood: `2022-08-08T13:51:34Z@12.5`.
  const moment = stated.split('@', 1)[0] ?? '';
  const time = moment === '' ? undefined : isoTime(moment);
  if (moment !== '' && time === undefined) return { kind: 'bad', reason: 'bad-time' };
  const [key = '', value] = fields;
  if (value === undefined && !key.startsWith('@')) return { kind: 'bad', reason: 'no-value' };
  if (key.startsWith('@')) return { kind: 'asset', name: key, end: multilineEnd(fields.at(-1) ?? '') };
  const level = value?.toUpperCase() ?? '';
  if (fields.length === CONDITION_FIELDS && LEVELS.includes(level)) {
    const text = fields
      .slice(2)
      .filter((field) => field !== '')
      .join(' ');
    return { kind: 'condition', time, key: keyName(key), level: level as ConditionLevel, text };
  }
  const pairs: string[] = [];
  for (let index = 0; index + 1 < fields.length; index += 2) {
    const name = keyName(fields[index] ?? '');
    if (name !== '') pairs.push(name, fields[index + 1] ?? '');
  }
  return { kind: 'values', time, pairs };
}

function command(line: string): ShdrLine {
  const pong = /^\* PONG (\d{1,9})/.exec(line);
  return pong === null ? { kind: 'command' } : { kind: 'pong', timeoutMs: Number(pong[1]) };
}

function multilineEnd(field: string): string | undefined {
  return field.startsWith(MULTILINE) ? field : undefined;
}

/** A key without the name of its device: an adapter that serves several writes `mill:Xact`. */
function keyName(key: string): string {
  return key.trim().replace(':', '/');
}

function splitFields(line: string): string[] {
  if (!line.includes('\\|')) return line.split('|');
  return line.split(/(?<!\\)\|/).map((field) => field.replaceAll('\\|', '|'));
}

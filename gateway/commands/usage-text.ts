import type { TrafficRow } from '../../sync/usage/usage-db.ts';
import { bytesText, counted } from '../quantity-text.ts';

const DAY_MS = 86_400_000;

/** What one owner had in a month. */
export interface OwnerSum {
  /** Empty: nobody whom the config names. */
  readonly owner: string;
  readonly channels: number;
  /** Kept, with a time of that month. */
  readonly samples: number;
  /** Of losses that began in it. */
  readonly lost: number;
}

export interface UsageReport {
  readonly month: string;
  readonly lines: readonly TrafficRow[];
  readonly owners: readonly OwnerSum[];
}

/** A line for each line and who is at its other end, and one for each owner. */
export function usageText({ month, lines, owners }: UsageReport): string {
  const sums = new Map<string, { readonly row: TrafficRow; received: number; sent: number; days: number }>();
  for (const row of lines) {
    const key = JSON.stringify([row.peer, row.line]);
    const sum = sums.get(key) ?? { row, received: 0, sent: 0, days: 0 };
    sums.set(key, { row, received: sum.received + row.received, sent: sum.sent + row.sent, days: sum.days + 1 });
  }
  const texts = [...sums.values()].map(({ row: { peer, line }, received, sent, days }) => {
    const who = peer === '' ? 'others' : peer;
    return `line     ${who} over ${line}: ${bytesText(received)} came, ${bytesText(sent)} went, on ${counted(days, 'day')}`;
  });
  const bills = owners.map(({ owner, channels, samples, lost }) => {
    const who = owner === '' ? 'nobody named' : owner;
    return `owner    ${who}: ${counted(samples, 'sample')} of ${counted(channels, 'channel')}${lost === 0 ? '' : `, ${lost} lost`}`;
  });
  const body = [...texts, ...bills];
  return `${[`month    ${month} of UTC`, ...(body.length === 0 ? ['nothing passed'] : body)].join('\n')}\n`;
}

/** As spreadsheets read it. */
export function usageCsv({ lines }: UsageReport): string {
  const rows = lines.map(({ day, peer, line, received, sent }) => {
    return [new Date(day * DAY_MS).toISOString().slice(0, 10), quoted(peer), quoted(line), received, sent].join(',');
  });
  return `${['day,peer,line,received_bytes,sent_bytes', ...rows].join('\n')}\n`;
}

function quoted(text: string): string {
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

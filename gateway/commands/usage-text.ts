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
  /** Kept now of gateways that are the owner's with all of their channels; missing where there is none. */
  readonly storedBytes?: number;
}

/** What is kept now of one gateway. */
export interface StoredSum {
  readonly gateway: string;
  readonly bytes: number;
  /** Of all of its channels; empty: nobody whom the config names; missing: its channels have several, and a pack is of all of them. */
  readonly owner?: string;
}

export interface UsageReport {
  readonly month: string;
  readonly lines: readonly TrafficRow[];
  readonly owners: readonly OwnerSum[];
  readonly stored: readonly StoredSum[];
}

/** A line for each line and who is at its other end, and one for each owner. */
export function usageText({ month, lines, owners, stored }: UsageReport): string {
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
  const bills = owners.map(({ owner, channels, samples, lost, storedBytes }) => {
    const parts = [
      `${counted(samples, 'sample')} of ${counted(channels, 'channel')}`,
      ...(lost === 0 ? [] : [`${lost} lost`]),
      ...(storedBytes === undefined ? [] : [`${bytesText(storedBytes)} stored`]),
    ];
    return `owner    ${ownerText(owner)}: ${parts.join(', ')}`;
  });
  const kept = stored.map(({ gateway, bytes, owner }) => {
    return `stored   ${gateway}: ${bytesText(bytes)}${owner === undefined || owner === '' ? '' : `, of ${owner}`}`;
  });
  const body = [...texts, ...bills, ...kept];
  return `${[`month    ${month} of UTC`, ...(body.length === 0 ? ['nothing passed'] : body)].join('\n')}\n`;
}

function ownerText(owner: string): string {
  return owner === '' ? 'nobody named' : owner;
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

import type { Session } from '../query/sessions.ts';
import { spanText } from '../span-text.ts';
import { textTable } from './text-table.ts';
import { formatTime } from './time-text.ts';

/** Sessions for people, a line each, with a head. @param now UTC of the server, microseconds: how long one goes on that has not ended */
export function sessionTable(sessions: readonly Session[], now: number): string[] {
  const rows = sessions.map(({ id, name, gateway, from, to, metadata }) => {
    const notes = Object.entries(metadata).map(([key, value]) => `${key}=${value}`);
    const ends = to === undefined ? 'goes on' : formatTime(to);
    return [name, gateway, formatTime(from), ends, spanText((to ?? now) - from), id, notes.join(', ')];
  });
  return textTable([['SESSION', 'GATEWAY', 'FROM (UTC)', 'TO', 'LASTED', 'ID', 'NOTES'], ...rows]);
}

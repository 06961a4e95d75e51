import type { CanConfig } from './can-config.ts';
import type { DbcMessage } from './dbc/dbc.ts';
import { readDbc } from './dbc/read-dbc.ts';
import { frameKey } from './dictionary.ts';
import type { FrameCensus } from './frame-census.ts';

/**
 * For every bus of a recording the DBC files that know its identifiers. Of those that know most of its frames the one that
 * says most about its signals comes first and so counts where several know a message; the others follow by frames known.
 * @throws CaissonError `dbc-invalid`
 */
export function matchInterfaces(
  buses: ReadonlyMap<string, FrameCensus>,
  dbcs: readonly string[],
): NonNullable<CanConfig['interfaces']> {
  const known = dbcs.map((path) => {
    const { messages } = readDbc(path);
    const keys = new Set(messages.map(({ id, extended }) => frameKey(id, extended)));
    return { path, keys, described: describedShare(messages) };
  });
  const interfaces: NonNullable<CanConfig['interfaces']> = {};
  for (const [name, { byKey: frames, frames: total }] of buses) {
    const ranked = known
      .map(({ path, keys, described }) => {
        const hits = sum([...frames].map(([key, count]) => (keys.has(key) ? count : 0)));
        return { path, hits, rank: hits > total / 2 ? 1 + described : hits / total };
      })
      .filter(({ hits }) => hits > 0)
      .sort((a, b) => b.rank - a.rank);
    interfaces[name] = { dbc: ranked.map(({ path }) => path) };
  }
  return interfaces;
}

/** Share of signals that have a unit, labels or a comment: 0 to 1. */
function describedShare(messages: readonly DbcMessage[]): number {
  const signals = messages.flatMap((message) => message.signals);
  const described = signals.filter(
    ({ unit, labels, comment }) => unit !== '' || labels.size > 0 || (comment ?? '') !== '',
  );
  return signals.length === 0 ? 0 : described.length / signals.length;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}

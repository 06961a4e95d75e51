import { readFileSync } from 'node:fs';
import t from 'tap';
import { utcFromText } from '../../../gateway/utc-text.ts';
import { recording } from '../../data-dir.ts';
import { SqlRig } from './sql/sql-rig.ts';

const FILE = recording('industrial/okuma-mtconnect/okuma.txt');

/** Numbers of a machine's log, `time|key|value|key|value...`, in the order of its lines, with device stamps. */
function numbersOf(log: string): { key: string; time: number; value: number }[] {
  return log.split('\n').flatMap((line) => {
    const [stamp = '', ...pairs] = line.trim().split('|');
    const time = utcFromText(stamp.replace(/(\.\d{6})\d*/, '$1'));
    if (time === undefined) return [];
    return pairs.flatMap((key, i) => {
      const value = Number(pairs[i + 1]);
      return i % 2 === 0 && pairs[i + 1] !== '' && Number.isFinite(value) ? [{ key, time, value }] : [];
    });
  });
}

t.test(
  'a recording whose times step back by hours is kept wholly, ordered when it is read, and its late samples are told',
  { skip: FILE === undefined && 'needs shared/data/industrial/okuma-mtconnect' },
  async (t) => {
    const numbers = numbersOf(readFileSync(FILE ?? '', 'utf8'));
    const keys = [...new Set(numbers.map(({ key }) => key))];
    t.ok(numbers.length > 10_000, `${numbers.length} numbers of ${keys.length} items`);
    const late: string[] = [];
    const reach = new Map<string, number>();
    let stepBack = 0;
    for (const { key, time } of numbers) {
      const before = reach.get(key) ?? Number.NEGATIVE_INFINITY;
      if (time < before) late.push(`${key} ${time}`);
      stepBack = Math.max(stepBack, before - time);
      reach.set(key, Math.max(before, time));
    }
    t.ok(stepBack > 3.5 * 3_600e6, `steps back by ${(stepBack / 3_600e6).toFixed(2)} h`);
    const rig = new SqlRig(
      keys.map((key) => `${key} device`),
      (store) => {
        for (const [i, { key, time, value }] of numbers.entries()) {
          store.ring.writeSample(keys.indexOf(key) + 1, time, value);
          if (i % 500 === 499) store.commit();
          if (i % 3000 === 2999) store.sealAll();
        }
        store.commit();
      },
    );
    const { rows } = rig.run("select replace(channel, '_device', ''), time, late from samples");
    t.equal(rows.length, numbers.length, 'every sample is there');
    const isOrdered = rows.every(
      ([name, time], i) => name !== rows[i - 1]?.[0] || Number(time) >= Number(rows[i - 1]?.[1]),
    );
    t.ok(isOrdered, 'each channel in the order of time');
    const told = rows.flatMap(([name, time, isLate]) => (isLate === 1 ? [`${name} ${time}`] : []));
    t.same(told.sort(), late.sort(), `${late.length} late samples`);
    rig.dispose();
  },
);

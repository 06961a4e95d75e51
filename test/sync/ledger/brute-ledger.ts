import { BootClocks } from '../../../gateway/query/utc.ts';
import type { BlockReader } from '../../../gateway/store/block-reader.ts';
import { Pack } from '../../../gateway/store/pack/pack.ts';
import { feedOf } from '../same-feed.ts';

const DAY_US = 86_400e6;

/** What the packs of a store hold of a channel and boot, sample by sample. */
export interface BruteAccount {
  readonly numbers: Set<number>;
  readonly days: Map<number, number>;
}

/** Every pack of a gateway's feed decoded, by `boot channel`: the slow way to what accounts say of what is held. */
export function bruteLedger(db: BlockReader, gateway: string): Map<string, BruteAccount> {
  const clocks = new BootClocks();
  clocks.poll(db);
  const boots = new Map(db.boots().map(({ id, boot }) => [boot, id]));
  const accounts = new Map<string, BruteAccount>();
  for (const item of feedOf(db, gateway)) {
    if (item.kind !== 'pack') continue;
    const pack = Pack.open(item.bytes);
    const { boot, stamp } = pack.header;
    const map = clocks.of(boots.get(boot) ?? 0, stamp);
    for (const [index, { channel, firstSequence }] of pack.blocks.entries()) {
      const key = `${boot} ${channel}`;
      const account = accounts.get(key) ?? { numbers: new Set<number>(), days: new Map<number, number>() };
      accounts.set(key, account);
      for (const [i, time] of pack.samples(index).times.entries()) {
        account.numbers.add(firstSequence + i);
        const day = Math.floor((time + map.offsetAt(time)) / DAY_US) * DAY_US;
        account.days.set(day, (account.days.get(day) ?? 0) + 1);
      }
    }
  }
  return accounts;
}

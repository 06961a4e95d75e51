import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What a disk says of its own wear. */
export interface DiskLife {
  /** Share of its life that is used up, 0 to 1, rounded up as the disk does; more than 1 where it is past its end. */
  readonly used: number;
  /** What is set aside for worn out blocks runs out. */
  readonly isAtEnd: boolean;
}

/** JEDEC JESD84-B51, EXT_CSD: 0x01 is up to 10 % used, each further one 10 % more, 0x0b past the end, 0 not told. */
const TENTHS_MAX = 0x0b;
/** PRE_EOL_INFO: 1 normal, 2 warning (80 % of the reserve used), 3 urgent. */
const END_NEAR = 2;

/** From the texts of `life_time` (areas A and B: the more worn counts) and `pre_eol_info` of an eMMC. */
export function parseEmmcLife(lifeTime: string, preEol = ''): DiskLife | undefined {
  const areas = lifeTime.trim().split(/\s+/).map(Number);
  if (areas.some((area) => !Number.isInteger(area) || area < 0 || area > TENTHS_MAX)) return undefined;
  const tenths = Math.max(...areas);
  const reserve = Number(preEol.trim() || Number.NaN);
  return tenths === 0 ? undefined : { used: tenths / 10, isAtEnd: tenths === TENTHS_MAX || reserve >= END_NEAR };
}

/** What `disk` says of its wear; undefined for one that does not tell here, as an SD card. */
export async function readDiskLife(disk: string, root = '/'): Promise<DiskLife | undefined> {
  const textOf = (name: string) => readFile(join(root, 'sys/block', disk, 'device', name), 'latin1').catch(() => '');
  const [lifeTime, preEol] = await Promise.all([textOf('life_time'), textOf('pre_eol_info')]);
  return lifeTime === '' ? undefined : parseEmmcLife(lifeTime, preEol);
}

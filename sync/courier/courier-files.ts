import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { CaissonError, messageOf } from '../../gateway/errors.ts';

/** Ending of a file that is being written. */
export const PART = '.part';

const TOP = 'caisson-courier';
const NAME = /^([0-9a-f]+)-([0-9a-f]*)-(\d{1,16})-(\d{1,16})(?:-([0-9a-f]{64}))?\.ccf$/;

/** A file that is whole, as its name tells it. */
export interface CourierFileName {
  readonly name: string;
  readonly feed: string;
  /** The last boot of the feed at or before `to`: another one in a store that was set back to an earlier copy of itself. */
  readonly boot: string;
  readonly from: number;
  readonly to: number;
  /** SHA-256 of the file, hexadecimal, where it lies in the depot of a relay. */
  readonly digest?: string;
}

/** Where the files of a gateway for a central lie. */
export function courierFolder(medium: string, gateway: string, central: string): string {
  return join(medium, TOP, gateway, central);
}

export function courierName({ feed, boot, from, to, digest }: Omit<CourierFileName, 'name'>): string {
  return `${feed}-${boot}-${from}-${to}${digest === undefined ? '' : `-${digest}`}.ccf`;
}

/** What the name of a whole file tells; undefined for any other. */
export function parseCourierName(name: string): CourierFileName | undefined {
  const [, feed = '', boot = '', from = '', to = '', digest] = NAME.exec(name) ?? [];
  if (feed === '') return undefined;
  return { name, feed, boot, from: Number(from), to: Number(to), ...(digest !== undefined && { digest }) };
}

/** The whole files of a folder, by feed and position. */
export function filesOf(folder: string): CourierFileName[] {
  return readdirSync(folder)
    .flatMap((name) => parseCourierName(name) ?? [])
    .sort((a, b) => (a.feed < b.feed ? -1 : a.feed > b.feed ? 1 : a.from - b.from));
}

/**
 * Paths of all whole files on a medium, of every gateway and central.
 * @throws CaissonError `courier-failed` where it cannot be read
 */
export function filesOn(medium: string): string[] {
  try {
    return found(medium);
  } catch (cause) {
    throw new CaissonError('courier-failed', `${medium}: ${messageOf(cause)}`, { cause, hint: 'is the medium there?' });
  }
}

function found(medium: string): string[] {
  const under = (folder: string) =>
    readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
      entry.isDirectory() ? [join(folder, entry.name)] : [],
    );
  const centrals = under(medium)
    .filter((folder) => folder === join(medium, TOP))
    .flatMap(under)
    .flatMap(under);
  return centrals.sort().flatMap((folder) => filesOf(folder).map(({ name }) => join(folder, name)));
}

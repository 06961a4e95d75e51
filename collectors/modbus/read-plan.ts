import type { PointSettings } from './modbus-config.ts';
import { type ReadRequest, TABLES, type Table } from './pdu.ts';
import { VALUE_TYPES } from './registers.ts';

/** One request and the points that its answer holds. */
export interface ReadGroup {
  readonly request: ReadRequest;
  readonly points: readonly PointSettings[];
}

/** Registers or bits that a point takes. */
export function quantityOf({ table, type }: PointSettings): number {
  return TABLES[table].isBits ? 1 : VALUE_TYPES[type];
}

/**
 * Joins points to as few requests as their tables allow: points of a table that lie together, or at most `gapMax` apart, up
 * to the most that one request may ask for.
 */
export function planReads(points: readonly PointSettings[], gapMax: number): ReadGroup[] {
  const groups: ReadGroup[] = [];
  for (const table of Object.keys(TABLES) as Table[]) {
    const sorted = points.filter((point) => point.table === table).sort((a, b) => a.address - b.address);
    let members: PointSettings[] = [];
    let from = 0;
    let end = 0;
    const finish = (): void => {
      if (members.length > 0) groups.push({ request: { table, address: from, quantity: end - from }, points: members });
      members = [];
    };
    for (const point of sorted) {
      const pointEnd = point.address + quantityOf(point);
      const isNear = point.address <= end + gapMax && Math.max(end, pointEnd) - from <= TABLES[table].quantityMax;
      if (members.length === 0 || !isNear) {
        finish();
        from = point.address;
        end = pointEnd;
      }
      members.push(point);
      end = Math.max(end, pointEnd);
    }
    finish();
  }
  return groups;
}

/** The same points, each with a request of its own. */
export function splitGroup({ points }: ReadGroup): ReadGroup[] {
  return points.flatMap((point) => planReads([point], 0));
}

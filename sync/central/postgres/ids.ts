import { CaissonError } from '../../../gateway/errors.ts';

/*
 * Numbers that mean one thing in the whole database and that no two processes can give out twice: each belongs to a gateway,
 * which only the process that holds its lease writes, and has the gateway's number in its upper part. All are exact as float64.
 */

/** Gateways of one database: 2^20 x 2^33 positions are 2^53. */
export const GATEWAYS_MAX = 2 ** 20;

/** Boots, channels and rosters of one gateway, of each. */
const IDS_MAX = 2 ** 20;

/** Positions of one gateway: ten packs a second for 27 years. */
const POSITIONS_MAX = 2 ** 33;

/** Number of the gateway that a boot, channel or roster belongs to. */
export function gatewayOfId(id: number): number {
  return Math.floor(id / IDS_MAX);
}

export function gatewayOfPosition(position: number): number {
  return Math.floor(position / POSITIONS_MAX);
}

/** Behind this one the ids of a gateway begin. */
export function idsBefore(gateway: number): number {
  return gateway * IDS_MAX;
}

/** Behind this one the positions of a gateway begin. */
export function positionsBefore(gateway: number): number {
  return gateway * POSITIONS_MAX;
}

/** @throws CaissonError `store-failed` where a gateway has used its ids up */
export function requireOwnId(gateway: number, id: number): number {
  if (gatewayOfId(id) === gateway) return id;
  throw new CaissonError(
    'store-failed',
    `gateway ${gateway} has ${IDS_MAX} boots, channels or rosters: no more can be`,
  );
}

/** @throws CaissonError `store-failed` where a gateway has used its positions up */
export function requireOwnPosition(gateway: number, position: number): number {
  if (gatewayOfPosition(position) === gateway) return position;
  throw new CaissonError('store-failed', `gateway ${gateway} has ${POSITIONS_MAX} positions: no more can be`);
}

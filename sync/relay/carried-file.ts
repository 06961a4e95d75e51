import { Buffer } from 'node:buffer';
import { CaissonError } from '../../gateway/errors.ts';
import type { CourierOpening } from '../api/courier-call.ts';
import { COURIER_BYTES_MAX } from '../courier/courier-desk.ts';
import type { CourierHead } from '../courier/courier-file.ts';
import { type CourierFileName, parseCourierName } from '../courier/courier-files.ts';

/** Names of gateways and centrals: what becomes a folder. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

const DIGEST_BYTES = 32;

/** A file that somebody wants to hand over, of which all that it says of itself can be. */
export interface OfferedFile {
  /** SHA-256, hexadecimal. */
  readonly digest: string;
  readonly name: CourierFileName;
  readonly gateway: string;
  readonly central: string;
  readonly bytes: number;
  readonly offset: number;
}

/** @throws CaissonError `courier-invalid`, `access-refused` for a file of another gateway than the one that sends it */
export function offeredFile({ start, sender }: CourierOpening): OfferedFile {
  if (start === undefined) {
    throw new CaissonError('courier-invalid', 'the file comes without its digest and name, which a relay must know', {
      hint: 'a relay takes what a gateway hands over (`destinations.NAME.relay`); media are read into centrals',
    });
  }
  const { gateway, central, bytes, offset } = start;
  const name = parseCourierName(start.name);
  if (name === undefined || name.digest !== undefined)
    throw invalid(`its name is '${start.name}', which COURIER-5 does not allow`);
  for (const each of [gateway, central]) if (!NAME.test(each)) throw invalid(`it names '${each}', which cannot be`);
  if (start.digest.length !== DIGEST_BYTES)
    throw invalid(`its digest has ${start.digest.length} bytes, expected ${DIGEST_BYTES}`);
  if (bytes < 1 || bytes > COURIER_BYTES_MAX || offset > bytes)
    throw invalid(`it has ${bytes} bytes and goes on at ${offset}`);
  if (sender !== undefined && sender !== gateway) {
    throw new CaissonError(
      'access-refused',
      `gateway ${sender} brings a courier file of ${gateway}, expected one of its own`,
    );
  }
  return { digest: Buffer.from(start.digest).toString('hex'), name, gateway, central, bytes, offset };
}

/** @throws CaissonError `courier-invalid` where a file begins otherwise than was said of it */
export function requireSaid({ gateway, central, name }: OfferedFile, head: CourierHead): void {
  const isSaid =
    head.gateway === gateway && head.central === central && head.feed === name.feed && head.from === name.from;
  if (!isSaid) throw invalid(`its head is of ${head.gateway} for ${head.central}, feed ${head.feed} from ${head.from}`);
}

function invalid(problem: string): CaissonError {
  return new CaissonError('courier-invalid', `a courier file was handed over, but ${problem}`);
}

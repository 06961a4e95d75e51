import { type Buffer, isUtf8 } from 'node:buffer';
import { PayloadError } from '../../payload/payload-error.ts';

/** @throws PayloadError `json-invalid` */
export function decodeJson(payload: Buffer): unknown {
  if (!isUtf8(payload)) throw new PayloadError('json-invalid', 'not UTF-8');
  try {
    return JSON.parse(payload.toString('utf8'));
  } catch (error) {
    throw new PayloadError('json-invalid', error instanceof Error ? error.message : undefined);
  }
}

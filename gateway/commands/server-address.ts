import { type Address, parseAddress } from '../../sync/api/address.ts';
import { messageOf } from '../errors.ts';
import { UsageError } from './outcome.ts';

/**
 * The address an option gives.
 * @throws UsageError
 */
export function parseServer(text: string): Address {
  try {
    return parseAddress(text);
  } catch (cause) {
    throw new UsageError(messageOf(cause), { cause });
  }
}

import { readFileSync } from 'node:fs';
import { CaissonError, messageOf } from '../errors.ts';

export const CONFIG_FILE = 'caisson.yaml';

/** Bytes of a config file, or of one with a secret. Larger: refused. */
const CONFIG_BYTES_MAX = 1 << 20;

/** Text of a config file, or of one that it names. @throws CaissonError `config-unreadable` */
export function readConfigText(path: string): string {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (cause) {
    throw new CaissonError('config-unreadable', messageOf(cause), {
      cause,
      hint: `\`caisson init\` writes a ${CONFIG_FILE} to start from`,
    });
  }
  if (bytes.length > CONFIG_BYTES_MAX) {
    throw new CaissonError(
      'config-unreadable',
      `${path} has ${bytes.length} bytes, expected ${CONFIG_BYTES_MAX} at most`,
    );
  }
  return bytes.toString('utf8').replace(/^\ufeff/, '');
}

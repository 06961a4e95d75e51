import { createHash } from 'node:crypto';
import { redactedYaml } from '../../config/offer/private-yaml.ts';

/** What a config is told apart by, short enough for people: of what others may see of it, so that it gives no secret away. */
export function configDigest(text: string, secretKeys: ReadonlySet<string>): string {
  return createHash('sha256').update(redactedYaml(text, secretKeys)).digest('hex').slice(0, 16);
}

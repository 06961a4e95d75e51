import { CaissonError } from '../../gateway/errors.ts';
import type { MqttSettings } from './config.ts';
import { TopicRules } from './topic-rules.ts';

/**
 * What the schema of the broker cannot say.
 * @throws CaissonError `config-invalid`
 */
export function checkMqtt({ topics, prefix, tls }: MqttSettings): void {
  new TopicRules(topics, prefix);
  if ((tls?.clients ?? []).length > 0 && tls?.clientCa === undefined) {
    throw new CaissonError('config-invalid', 'mqtt: tls.clients names certificates, and tls.clientCa is not set', {
      hint: 'add tls.clientCa, the authority that they are of',
    });
  }
}

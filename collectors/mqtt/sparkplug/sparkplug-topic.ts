/** First level of every topic of Sparkplug B. */
export const SPARKPLUG_NAMESPACE = 'spBv1.0';

const DEVICE_TYPES = ['DBIRTH', 'DDATA', 'DDEATH'] as const;
const NODE_TYPES = ['NBIRTH', 'NDATA', 'NDEATH'] as const;

export type SparkplugType = (typeof DEVICE_TYPES)[number] | (typeof NODE_TYPES)[number];

export interface SparkplugTopic {
  readonly type: SparkplugType;
  readonly group: string;
  readonly node: string;
  /** Undefined for messages of the node itself. */
  readonly device: string | undefined;
}

export function isSparkplugTopic(topic: string): boolean {
  return topic.startsWith(`${SPARKPLUG_NAMESPACE}/`);
}

/**
 * The parts of a topic that carries data; undefined for what says nothing to a host: commands, the states of hosts, and
 * what is none of Sparkplug's.
 */
export function parseSparkplugTopic(topic: string): SparkplugTopic | undefined {
  const [, group = '', name = '', node = '', device, ...rest] = topic.split('/');
  if (group === '' || node === '' || device === '' || rest.length > 0) return undefined;
  const type = [...NODE_TYPES, ...DEVICE_TYPES].find((known) => known === name);
  if (type === undefined) return undefined;
  const isOfDevice = type.startsWith('D');
  return isOfDevice === (device !== undefined) ? { type, group, node, device } : undefined;
}

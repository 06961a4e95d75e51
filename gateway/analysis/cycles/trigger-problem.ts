import type { Channel } from '../../channel.ts';
import { nearest } from '../../nearest.ts';
import { spanText } from '../../span-text.ts';
import type { CycleConfig } from './cycles-config.ts';

/** How long after the start a channel that tells may be unknown, or silent, before that is said, microseconds. */
const PATIENCE_US = 15e6;

/** How long it may be silent once it was heard. */
const SILENT_US = 15 * 60e6;

/** What is known of the channel that tells. Times box time, microseconds. */
export interface TriggerSight {
  /** Undefined where no channel has its name, in this run of the process or before. */
  readonly channel: Channel | undefined;
  /** When its last sample of this run came; undefined before the first. */
  readonly heard: number | undefined;
  readonly started: number;
  readonly now: number;
  /** Of channels that there are. */
  readonly names: () => Iterable<string>;
}

/** Why a kind of cycle has none, where the channel that tells is the reason; undefined where nothing is wrong. */
export function triggerProblem(config: CycleConfig, sight: TriggerSight): string | undefined {
  const { channel, heard, started, now, names } = sight;
  if (channel?.type === 'text' && 'threshold' in config) return `${config.channel} is text, which crosses no threshold`;
  const silent = now - (heard ?? started);
  if (heard !== undefined)
    return silent < SILENT_US ? undefined : `${config.channel} is silent for ${spanText(silent)}`;
  if (silent < PATIENCE_US) return undefined;
  return channel === undefined
    ? unknownTrigger(config.channel, names())
    : `no sample of ${config.channel} since the start`;
}

/** What is said of a channel that tells and that nobody knows. */
export function unknownTrigger(wanted: string, names: Iterable<string>): string {
  const others = [...names].filter((name) => !name.startsWith('caisson/'));
  const [near] = nearest(wanted, others, 1);
  return `no channel is named ${wanted}${near === undefined ? '' : `; did you mean ${near}?`}`;
}

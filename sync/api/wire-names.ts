import type { ChannelClass, ChannelType, Stamp } from '../../gateway/channel.ts';
import type { ClockSource } from '../../gateway/clock.ts';
import { CaissonError } from '../../gateway/errors.ts';
import type { CoverageState } from '../../gateway/query/coverage/coverage.ts';
import type { CycleState } from '../../gateway/query/cycles.ts';
import type { GatewayStatus, LineStatus, SourceStatus, UplinkStatus } from '../../gateway/status.ts';
import type { CoverageStateName } from './coverage-messages.ts';
import type { CycleStateName } from './cycle-messages.ts';
import type { ChannelClassName, ChannelTypeName, ClockSourceName, StampName } from './messages.ts';
import type { LineStateName, RoleName, SourceStateName, UplinkStateName } from './status-messages.ts';

/** Words of the project against names of the proto's enums, both ways. */
export interface WireNames<Word extends string, Name extends string> {
  readonly toWire: Readonly<Record<Word, Name>>;
  /** @throws CaissonError `peer-invalid` for a name that has no word, such as one of a later version */
  fromWire(name: string): Word;
}

function wireNames<Word extends string, Name extends string>(
  toWire: Readonly<Record<Word, Name>>,
): WireNames<Word, Name> {
  const words = new Map<string, Word>();
  for (const word of Object.keys(toWire) as Word[]) words.set(toWire[word], word);
  return {
    toWire,
    fromWire(name) {
      const word = words.get(name);
      if (word !== undefined) return word;
      throw new CaissonError(
        'peer-invalid',
        `the other end sent ${name}, expected one of ${[...words.keys()].join(', ')}`,
      );
    },
  };
}

export const CHANNEL_TYPES = wireNames<ChannelType, ChannelTypeName>({
  number: 'CHANNEL_TYPE_NUMBER',
  bool: 'CHANNEL_TYPE_BOOL',
  enum: 'CHANNEL_TYPE_ENUM',
  text: 'CHANNEL_TYPE_TEXT',
});

export const CHANNEL_CLASSES = wireNames<ChannelClass, ChannelClassName>({
  critical: 'CHANNEL_CLASS_CRITICAL',
  standard: 'CHANNEL_CLASS_STANDARD',
  bulk: 'CHANNEL_CLASS_BULK',
});

export const STAMPS = wireNames<Stamp, StampName>({ arrival: 'STAMP_ARRIVAL', device: 'STAMP_DEVICE' });

export const CLOCK_SOURCE_NAMES = wireNames<ClockSource, ClockSourceName>({
  none: 'CLOCK_SOURCE_NONE',
  manual: 'CLOCK_SOURCE_MANUAL',
  rtc: 'CLOCK_SOURCE_RTC',
  ntp: 'CLOCK_SOURCE_NTP',
  gnss: 'CLOCK_SOURCE_GNSS',
  ptp: 'CLOCK_SOURCE_PTP',
});

export const CYCLE_STATES = wireNames<CycleState, CycleStateName>({
  open: 'CYCLE_STATE_OPEN',
  complete: 'CYCLE_STATE_COMPLETE',
  aborted: 'CYCLE_STATE_ABORTED',
});

export const ROLES = wireNames<GatewayStatus['role'], RoleName>({ gateway: 'ROLE_GATEWAY', central: 'ROLE_CENTRAL' });

export const SOURCE_STATES = wireNames<SourceStatus['state'], SourceStateName>({
  starting: 'SOURCE_STATE_STARTING',
  running: 'SOURCE_STATE_RUNNING',
  waiting: 'SOURCE_STATE_WAITING',
  stopped: 'SOURCE_STATE_STOPPED',
});

export const UPLINK_STATES = wireNames<UplinkStatus['state'], UplinkStateName>({
  dialling: 'UPLINK_STATE_DIALLING',
  connected: 'UPLINK_STATE_CONNECTED',
  waiting: 'UPLINK_STATE_WAITING',
});

export const COVERAGE_STATES = wireNames<CoverageState, CoverageStateName>({
  full: 'COVERAGE_STATE_FULL',
  outline: 'COVERAGE_STATE_OUTLINE',
  missing: 'COVERAGE_STATE_MISSING',
});

export const LINE_STATES = wireNames<LineStatus['state'], LineStateName>({
  'in-use': 'LINE_STATE_IN_USE',
  standby: 'LINE_STATE_STANDBY',
  waiting: 'LINE_STATE_WAITING',
  dead: 'LINE_STATE_DEAD',
});

/** The message itself. @throws CaissonError `peer-invalid` where it is missing */
export function present<Message>(message: Message | null | undefined, name: string): Message {
  if (message !== null && message !== undefined) return message;
  throw new CaissonError('peer-invalid', `the other end sent no ${name}`);
}

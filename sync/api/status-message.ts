import { CaissonError } from '../../gateway/errors.ts';
import type {
  ClockStatus,
  ConfigStatus,
  ConfigTrialStatus,
  GatewayStatus,
  HandOverStatus,
  SourceStatus,
  StoreStatus,
} from '../../gateway/status.ts';
import { decodeLine, encodeLine } from './line-message.ts';
import type { HandOverStatusMessage } from './relay-messages.ts';
import type {
  ClockStatusMessage,
  ConfigStatusMessage,
  ConfigTrialStatusMessage,
  SourceStatusMessage,
  StatusMessage,
  StoreStatusMessage,
} from './status-messages.ts';
import { CHANNEL_CLASSES, CLOCK_SOURCE_NAMES, present, ROLES, SOURCE_STATES, UPLINK_STATES } from './wire-names.ts';

export function encodeStatus({ config, ...status }: GatewayStatus): StatusMessage {
  return {
    ...status,
    role: ROLES.toWire[status.role],
    clock: encodeClock(status.clock),
    store: encodeStore(status.store),
    ...(config && { config: encodeConfig(config) }),
    destinations: (status.destinations ?? []).map((each) => ({
      ...each,
      withheld: each.withheld ?? {},
      stores: each.stores ?? [],
    })),
    drills: status.drills ?? [],
    cycles: status.cycles ?? [],
    handovers: status.handovers ?? [],
    uplinks: (status.uplinks ?? []).map((each) => ({ ...each, state: UPLINK_STATES.toWire[each.state] })),
    lines: (status.lines ?? []).map(encodeLine),
    sources: status.sources.map((source) => ({
      ...source,
      state: SOURCE_STATES.toWire[source.state],
      errorPlaces: source.errorPlaces ?? {},
      leftOut: source.leftOut ?? {},
    })),
  };
}

/** @throws CaissonError `peer-invalid` */
export function decodeStatus({
  destinations,
  uplinks,
  drills,
  cycles,
  lines,
  config,
  relay,
  handovers,
  ...message
}: StatusMessage): GatewayStatus {
  return {
    ...message,
    role: ROLES.fromWire(message.role),
    clock: decodeClock(present(message.clock, 'clock status')),
    ring: present(message.ring, 'ring status'),
    store: decodeStore(present(message.store, 'store status')),
    sources: message.sources.map(decodeSource),
    ...(destinations.length > 0 && {
      destinations: destinations.map(({ withheld, stores, ...each }) => ({
        ...{ ...each, refused: { ...each.refused } },
        ...(Object.keys(withheld).length > 0 && { withheld: { ...withheld } }),
        ...(stores.length > 0 && { stores: stores.map((each) => ({ ...each })) }),
      })),
    }),
    ...(uplinks.length > 0 && {
      uplinks: uplinks.map((each) => ({ ...each, state: UPLINK_STATES.fromWire(each.state) })),
    }),
    ...(drills.length > 0 && { drills: drills.map((each) => ({ ...each })) }),
    ...(cycles.length > 0 && { cycles: cycles.map((each) => ({ ...each })) }),
    ...(lines.length > 0 && {
      lines: lines.map(decodeLine),
    }),
    ...(config && { config: decodeConfig(config) }),
    ...(relay && { relay: { ...relay, refused: { ...relay.refused }, destinations: relay.destinations.slice() } }),
    ...(handovers.length > 0 && { handovers: handovers.map(decodeHandOver) }),
    ...(message.security && { security: { ...message.security, refused: { ...message.security.refused } } }),
  };
}

function encodeClock({ source, doubted, ...clock }: ClockStatus): ClockStatusMessage {
  const toWire = CLOCK_SOURCE_NAMES.toWire;
  return {
    ...clock,
    source: toWire[source],
    doubted: doubted.map((each) => ({ ...each, source: toWire[each.source] })),
  };
}

function decodeClock({ source, doubted, ...clock }: ClockStatusMessage): ClockStatus {
  const { fromWire } = CLOCK_SOURCE_NAMES;
  return {
    ...clock,
    source: fromWire(source),
    doubted: doubted.map((each) => ({ ...each, source: fromWire(each.source) })),
  };
}

function decodeHandOver({ state, ...message }: HandOverStatusMessage): HandOverStatus {
  const known = HAND_OVER_STATES.find((each) => each === state);
  if (known === undefined)
    throw new CaissonError('peer-invalid', `a hand-over is '${state}', which is no state of one`);
  return { ...message, state: known, refused: { ...message.refused } };
}

const HAND_OVER_STATES = ['rests', 'waits', 'hands-over', 'fails'] as const;

function encodeConfig({ digest, trial, last }: ConfigStatus): ConfigStatusMessage {
  return {
    digest,
    ...(trial && { trial: { ...trial, outcome: '', why: '', ended: 0, downtimeMs: 0 } }),
    ...(last && { last }),
  };
}

function decodeConfig({ digest, trial, last }: ConfigStatusMessage): ConfigStatus {
  return {
    digest,
    ...(trial && { trial: decodeTrial(trial) }),
    ...(last && {
      last: {
        ...decodeTrial(last),
        ...{ why: last.why, ended: last.ended, downtimeMs: last.downtimeMs },
        outcome: last.outcome === 'kept' ? 'kept' : 'returned',
      },
    }),
  };
}

function decodeTrial({ offer, digest, by, begun, watchS }: ConfigTrialStatusMessage): ConfigTrialStatus {
  return { offer, digest, by, begun, watchS };
}

function encodeStore({ retention, ...store }: StoreStatus): StoreStatusMessage {
  if (retention === undefined) return store;
  const classes = retention.classes.map((each) => ({ ...each, class: CHANNEL_CLASSES.toWire[each.class] }));
  return { ...store, retention: { ...retention, classes } };
}

function decodeStore({ retention, retired, ...rest }: StoreStatusMessage): StoreStatus {
  const byLimit = retired && present(retired.byLimit, 'sums of what limits took');
  const store = { ...rest, ...(retired && byLimit && { retired: { ...retired, byLimit } }) };
  if (retention === undefined) return store;
  const classes = retention.classes.map((each) => ({ ...each, class: CHANNEL_CLASSES.fromWire(each.class) }));
  return { ...store, retention: { ...retention, classes } };
}

function decodeSource({ leftOut, errorPlaces, ...message }: SourceStatusMessage): SourceStatus {
  return {
    ...message,
    state: SOURCE_STATES.fromWire(message.state),
    errors: { ...message.errors },
    ...(Object.keys(errorPlaces).length === 0 ? {} : { errorPlaces: { ...errorPlaces } }),
    ...(Object.keys(leftOut).length === 0 ? {} : { leftOut: { ...leftOut } }),
  };
}

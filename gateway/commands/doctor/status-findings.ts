import { KEPT_BY_NOBODY } from '../../../hardware/host/time-daemon.ts';
import type { DoubtedClock } from '../../clock-keeper.ts';
import { bytesText, counted } from '../../quantity-text.ts';
import { spanText } from '../../span-text.ts';
import type { CycleKindStatus, GatewayStatus, SourceStatus } from '../../status.ts';
import { clockFindings } from './box-findings.ts';
import { type Examined, type Finding, found, together, well } from './finding.ts';

/** Time without a unit after which a source that had some is called silent, microseconds. */
const SILENT_US = 60e6;

/** Share of units that cannot be used from which a wire is called noisy, and the least of them. */
const NOISY_SHARE = 0.01;
const NOISY_UNITS_MIN = 20;

/** Share of units without a definition from which definitions are called missing. */
const UNDEFINED_SHARE = 0.5;

/** Hours of room below which something is said. */
const HOURS_MIN = 24;

/** What a gateway that runs says of itself; nothing that it uses is touched. Pure. */
export function statusFindings(status: GatewayStatus, wallUs: number): Examined {
  return together([
    well('gateway', `${status.gateway} runs, Caisson ${status.version}; its ports and wires were left to it`),
    status.clock.source === 'none' || status.clock.source === 'rtc'
      ? clockFindings({ clock: KEPT_BY_NOBODY, wallUs })
      : well('clock', `${status.clock.source}, error at most ${(status.clock.errorUs / 1e3).toFixed(1)} ms`),
    ...status.clock.doubted.map(doubtFinding),
    storeFindings(status),
    wearFindings(status),
    ...status.sources.map((source) => sourceFindings(source, status.now)),
    ...(status.cycles ?? []).map(cycleFindings),
  ]);
}

function doubtFinding({ teller, why }: DoubtedClock): Examined {
  return found({
    code: 'clock-doubted',
    severity: 'risk',
    about: `source ${teller}`,
    seen: `its clock ${why}`,
    means:
      'samples have the UTC that is known without it; what is stamped by the device itself is as wrong as its clock',
    mend: {
      byHand:
        'see which of the two clocks is wrong: a receiver with a clear sky finds the date by itself, one that goes back by 1024 weeks needs a newer firmware',
    },
  });
}

function storeFindings(status: GatewayStatus): Examined {
  const { store, ring } = status;
  const findings: Finding[] = [];
  const about = 'store';
  if (store.lost > 0 || ring.refused > 0) {
    findings.push({
      code: 'samples-lost',
      severity: 'risk',
      about,
      seen: `${store.lost} samples lost since the gateway started, ${ring.refused} of them refused by the ring`,
      means: 'they were counted, and the ledger has their channels, times and causes',
      mend: { command: 'caisson sql "SELECT * FROM gaps ORDER BY since DESC LIMIT 20"' },
    });
  }
  if (store.mended !== undefined) {
    const { why, since, folder, lost, left } = store.mended;
    findings.push({
      code: 'store-mended',
      severity: 'risk',
      about,
      seen: `its database was damaged ${spanText(status.now - since)} ago (${why}) and was made anew, without ${counted(lost + left, 'sample')}`,
      means: `the disk damages what is on it; the damaged files take room in ${folder}, and are left to a person`,
      mend: {
        byHand: `replace the disk, or see that power stays until it has written; delete ${folder} when nothing more is wanted of it`,
      },
    });
  }
  const { rung = 'none', hoursLeft = Number.POSITIVE_INFINITY, roomBytes = 0 } = store.retention ?? {};
  if (rung !== 'none') {
    findings.push({
      code: 'disk-short',
      severity: 'broken',
      about,
      seen: `the disk runs short: ${rung}`,
      means: 'samples are given up to stay alive',
      mend: { command: 'sudo du -xh / --max-depth=2 | sort -h | tail' },
    });
  } else if (hoursLeft > 0 && hoursLeft < HOURS_MIN) {
    findings.push({
      code: 'store-fills',
      severity: 'note',
      about,
      seen: `${bytesText(roomBytes)} of room, full in ${hoursLeft.toFixed(1)} hours at the present rate`,
      means: 'from then on the oldest samples are given up for new ones, as the config says',
      mend: { path: ['store', 'retention', 'diskShare'], config: 'diskShare: 0.9' },
    });
  }
  if (findings.length > 0) return found(...findings);
  return well(about, `${store.samples} samples taken in, none lost`);
}

function wearFindings({ wear }: GatewayStatus): Examined {
  if (wear === undefined) return together([]);
  const perDay = `${bytesText(wear.bytesPerDay)} a day are written to ${wear.disk || 'disk'}`;
  if (!wear.isOverBudget) return Number.isNaN(wear.yearsLeft) ? together([]) : well('wear', perDay);
  return found({
    code: 'disk-wears',
    severity: 'risk',
    about: 'wear',
    seen: `${perDay}, which leave it ${wear.yearsLeft.toFixed(1)} years`,
    means: 'the disk will not last as long as the config says that it must',
    mend: { path: ['store', 'commitFloorMs'], config: 'commitFloorMs: 200' },
  });
}

function sourceFindings(source: SourceStatus, now: number): Examined {
  const about = `source ${source.name}`;
  const { state, problem, received, samples, rate } = source;
  if (problem !== undefined) {
    return found({
      code: 'source-waits',
      severity: 'broken',
      about,
      seen: problem,
      means: 'the gateway tries again by itself; until then no samples come',
      mend: { command: `caisson doctor   # with the gateway stopped: it then tries the wire itself` },
    });
  }
  if (received === 0 && state === 'starting') {
    return found({
      code: 'source-silent',
      severity: 'risk',
      about,
      seen: 'open, and nothing came yet',
      means: 'no device sends, or not here',
      mend: { byHand: 'see that the device has power and that its wires are those of this source' },
    });
  }
  const silentUs = source.lastSeen === undefined ? 0 : now - source.lastSeen;
  if (silentUs > SILENT_US && state !== 'stopped') {
    return found({
      code: 'source-silent',
      severity: 'risk',
      about,
      seen: `nothing came for ${Math.round(silentUs / 1e6)} s; ${received} units before that`,
      means: 'the device stopped sending, or its wire broke',
      mend: { byHand: 'see that the device has power and that its wires are whole' },
    });
  }
  const unusable = errorFindings(about, source);
  return unusable.length > 0 ? found(...unusable) : well(about, `${samples} samples, ${rate.toFixed(0)} a second`);
}

function cycleFindings({ name, channel, open, problem }: CycleKindStatus): Examined {
  const about = `cycle ${name}`;
  if (problem === undefined)
    return well(about, open === undefined ? `told by ${channel}, none open` : `${open} is open`);
  return found({
    code: 'cycle-untold',
    severity: 'risk',
    about,
    seen: problem,
    means: `${channel} says where each ${name} begins and ends: without it there are none`,
    mend: { command: `caisson channels   # names those that there are, for cycles.${name}.channel` },
  });
}

/** Reasons of units that are whole, and that nothing defines. */
const UNDEFINED: ReadonlySet<string> = new Set(['no-definition', 'unknown-message']);

/** True for reasons that tell of a bad wire: not of whole units that have no meaning here, or no UTC yet. */
function isDamage(reason: string): boolean {
  return !UNDEFINED.has(reason) && !reason.startsWith('unknown') && reason !== 'no-utc' && reason !== 'remote-frame';
}

function errorFindings(about: string, { errors, received, name }: SourceStatus): Finding[] {
  const entries = Object.entries(errors);
  const sum = (isWanted: (reason: string) => boolean) =>
    entries.reduce((total, [reason, count]) => total + (isWanted(reason) ? count : 0), 0);
  const undefinedUnits = sum((reason) => UNDEFINED.has(reason));
  const damaged = sum(isDamage);
  const [worst] = entries.filter(([reason]) => isDamage(reason)).sort((a, b) => b[1] - a[1]);
  const findings: Finding[] = [];
  if (damaged >= NOISY_UNITS_MIN && damaged > NOISY_SHARE * received && worst !== undefined) {
    findings.push({
      code: 'wire-noisy',
      severity: 'risk',
      about,
      seen: `${damaged} of ${received} units could not be used, most for ${worst[0]} (${worst[1]})`,
      means: 'the wire is disturbed, or the sender does not speak quite as the config says',
      mend: { command: `caisson status --json   # errors of ${name} by reason` },
    });
  }
  if (undefinedUnits >= NOISY_UNITS_MIN && undefinedUnits > UNDEFINED_SHARE * received) {
    findings.push({
      code: 'mostly-unknown',
      severity: 'risk',
      about,
      seen: `${undefinedUnits} of ${received} units have no definition`,
      means: 'a definition is missing, or that of another wire stands in its place, such as swapped DBC files',
      mend: {
        command: 'caisson doctor --recording FILE   # with a recording of the bus: says which DBC file is whose',
      },
    });
  }
  return findings;
}

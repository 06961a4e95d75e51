import { ATTENTIONS, type Attention, type BoxFacts, type FleetBox } from '../../gateway/fleet.ts';
import { bytesText, counted } from '../../gateway/quantity-text.ts';
import { spanText } from '../../gateway/span-text.ts';

const SECOND_US = 1e6;
const MINUTE_US = 60 * SECOND_US;
const HOUR_US = 60 * MINUTE_US;
const DAY_US = 24 * HOUR_US;

/** A line that waits for longer than a few attempts; and one of which nobody knows whether it comes back. */
const LINE_WATCH_US = 2 * MINUTE_US;
const LINE_ACT_US = HOUR_US;

/** Relays and media come when they come: a box that has no line is looked at when none brought anything for so long. */
const CARRIED_WATCH_US = DAY_US;

/** Samples travel as blocks are sealed, a slow channel's after minutes. */
const NEWEST_WATCH_US = 15 * MINUTE_US;

/** A certificate is renewed by itself when a third of its year is left: one with less was tried for long. */
const CERTIFICATE_WATCH_US = 60 * DAY_US;
const CERTIFICATE_ACT_US = 14 * DAY_US;

const CLOCK_WATCH_US = 5 * SECOND_US;
const CLOCK_ACT_US = MINUTE_US;

const DISK_ACT_HOURS = 6;
const DISK_WATCH_HOURS = 48;

/** What is common in a fleet, against which one box is seen. */
export interface FleetNorm {
  /** UTC, microseconds. */
  readonly now: number;
  /** What most boxes run; undefined where none is known. */
  readonly version: string | undefined;
}

interface Finding {
  readonly attention: Exclude<Attention, 'good'>;
  readonly text: string;
}

type Rule = (box: BoxFacts, norm: FleetNorm) => Finding | undefined;

/** What is looked at, what costs data soonest first. */
const RULES: readonly Rule[] = [
  diskRule,
  certificateRule,
  nameRule,
  centralRule,
  lineRule,
  silenceRule,
  lossRule,
  refusalRule,
  behindRule,
  sourceRule,
  clockRule,
  wearRule,
  mendedRule,
  configRule,
  versionRule,
];

/** Every box with why it must be looked at, those that need it most first: by urgency, number of reasons, name. */
export function byAttention(boxes: readonly BoxFacts[], now: number): FleetBox[] {
  const norm = { now, version: commonVersion(boxes) };
  return boxes
    .map((box) => judged(box, norm))
    .sort(
      (a, b) =>
        ATTENTIONS.indexOf(a.attention) - ATTENTIONS.indexOf(b.attention) ||
        b.reasons.length - a.reasons.length ||
        (a.gateway < b.gateway ? -1 : a.gateway > b.gateway ? 1 : 0),
    );
}

function judged(box: BoxFacts, norm: FleetNorm): FleetBox {
  const findings = RULES.map((rule) => rule(box, norm)).filter((finding) => finding !== undefined);
  const urgent = findings.filter(({ attention }) => attention === 'act');
  const others = findings.filter(({ attention }) => attention === 'watch');
  const attention = urgent.length > 0 ? 'act' : others.length > 0 ? 'watch' : 'good';
  return { ...box, attention, reasons: [...urgent, ...others].map(({ text }) => text) };
}

function diskRule({ disk }: BoxFacts): Finding | undefined {
  if (disk === undefined) return undefined;
  if (disk.rung !== 'none') return act(`the disk runs short: ${disk.rung}`);
  const { hoursLeft } = disk;
  if (hoursLeft === undefined || hoursLeft > DISK_WATCH_HOURS) return undefined;
  // A store that is as full as its config wants gives up the oldest all the time: that is no emergency.
  if (hoursLeft === 0) return undefined;
  const text = `full in ${spanText(hoursLeft * HOUR_US)}`;
  return hoursLeft <= DISK_ACT_HOURS ? act(text) : watch(text);
}

function certificateRule({ certificate }: BoxFacts, { now }: FleetNorm): Finding | undefined {
  if (certificate === undefined) return undefined;
  const { expires, revoked } = certificate;
  if (revoked !== undefined) return watch(`its certificate was taken back ${spanText(now - revoked)} ago`);
  const left = expires - now;
  if (left <= 0) return act(`its certificate expired ${spanText(-left)} ago: invite and enrol it again`);
  const text = `its certificate is good for ${spanText(left)} only, and was not renewed`;
  if (left <= CERTIFICATE_ACT_US) return act(text);
  return left <= CERTIFICATE_WATCH_US ? watch(text) : undefined;
}

function nameRule({ gateway, namesake }: BoxFacts): Finding | undefined {
  if (namesake === undefined) return undefined;
  return act(`two boxes have the name ${gateway}: switch the copy off, and enrol it under a name of its own`);
}

function centralRule({ stores }: BoxFacts): Finding | undefined {
  if (stores === undefined) return undefined;
  return act(`it hears ${stores} stores with the name of this central: give a second central another name with --name`);
}

function lineRule({ line, heard, carried }: BoxFacts, { now }: FleetNorm): Finding | undefined {
  if (line.state === 'running' || line.state === 'starting' || line.state === 'beyond') return undefined;
  const why = line.problem === undefined ? '' : `: ${line.problem}`;
  if (line.state === 'none' && carried !== undefined) {
    const since = now - Math.max(carried, heard ?? 0);
    return since < CARRIED_WATCH_US ? undefined : watch(`no line, and no file of it for ${spanText(since)}`);
  }
  if (heard === undefined) return watch(`no line since this central started${why}`);
  const silent = now - heard;
  if (silent < LINE_WATCH_US) return undefined;
  const text = `no line for ${spanText(silent)}${why}`;
  return silent >= LINE_ACT_US ? act(text) : watch(text);
}

/** A line that has brought all there is, and nothing new: what the box measures stands still. */
function silenceRule({ line, newest, behind }: BoxFacts, { now }: FleetNorm): Finding | undefined {
  if (line.state !== 'running' || (behind?.positions ?? 0) > 0) return undefined;
  if (newest === undefined) return watch('no sample has come from it yet');
  const age = now - newest;
  return age < NEWEST_WATCH_US ? undefined : act(`the line is up, its newest sample is ${spanText(age)} old`);
}

function lossRule({ lostToday }: BoxFacts): Finding | undefined {
  return lostToday === 0 ? undefined : watch(`${counted(lostToday, 'sample')} lost within a day`);
}

function refusalRule({ refused = 0 }: BoxFacts): Finding | undefined {
  return refused === 0 ? undefined : watch(`${counted(refused, 'sample')} refused since its start: its disk is slow`);
}

function behindRule({ newest, behind }: BoxFacts, { now }: FleetNorm): Finding | undefined {
  if (behind === undefined || behind.positions === 0 || newest === undefined) return undefined;
  const age = now - newest;
  if (age < NEWEST_WATCH_US) return undefined;
  return watch(`${spanText(age)} behind, about ${bytesText(behind.bytes)} to come`);
}

function sourceRule({ sources }: BoxFacts): Finding | undefined {
  if (sources === undefined) return undefined;
  const { count, waiting, staleChannels } = sources;
  if (waiting.length > 0 && waiting.length === count) return act(`no source runs: ${listText(waiting)}`);
  if (waiting.length > 0) return watch(`${waiting.length} of ${count} sources wait: ${listText(waiting)}`);
  return staleChannels === 0 ? undefined : watch(`${counted(staleChannels, 'channel')} went quiet`);
}

function clockRule({ clock }: BoxFacts): Finding | undefined {
  if (clock === undefined) return undefined;
  const off = Math.abs(clock.aheadUs);
  const text = `its clock is ${spanText(off)} ${clock.aheadUs < 0 ? 'behind' : 'ahead'}`;
  if (off >= CLOCK_ACT_US) return act(text);
  if (off >= CLOCK_WATCH_US) return watch(text);
  return clock.source === 'none' ? watch('its clock is not synchronised') : undefined;
}

function wearRule({ disk }: BoxFacts): Finding | undefined {
  if (disk?.isOverWearBudget !== true) return undefined;
  const left = disk.yearsLeft === undefined ? '' : `: worn out in ${disk.yearsLeft.toFixed(1)} years`;
  return watch(`more is written to its disk than planned${left}`);
}

/** A disk that damaged something does so again. */
function mendedRule({ mended }: BoxFacts, { now }: FleetNorm): Finding | undefined {
  if (mended === undefined) return undefined;
  const { since, lost } = mended;
  return watch(
    `its disk damaged the store ${spanText(now - since)} ago, which was made anew without ${counted(lost, 'sample')}`,
  );
}

function configRule({ config }: BoxFacts): Finding | undefined {
  return config?.returned === undefined ? undefined : watch(`it took the offered config back: ${config.returned}`);
}

function versionRule({ version }: BoxFacts, norm: FleetNorm): Finding | undefined {
  if (version === undefined || norm.version === undefined || version === norm.version) return undefined;
  return watch(`runs ${version}, most run ${norm.version}`);
}

/** What more than half of those run whose version is known. */
function commonVersion(boxes: readonly BoxFacts[]): string | undefined {
  const counts = new Map<string, number>();
  let known = 0;
  for (const { version } of boxes) {
    if (version === undefined) continue;
    known += 1;
    counts.set(version, (counts.get(version) ?? 0) + 1);
  }
  return [...counts].find(([, count]) => count * 2 > known)?.[0];
}

function act(text: string): Finding {
  return { attention: 'act', text };
}

function watch(text: string): Finding {
  return { attention: 'watch', text };
}

/** Names that are written out; of more, how many. */
const NAMES_MAX = 3;

function listText(names: readonly string[]): string {
  const more = names.length - NAMES_MAX;
  return names.slice(0, NAMES_MAX).join(', ') + (more > 0 ? ` and ${more} more` : '');
}

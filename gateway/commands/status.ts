import type { Command } from 'commander';
import { bytesText, counted } from '../quantity-text.ts';
import type {
  BehindStatus,
  ClockStatus,
  ConfigStatus,
  CycleKindStatus,
  DestinationStatus,
  DestinationStoreStatus,
  DiskWearStatus,
  DrillStatus,
  GatewayStatus,
  MendedStatus,
  MergeStatus,
  PulledStatus,
  RetentionStatus,
  RetiredStatus,
  SecurityStatus,
  SourceStatus,
  StoreStatus,
  UplinkStatus,
} from '../status.ts';
import { withheldText } from '../withheld-text.ts';
import { lineText } from './line-text.ts';
import { conclude, Output } from './outcome.ts';
import { handOverText, relayTexts } from './relay-text.ts';
import { openClient, type ServerOptions, serverOptions } from './telemetry-client.ts';
import { formatTime } from './time-text.ts';

/** Digits of the id of a store: enough to tell a few apart. */
const STORE_ID_SHOWN = 8;

interface Options extends ServerOptions {
  readonly json?: boolean;
}

export function registerStatus(program: Command): void {
  serverOptions(program.command('status'))
    .option('--json', 'the whole status as one JSON object')
    .addHelpText(
      'after',
      `
Examples:
  caisson status
  caisson status --server 127.0.0.1:7444 --json`,
    )
    .action((options: Options) => conclude(() => printStatus(options)));
}

async function printStatus(options: Options): Promise<void> {
  const client = await openClient(options);
  try {
    const status = await client.status();
    await new Output().write(options.json === true ? `${JSON.stringify(status)}\n` : statusText(status));
  } finally {
    client.close();
  }
}

/** A status for people, a few lines. */
export function statusText(status: GatewayStatus): string {
  const { store, ring, clock } = status;
  const lines = [
    `${status.role} ${status.gateway}, Caisson ${status.version}`,
    `boot     ${status.boot}, up ${durationText(status.now - status.startedAt)} since ${formatTime(status.startedAt)}`,
    // Central keeps no time of its own: that of samples is their gateway's.
    ...(status.role === 'central' ? [] : clockTexts(clock)),
    `store    ${store.samples} samples in ${store.commits} commits of ${store.commitMs.toFixed(1)} ms, ${store.lost} lost`,
    `blocks   ${blocksText(store)}; ${store.unsealed} samples not sealed yet`,
    ...(store.problem === undefined ? [] : [`store    takes nothing: ${store.problem}`]),
  ];
  if (store.mended !== undefined) lines.push(mendedText(store.mended));
  if (store.merge !== undefined) lines.push(mergeText(store.merge));
  if (store.retired !== undefined) lines.push(retiredText(store.retired));
  if (store.pulled !== undefined) lines.push(pulledText(store.pulled));
  if (store.retention !== undefined) lines.push(...retentionTexts(store.retention));
  if (status.wear !== undefined) lines.push(wearText(status.wear));
  if (ring.slots > 0) {
    const used = ((100 * ring.used) / ring.slots).toFixed(1);
    lines.push(`ring     ${used} % of ${ring.slots} slots used, ${ring.refused} samples refused`);
  }
  if (status.security !== undefined) lines.push(...securityTexts(status.security));
  if (status.config !== undefined) lines.push(configText(status.config));
  lines.push(...(status.uplinks ?? []).map(uplinkText));
  if (status.relay !== undefined) lines.push(...relayTexts(status.relay));
  lines.push(...(status.handovers ?? []).map(handOverText));
  lines.push(...(status.lines ?? []).map(lineText));
  lines.push(...status.sources.map(sourceText));
  lines.push(...(status.cycles ?? []).map(cycleText));
  lines.push(...(status.destinations ?? []).map(destinationText));
  lines.push(...(status.drills ?? []).map(drillText));
  lines.push(...status.problems.map(({ time, text }) => `problem  ${formatTime(time)} ${text}`));
  return `${lines.join('\n')}\n`;
}

function blocksText({ blocks, blockBytes }: StoreStatus): string {
  return blocks === undefined || blockBytes === undefined ? 'not known' : `${blocks}, ${bytesText(blockBytes)}`;
}

function configText({ digest, trial, last }: ConfigStatus): string {
  const parts = [
    digest,
    ...(trial === undefined ? [] : [`${trial.digest} of ${trial.by} on trial since ${formatTime(trial.begun)}`]),
    ...(last === undefined
      ? []
      : [
          `${last.digest} of ${last.by} ${last.outcome} ${formatTime(last.ended)}${last.why === '' ? '' : ` (${last.why})`}`,
          `${last.downtimeMs} ms of standstill`,
        ]),
  ];
  return `config   ${parts.join('; ')}`;
}

function mendedText({ why, since, folder, kept, lost, left }: MendedStatus): string {
  const room = left === 0 ? '' : `, ${left} had no room`;
  return `mended   damaged at ${formatTime(since)} (${why}); ${counted(kept, 'sample')} back, ${lost} lost${room}; the damaged files are in ${folder}`;
}

function mergeText({ packs, into, bytes }: MergeStatus): string {
  return `merged   ${counted(packs, 'small pack')} into ${into}; ${bytesText(bytes)} written for it`;
}

function retiredText({ packs, samples, bytes, byLimit }: RetiredStatus): string {
  const limit =
    byLimit.packs === 0 ? '' : `; of them over a limit ${counted(byLimit.packs, 'pack')}, ${bytesText(byLimit.bytes)}`;
  return `retired  ${counted(packs, 'pack')} by its rules, ${counted(samples, 'sample')}, ${bytesText(bytes)}${limit}`;
}

function pulledText({ known, conflicts, holes, setBacks }: PulledStatus): string {
  const found = `${conflicts} kept apart, ${counted(holes, 'hole')}, ${counted(setBacks, 'set-back')}`;
  return `pulled   ${counted(known, 'block')} known already, ${found}`;
}

function retentionTexts(status: RetentionStatus): string[] {
  const { rung, usedBytes, limitBytes, roomBytes, hoursLeft, classes } = status;
  const held = classes.filter(({ bytes }) => bytes > 0);
  return [
    [
      `room     ${bytesText(usedBytes)} of at most ${bytesText(limitBytes)} used, ${bytesText(roomBytes)} of room`,
      ...(hoursLeft === 0 ? ['the oldest samples are given up'] : []),
      ...(hoursLeft > 0 && Number.isFinite(hoursLeft) ? [`full in ${durationText(hoursLeft * 3600e6)}`] : []),
      ...(rung === 'none' ? [] : [`the disk runs short: ${rung}`]),
    ].join('; '),
    ...held.map(({ class: name, bytes, reachUs }) => {
      return `kept     ${name}: ${bytesText(bytes)} of samples, back ${durationText(reachUs)}`;
    }),
  ];
}

function uplinkText({ address, state, since, central, problem, lines, failures }: UplinkStatus): string {
  const parts = [
    state === 'connected' ? `taken by ${central ?? 'central'} since ${formatTime(since)}` : `${state}, no line`,
    `${counted(lines, 'line')}, ${counted(failures, 'failed attempt')}`,
    ...(problem === undefined ? [] : [problem]),
  ];
  return `uplink   ${address}: ${parts.join('; ')}`;
}

function securityTexts({ role, name, expires, open, accepted, refused, problem }: SecurityStatus): string[] {
  const turnedAway = Object.entries(refused).map(([reason, count]) => `${reason} ${count}`);
  return [
    [
      `trust    ${role} ${name}, certificate until ${formatTime(expires)}`,
      `${counted(open, 'connection')}, ${accepted} in all`,
      ...(turnedAway.length === 0 ? [] : [`turned away: ${turnedAway.join(', ')}`]),
      ...(problem === undefined ? [] : [problem]),
    ].join('; '),
  ];
}

function wearText({ disk, writtenBytes, bytesPerDay, bytesPerSample, yearsLeft, used }: DiskWearStatus): string {
  const parts = [
    `${bytesText(writtenBytes)} written to ${disk === '' ? 'disk by this process' : disk}`,
    ...(Number.isNaN(bytesPerDay) ? [] : [`${bytesText(bytesPerDay)} a day`]),
    ...(Number.isNaN(bytesPerSample) ? [] : [`${bytesPerSample.toFixed(1)} B a sample`]),
    ...(Number.isNaN(used) ? [] : [`${(used * 100).toFixed(1)} % of its life used`]),
    ...(Number.isNaN(yearsLeft) ? [] : [`${yearsLeft.toFixed(1)} years left`]),
  ];
  return `wear     ${parts.join('; ')}`;
}

function sourceText(source: SourceStatus): string {
  const errors = Object.entries(source.errors).map(([reason, count]) => {
    const place = source.errorPlaces?.[reason];
    return `${reason} ${count}${place === undefined ? '' : ` (${place})`}`;
  });
  const parts = [
    `${source.kind}, ${source.state === 'starting' ? startingText(source) : source.state}`,
    `${source.rate.toFixed(0)} samples/s, ${source.samples} in all`,
    ...(errors.length === 0 ? [] : [`errors: ${errors.join(', ')}`]),
    ...(source.dropped === 0 ? [] : [`${source.dropped} dropped`]),
    ...leftOutText(source),
    ...staleText(source),
    ...deviceClockText(source),
    ...(source.problem === undefined ? [] : [source.problem]),
  ];
  return `source   ${source.name}: ${parts.join('; ')}`;
}

function cycleText({ name, channel, heard, open, since = 0, problem }: CycleKindStatus): string {
  const parts = [
    open === undefined ? 'none open' : `${open} since ${formatTime(since)}`,
    heard === undefined ? `told by ${channel}` : `told by ${channel}, last heard ${formatTime(heard)}`,
    ...(problem === undefined ? [] : [problem]),
  ];
  return `cycle    ${name}: ${parts.join('; ')}`;
}

/** A client of a broker has its own presence as a channel before anything came. */
function startingText({ samples }: SourceStatus): string {
  return samples === 0 ? 'no sample yet' : 'nothing received yet';
}

function destinationText({
  name,
  position,
  proven,
  refused,
  told,
  behind,
  withheld,
  stores,
}: DestinationStatus): string {
  const reasons = Object.entries(refused).map(([reason, count]) => `${reason} ${count}`);
  const parts = [
    `has the feed up to ${position}`,
    ...(stores === undefined ? [] : [storesText(stores)]),
    ...(behind === undefined ? [] : [behindText(behind)]),
    proven ? 'by signed receipts' : 'as it says itself: no receiptKey is pinned',
    told === undefined ? 'not heard since the start' : `last told ${formatTime(told)}`,
    ...(reasons.length === 0 ? [] : [`receipts refused: ${reasons.join(', ')}`]),
    ...(withheld === undefined ? [] : [`kept from it: ${withheldText(withheld)}`]),
  ];
  return `central  ${name}: ${parts.join('; ')}`;
}

function storesText(stores: readonly DestinationStoreStatus[]): string {
  const each = stores.map(
    ({ id, position, until }) =>
      `${id.slice(0, STORE_ID_SHOWN)} up to ${position}, waited for until ${formatTime(until)}`,
  );
  return `${stores.length} STORES HAVE ITS NAME, what all of them have counts (${each.join('; ')})`;
}

function behindText({ bytes, since, bytesPerS, caughtUpS }: BehindStatus): string {
  if (caughtUpS === 0) return 'up to date';
  const parts = [
    `${bytesText(bytes)} behind`,
    ...(since === undefined ? [] : [`the oldest since ${formatTime(since)}`]),
    ...(bytesPerS === undefined ? [] : [`takes ${bytesText(bytesPerS)}/s`]),
    ...(caughtUpS === undefined ? [] : [`caught up in ${durationText(caughtUpS * 1e6)}`]),
    // Before a rate is known nothing is said.
    ...(caughtUpS === undefined && bytesPerS !== undefined ? ['does not catch up at this rate'] : []),
  ];
  return parts.join(', ');
}

function drillText({ gateway, copies, restored, last, ok, good, problem }: DrillStatus): string {
  const parts = [
    `${copies} backups, ${restored} of them restored and found right`,
    `drilled ${formatTime(last)}${ok ? '' : `: ${problem ?? 'it failed'}`}`,
    ...(ok ? [] : [good === 0 ? 'never found right' : `last found right ${formatTime(good)}`]),
  ];
  return `backup   ${gateway}: ${parts.join('; ')}`;
}

function leftOutText({ leftOut = {} }: SourceStatus): string[] {
  const reasons = Object.entries(leftOut).map(([reason, count]) => `${reason} ${count}`);
  return reasons.length === 0 ? [] : [`left out: ${reasons.join(', ')}`];
}

function staleText({ stale }: SourceStatus): string[] {
  if (stale === undefined) return [];
  const named = stale.channels.map(({ name, since }) => `${name} since ${formatTime(since)}`);
  const others = stale.count - named.length;
  return [`stale: ${named.join(', ')}${others > 0 ? ` and ${others} more` : ''}`];
}

function deviceClockText({ deviceClock }: SourceStatus): string[] {
  if (deviceClock === undefined) return [];
  const { offsetUs, correctedUs, driftPpm } = deviceClock;
  const side = offsetUs < 0 ? 'behind' : 'ahead';
  const drift = driftPpm === undefined ? '' : `, drifts ${driftPpm.toFixed(1)} ppm`;
  const corrected = correctedUs === 0 ? '' : `, corrected by ${(correctedUs / 1e3).toFixed(1)} ms`;
  return [`clock of its device ${(Math.abs(offsetUs) / 1e3).toFixed(1)} ms ${side}${drift}${corrected}`];
}

function clockTexts({ source, errorUs, teller, doubted }: ClockStatus): string[] {
  const of = teller === undefined ? '' : ` of source ${teller}`;
  return [
    `clock    ${source === 'none' ? 'not synchronised' : `${source}${of}, error at most ${errorText(errorUs)}`}`,
    ...doubted.map((each) => `clock    source ${each.teller} is not believed: it ${each.why}`),
  ];
}

function durationText(us: number): string {
  const seconds = Math.max(0, Math.round(us / 1e6));
  const [days, hours, minutes] = [
    Math.floor(seconds / 86_400),
    Math.floor(seconds / 3600) % 24,
    Math.floor(seconds / 60) % 60,
  ];
  if (days > 0) return `${days} d ${hours} h`;
  if (hours > 0) return `${hours} h ${minutes} min`;
  return minutes > 0 ? `${minutes} min ${seconds % 60} s` : `${seconds} s`;
}

function errorText(us: number): string {
  if (!Number.isFinite(us)) return 'unknown';
  return us < 1e3 ? `${us} us` : `${(us / 1e3).toFixed(1)} ms`;
}

import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

/** What gpsd made of a recording at one moment: every value it reported for it, oldest first. */
export interface OracleFix {
  readonly latitude: number[];
  readonly longitude: number[];
  readonly altitude: number[];
  readonly speed: number[];
  readonly course: number[];
}

export interface Oracle {
  /** Reports by {@link momentOf} the time they state. */
  readonly byMoment: ReadonlyMap<number, OracleFix>;
  /** Reports by the UTC time of day, microseconds, of the fix sentence before them; they need not state a time. */
  readonly byTimeOfDay: ReadonlyMap<number, OracleFix>;
}

/**
 * GPS weeks are counted modulo 1,024. gpsd moves the times of old recordings on by that span, as if the receiver's
 * counter had rolled over, because they lie before gpsd's own release; sentences hold the times as they were.
 */
const ROLLOVER_US = 1024 * 7 * 86_400 * 1e6;

/** A moment modulo the rollover of GPS weeks. */
export function momentOf(utcUs: number): number {
  return utcUs % ROLLOVER_US;
}

/** Sentences of a fix, with the field of their time of day. */
const TIME_FIELDS: Readonly<Record<string, number>> = { RMC: 1, GGA: 1, GNS: 1, GLL: 5 };

/** The TPV reports of a `.chk` file: gpsd's sentences and reports in the order they came. */
export function readOracle(path: string): Oracle {
  const bytes = readFileSync(path);
  const text = (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('latin1');
  const byMoment = new Map<number, OracleFix>();
  const byTimeOfDay = new Map<number, OracleFix>();
  let timeOfDay: number | undefined;
  let isOfRmc = false;
  for (const line of text.split(/\r?\n/)) {
    if (line.startsWith('$')) {
      const fields = line.split(/[,*]/);
      const type = line.slice(3, 6);
      const timeField = TIME_FIELDS[type];
      if (timeField !== undefined) {
        timeOfDay = timeOf(fields[timeField]);
        isOfRmc = type === 'RMC';
      }
    }
    if (!line.startsWith('{"class":"TPV"')) continue;
    const report = JSON.parse(line) as Record<string, unknown>;
    if (typeof report.time === 'string') collect(byMoment, momentOf(Date.parse(report.time) * 1e3), report, true);
    // Without a speed in the sentence, gpsd computes one from positions: those of RMC alone are the receiver's.
    if (timeOfDay !== undefined) collect(byTimeOfDay, timeOfDay, report, isOfRmc);
  }
  return { byMoment, byTimeOfDay };
}

function timeOf(field: string | undefined): number | undefined {
  const match = /^(\d\d)(\d\d)(\d\d(?:\.\d+)?)$/.exec(field ?? '');
  return match === null
    ? undefined
    : Math.round((Number(match[1]) * 3600 + Number(match[2]) * 60 + Number(match[3])) * 1e6);
}

function collect(
  fixes: Map<number, OracleFix>,
  key: number,
  report: Record<string, unknown>,
  isSpeedOfReceiver: boolean,
): void {
  const fix = fixes.get(key) ?? { latitude: [], longitude: [], altitude: [], speed: [], course: [] };
  fixes.set(key, fix);
  add(fix.latitude, report.lat);
  add(fix.longitude, report.lon);
  add(fix.altitude, report.altMSL);
  if (!isSpeedOfReceiver) return;
  add(fix.speed, report.speed);
  add(fix.course, report.track);
}

function add(values: number[], value: unknown): void {
  if (typeof value === 'number') values.push(value);
}

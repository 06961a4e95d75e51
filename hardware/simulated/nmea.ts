/*
 * Sentences of NMEA 0183 as a receiver with several constellations writes them. Numbers are in the units of the
 * arguments' names; text comes back with checksum and line end.
 */

export const KNOTS_A_METRE_A_SECOND = 3600 / 1852;

/** Moment of a fix. */
export interface Fix {
  /** Milliseconds since 1970, UTC. */
  readonly utcMs: number;
  /** False where no position is known: the fields that would need it stay empty. */
  readonly valid: boolean;
  readonly latitude: number;
  readonly longitude: number;
  /** Metres above the sea. */
  readonly altitude: number;
  /** Height of the sea above the ellipsoid here, metres. */
  readonly geoid: number;
  readonly speedKnots: number;
  /** Degrees from north, clockwise. */
  readonly course: number;
  /** Numbers of the satellites that the position rests on. */
  readonly satellites: readonly number[];
  readonly pdop: number;
  readonly hdop: number;
  readonly vdop: number;
}

/** A satellite that is above the horizon. */
export interface SatelliteInView {
  readonly number: number;
  /** Degrees. */
  readonly elevation: number;
  readonly azimuth: number;
  /** dB-Hz. */
  readonly signal: number;
}

const SATELLITES_A_GSV = 4;
const SATELLITES_A_GSA = 12;

/** A sentence: `$`, the body, `*`, checksum, line end. The checksum is the exclusive or of the body's characters. */
export function sentence(body: string): string {
  let sum = 0;
  for (let i = 0; i < body.length; i++) sum ^= body.charCodeAt(i);
  return `$${body}*${sum.toString(16).toUpperCase().padStart(2, '0')}\r\n`;
}

/** Recommended minimum: time, date, position, speed over ground, course. */
export function rmc(fix: Fix): string {
  const speed = fix.valid ? `${fix.speedKnots.toFixed(3)},${fix.course.toFixed(2)}` : ',';
  const mode = fix.valid ? 'A' : 'N';
  const status = fix.valid ? 'A' : 'V';
  return sentence(`GNRMC,${time(fix.utcMs)},${status},${position(fix)},${speed},${date(fix.utcMs)},,,${mode}`);
}

/** Fix: time, position, quality, satellites, altitude. */
export function gga(fix: Fix): string {
  const quality = fix.valid ? 1 : 0;
  const used = String(fix.valid ? fix.satellites.length : 0).padStart(2, '0');
  const hdop = fix.valid ? fix.hdop.toFixed(2) : '99.99';
  const height = fix.valid ? `${fix.altitude.toFixed(2)},M,${fix.geoid.toFixed(1)},M` : ',,,';
  return sentence(`GNGGA,${time(fix.utcMs)},${position(fix)},${quality},${used},${hdop},${height},,`);
}

/** Course and speed over ground. */
export function vtg(fix: Fix): string {
  if (!fix.valid) return sentence('GNVTG,,T,,M,,N,,K,N');
  const kmh = ((fix.speedKnots / KNOTS_A_METRE_A_SECOND) * 3.6).toFixed(3);
  return sentence(`GNVTG,${fix.course.toFixed(2)},T,,M,${fix.speedKnots.toFixed(3)},N,${kmh},K,A`);
}

/** Satellites in use and dilution of precision. */
export function gsa(fix: Fix): string {
  const used = fix.valid ? fix.satellites.slice(0, SATELLITES_A_GSA) : [];
  const numbers = Array.from({ length: SATELLITES_A_GSA }, (_, i) =>
    String(used[i] ?? '').padStart(used[i] ? 2 : 0, '0'),
  );
  const dop = fix.valid ? [fix.pdop, fix.hdop, fix.vdop] : [99.99, 99.99, 99.99];
  return sentence(
    `GNGSA,A,${fix.valid ? 3 : 1},${numbers.join(',')},${dop.map((value) => value.toFixed(2)).join(',')}`,
  );
}

/** Satellites in view, four a sentence. */
export function gsv(inView: readonly SatelliteInView[]): string[] {
  const total = Math.max(1, Math.ceil(inView.length / SATELLITES_A_GSV));
  return Array.from({ length: total }, (_, index) => {
    const part = inView.slice(index * SATELLITES_A_GSV, (index + 1) * SATELLITES_A_GSV);
    const fields = part.map(({ number, elevation, azimuth, signal }) => {
      return `,${digits(number, 2)},${digits(elevation, 2)},${digits(azimuth, 3)},${digits(signal, 2)}`;
    });
    return sentence(`GPGSV,${total},${index + 1},${digits(inView.length, 2)}${fields.join('')}`);
  });
}

function digits(value: number, width: number): string {
  return String(Math.round(value)).padStart(width, '0');
}

/** hhmmss.ss */
function time(utcMs: number): string {
  const day = Math.round(utcMs / 10) % 8_640_000;
  const seconds = Math.floor(day / 100);
  const clock = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return `${clock.map((part) => digits(part, 2)).join('')}.${digits(day % 100, 2)}`;
}

/** ddmmyy */
function date(utcMs: number): string {
  const day = new Date(Math.round(utcMs / 10) * 10);
  return [day.getUTCDate(), day.getUTCMonth() + 1, day.getUTCFullYear() % 100].map((part) => digits(part, 2)).join('');
}

function position(fix: Fix): string {
  if (!fix.valid) return ',,,';
  const north = angle(fix.latitude, 2, fix.latitude < 0 ? 'S' : 'N');
  return `${north},${angle(fix.longitude, 3, fix.longitude < 0 ? 'W' : 'E')}`;
}

/** Degrees and minutes as one number, five decimals of a minute: two centimetres. */
function angle(value: number, width: number, side: string): string {
  const hundredThousandths = Math.round(Math.abs(value) * 60 * 1e5);
  const degrees = Math.floor(hundredThousandths / 6e6);
  const minutes = ((hundredThousandths % 6e6) / 1e5).toFixed(5).padStart(8, '0');
  return `${digits(degrees, width)}${minutes},${side}`;
}

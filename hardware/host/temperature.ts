import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A temperature sensor of the machine. */
export interface TemperatureSensor {
  /** Chip and place, as `coretemp/Core_0`; unique on this machine. */
  readonly name: string;
  /** File with the temperature in thousandths of a degree Celsius. */
  readonly file: string;
  /** What the maker calls too warm, °C. */
  readonly high?: number;
  /** What the maker calls dangerous, °C. */
  readonly critical?: number;
}

/** Sensors of one machine. At the maximum: further ones are not read. */
export const TEMPERATURE_SENSORS_MAX = 64;

/** Hottest and coldest reading that is taken for a temperature, °C; absent sensors read far outside of it. */
const CREDIBLE = { low: -100, high: 300 };

/**
 * Finds the sensors of hwmon, and the thermal zones that no hwmon chip covers. Finds none where there are none.
 *
 * @param sys folder that is `/sys` on the machine
 */
export async function findTemperatureSensors(sys: string): Promise<TemperatureSensor[]> {
  const chips: string[] = [];
  const sensors: TemperatureSensor[] = [];
  for (const folder of await foldersOf(join(sys, 'class/hwmon'), /^hwmon\d+$/)) {
    const chip = (await textOf(join(folder, 'name'))) ?? 'hwmon';
    chips.push(chip);
    const files = await readdir(folder).catch(() => []);
    for (const input of files.filter((file) => /^temp\d+_input$/.test(file)).sort(byNumber)) {
      const channel = input.slice(0, -'_input'.length);
      const label = (await textOf(join(folder, `${channel}_label`))) ?? channel;
      sensors.push({
        name: `${nameOf(chip)}/${nameOf(label)}`,
        file: join(folder, input),
        ...present('high', await celsiusOf(join(folder, `${channel}_max`))),
        ...present('critical', await celsiusOf(join(folder, `${channel}_crit`))),
      });
    }
  }
  for (const zone of await foldersOf(join(sys, 'class/thermal'), /^thermal_zone\d+$/)) {
    const type = (await textOf(join(zone, 'type'))) ?? 'zone';
    // The kernel shows zones as hwmon chips too, with dashes turned to underscores.
    if (!chips.includes(type.replaceAll('-', '_'))) sensors.push({ name: nameOf(type), file: join(zone, 'temp') });
  }
  return numberRepeats(sensors.slice(0, TEMPERATURE_SENSORS_MAX));
}

/** Degrees Celsius; undefined where the sensor cannot be read now. */
export function readTemperature(sensor: TemperatureSensor): Promise<number | undefined> {
  return celsiusOf(sensor.file);
}

async function celsiusOf(file: string): Promise<number | undefined> {
  const text = await textOf(file);
  if (text === undefined || !/^-?\d+$/.test(text)) return undefined;
  const celsius = Number(text) / 1000;
  return celsius > CREDIBLE.low && celsius < CREDIBLE.high ? celsius : undefined;
}

async function textOf(file: string): Promise<string | undefined> {
  const text = await readFile(file, 'utf8').catch(() => undefined);
  return text?.trim();
}

async function foldersOf(parent: string, pattern: RegExp): Promise<string[]> {
  const names = await readdir(parent).catch(() => []);
  return names
    .filter((name) => pattern.test(name))
    .sort(byNumber)
    .map((name) => join(parent, name));
}

function byNumber(a: string, b: string): number {
  return Number(/\d+/.exec(a)?.[0] ?? 0) - Number(/\d+/.exec(b)?.[0] ?? 0);
}

function nameOf(text: string): string {
  return text.replaceAll('/', '_').replace(/\s+/g, '_');
}

function present<Key extends string>(key: Key, value: number | undefined): { [K in Key]?: number } {
  return value === undefined ? {} : ({ [key]: value } as { [K in Key]?: number });
}

/** The second of a name becomes `name-2`, and so on. */
function numberRepeats(sensors: readonly TemperatureSensor[]): TemperatureSensor[] {
  const seen = new Map<string, number>();
  return sensors.map((sensor) => {
    const count = (seen.get(sensor.name) ?? 0) + 1;
    seen.set(sensor.name, count);
    return count === 1 ? sensor : { ...sensor, name: `${sensor.name}-${count}` };
  });
}

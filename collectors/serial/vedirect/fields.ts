/** What a field of VE.Direct's text protocol becomes; `path` is that of the channel below the prefix. */
export type FieldMeaning = { readonly path: string; readonly description: string } & (
  | { readonly kind: 'number'; readonly unit: string; readonly divisor: number; readonly absent?: string }
  | { readonly kind: 'switch' }
  | { readonly kind: 'enum'; readonly labels: Readonly<Record<string, string>> }
  | { readonly kind: 'alarms' }
  | { readonly kind: 'bits' }
  | { readonly kind: 'text' }
);

function number(path: string, unit: string, divisor: number, description: string): FieldMeaning {
  return { kind: 'number', path, unit, divisor, description };
}

function text(path: string, description: string): FieldMeaning {
  return { kind: 'text', path, description };
}

const STATES = {
  0: 'off',
  1: 'low power',
  2: 'fault',
  3: 'bulk',
  4: 'absorption',
  5: 'float',
  6: 'storage',
  7: 'equalise',
  9: 'inverting',
  11: 'power supply',
  245: 'starting up',
  246: 'repeated absorption',
  247: 'recondition',
  248: 'battery safe',
  252: 'external control',
};

const ERRORS = {
  0: 'none',
  2: 'battery voltage too high',
  17: 'charger temperature too high',
  18: 'charger over current',
  19: 'charger current reversed',
  20: 'bulk time limit exceeded',
  21: 'current sensor issue',
  26: 'terminals overheated',
  28: 'converter issue',
  33: 'input voltage too high (solar panel)',
  34: 'input current too high (solar panel)',
  38: 'input shutdown, battery voltage too high',
  39: 'input shutdown, current flows while off',
  65: 'lost communication with a device',
  66: 'synchronised charging configuration issue',
  67: 'BMS connection lost',
  68: 'network misconfigured',
  116: 'factory calibration data lost',
  117: 'invalid firmware',
  119: 'user settings invalid',
};

const MODES = { 1: 'charger', 2: 'inverter', 4: 'off', 5: 'eco', 253: 'hibernate' };
const TRACKERS = { 0: 'off', 1: 'voltage or current limited', 2: 'tracking' };

/** Fields by label, as Victron's description of the text protocol lists them. */
export const FIELDS: Readonly<Record<string, FieldMeaning>> = {
  V: number('battery/voltage', 'V', 1e3, 'Voltage of the main battery'),
  V2: number('battery/2/voltage', 'V', 1e3, 'Voltage of battery 2'),
  V3: number('battery/3/voltage', 'V', 1e3, 'Voltage of battery 3'),
  VS: number('starter/voltage', 'V', 1e3, 'Voltage of the auxiliary (starter) battery'),
  VM: number('battery/mid-point/voltage', 'V', 1e3, 'Voltage of the mid point of the battery bank'),
  DM: number('battery/mid-point/deviation', '%', 10, 'Deviation of the mid point of the battery bank'),
  VPV: number('panel/voltage', 'V', 1e3, 'Voltage of the solar panel'),
  PPV: number('panel/power', 'W', 1, 'Power of the solar panel'),
  I: number('battery/current', 'A', 1e3, 'Current into the main battery'),
  I2: number('battery/2/current', 'A', 1e3, 'Current into battery 2'),
  I3: number('battery/3/current', 'A', 1e3, 'Current into battery 3'),
  IL: number('load/current', 'A', 1e3, 'Current of the load'),
  LOAD: { kind: 'switch', path: 'load/on', description: 'The load output is on' },
  T: number('battery/temperature', '°C', 1, 'Temperature of the battery'),
  P: number('battery/power', 'W', 1, 'Power into the battery'),
  CE: number('battery/consumed', 'Ah', 1e3, 'Charge drawn since the battery was full, negative'),
  SOC: number('battery/state-of-charge', '%', 10, 'State of charge'),
  TTG: { ...number('battery/time-to-go', 'min', 1, 'Time until the battery is empty'), absent: '-1' } as FieldMeaning,
  Alarm: { kind: 'switch', path: 'alarm', description: 'An alarm is active' },
  Relay: { kind: 'switch', path: 'relay', description: 'The relay is on' },
  AR: { kind: 'alarms', path: 'alarm', description: 'Alarm' },
  WARN: { kind: 'alarms', path: 'warning', description: 'Warning' },
  OR: { kind: 'bits', path: 'off-reason', description: 'Why the device is off, one bit a reason' },
  H1: number('history/deepest-discharge', 'Ah', 1e3, 'Depth of the deepest discharge'),
  H2: number('history/last-discharge', 'Ah', 1e3, 'Depth of the last discharge'),
  H3: number('history/average-discharge', 'Ah', 1e3, 'Depth of the average discharge'),
  H4: number('history/charge-cycles', '', 1, 'Number of charge cycles'),
  H5: number('history/full-discharges', '', 1, 'Number of full discharges'),
  H6: number('history/drawn', 'Ah', 1e3, 'Charge drawn in all'),
  H7: number('history/voltage/lowest', 'V', 1e3, 'Lowest voltage of the main battery'),
  H8: number('history/voltage/highest', 'V', 1e3, 'Highest voltage of the main battery'),
  H9: number('history/since-full', 's', 1, 'Time since the last full charge'),
  H10: number('history/synchronisations', '', 1, 'Number of automatic synchronisations'),
  H11: number('history/low-voltage-alarms', '', 1, 'Number of low voltage alarms of the main battery'),
  H12: number('history/high-voltage-alarms', '', 1, 'Number of high voltage alarms of the main battery'),
  H13: number('history/starter/low-voltage-alarms', '', 1, 'Number of low voltage alarms of the auxiliary battery'),
  H14: number('history/starter/high-voltage-alarms', '', 1, 'Number of high voltage alarms of the auxiliary battery'),
  H15: number('history/starter/voltage/lowest', 'V', 1e3, 'Lowest voltage of the auxiliary battery'),
  H16: number('history/starter/voltage/highest', 'V', 1e3, 'Highest voltage of the auxiliary battery'),
  H17: number('history/discharged', 'kWh', 100, 'Energy discharged, or produced by a DC source'),
  H18: number('history/charged', 'kWh', 100, 'Energy charged, or consumed by a DC load'),
  H19: number('yield/total', 'kWh', 100, 'Yield since the last reset by the user'),
  H20: number('yield/today', 'kWh', 100, 'Yield of today'),
  H21: number('yield/today/peak', 'W', 1, 'Highest power of today'),
  H22: number('yield/yesterday', 'kWh', 100, 'Yield of yesterday'),
  H23: number('yield/yesterday/peak', 'W', 1, 'Highest power of yesterday'),
  ERR: { kind: 'enum', path: 'error', labels: ERRORS, description: 'Error' },
  CS: { kind: 'enum', path: 'state', labels: STATES, description: 'State of operation' },
  MODE: { kind: 'enum', path: 'mode', labels: MODES, description: 'Mode of the device' },
  MPPT: { kind: 'enum', path: 'tracker', labels: TRACKERS, description: 'State of the maximum power point tracker' },
  AC_OUT_V: number('ac/voltage', 'V', 100, 'Voltage of the AC output'),
  AC_OUT_I: number('ac/current', 'A', 10, 'Current of the AC output'),
  AC_OUT_S: number('ac/apparent-power', 'VA', 1, 'Apparent power of the AC output'),
  DC_IN_V: number('dc-input/voltage', 'V', 100, 'Voltage of the DC input'),
  DC_IN_I: number('dc-input/current', 'A', 10, 'Current of the DC input'),
  DC_IN_P: number('dc-input/power', 'W', 1, 'Power of the DC input'),
  HSDS: number('yield/day', '', 1, 'Number of the day in the history'),
  BMV: text('device/model', 'Model of the battery monitor'),
  FW: text('device/firmware', 'Version of the firmware'),
  FWE: text('device/firmware', 'Version of the firmware'),
  PID: text('device/product', 'Product id'),
  'SER#': text('device/serial', 'Serial number'),
};

/** Alarms by bit, least significant first. */
export const ALARMS = [
  'low-voltage',
  'high-voltage',
  'low-state-of-charge',
  'low-starter-voltage',
  'high-starter-voltage',
  'low-temperature',
  'high-temperature',
  'mid-point-voltage',
  'overload',
  'dc-ripple',
  'low-ac-voltage',
  'high-ac-voltage',
  'short-circuit',
  'bms-lockout',
] as const;

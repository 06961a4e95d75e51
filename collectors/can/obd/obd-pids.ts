/** A quantity in the reply to one PID: value = raw * gain + offset. */
export interface ObdValue {
  readonly name: string;
  readonly unit: string;
  /** First of its bytes, which are in Motorola order. */
  readonly at: number;
  readonly bytes: 1 | 2 | 4;
  readonly signed: boolean;
  readonly gain: number;
  readonly offset: number;
  readonly type: 'number' | 'bool';
  /** Bits of the raw value that count. */
  readonly mask: number;
}

/** What a car answers to one PID of service 01 (SAE J1979). */
export interface ObdPid {
  /** Bytes behind the PID. */
  readonly bytes: number;
  readonly values: readonly ObdValue[];
}

/** `[name, unit, first byte, bytes, gain, offset]`; gain 1 and offset 0 may be left out. */
type Row = readonly [name: string, unit: string, at: number, bytes: 1 | 2 | 4, gain?: number, offset?: number];

const PERCENT = 100 / 255;
/** Of fuel trims and errors: -100 % to 99.2 %. */
const TRIM = 100 / 128;
const LAMBDA = 2 / 65_536;

function pid(bytes: number, ...rows: readonly Row[]): ObdPid {
  return { bytes, values: rows.map((row) => value(row)) };
}

function value([name, unit, at, bytes, gain = 1, offset = 0]: Row, about: Partial<ObdValue> = {}): ObdValue {
  return { name, unit, at, bytes, gain, offset, signed: false, type: 'number', mask: 0xffffffff, ...about };
}

const percent = (name: string): ObdPid => pid(1, [name, '%', 0, 1, PERCENT]);
const trim = (name: string): ObdPid => pid(1, [name, '%', 0, 1, TRIM, -100]);
const celsius = (name: string): ObdPid => pid(1, [name, 'degC', 0, 1, 1, -40]);
const raw = (name: string, unit: string, bytes: 1 | 2): ObdPid => pid(bytes, [name, unit, 0, bytes]);
/** Bits that say which PIDs there are, and what has no quantity of its own. */
const nothing = (bytes: number): ObdPid => ({ bytes, values: [] });

/** Several PIDs of one form, from `first` up. */
function series(first: number, names: readonly string[], form: (name: string) => ObdPid): [number, ObdPid][] {
  return names.map((name, n) => [first + n, form(name)]);
}

const SENSORS = ['b1s1', 'b1s2', 'b1s3', 'b1s4', 'b2s1', 'b2s2', 'b2s3', 'b2s4'];

/** Service 01 by PID. */
export const OBD_PIDS: ReadonlyMap<number, ObdPid> = new Map([
  ...[0x00, 0x20, 0x40, 0x60, 0x80, 0xa0, 0xc0, 0xe0].map((number): [number, ObdPid] => [number, nothing(4)]),
  [
    0x01,
    {
      bytes: 4,
      values: [
        value(['malfunction_lamp', '', 0, 1], { type: 'bool', mask: 0x80, gain: 1 / 0x80 }),
        value(['trouble_codes', '', 0, 1], { mask: 0x7f }),
      ],
    },
  ],
  [0x02, nothing(2)],
  [0x03, pid(2, ['fuel_system_1', '', 0, 1], ['fuel_system_2', '', 1, 1])],
  [0x04, percent('engine_load')],
  [0x05, celsius('coolant_temperature')],
  ...series(0x06, ['fuel_trim_short_1', 'fuel_trim_long_1', 'fuel_trim_short_2', 'fuel_trim_long_2'], trim),
  [0x0a, pid(1, ['fuel_pressure', 'kPa', 0, 1, 3])],
  [0x0b, raw('intake_manifold_pressure', 'kPa', 1)],
  [0x0c, pid(2, ['engine_speed', 'rpm', 0, 2, 1 / 4])],
  [0x0d, raw('vehicle_speed', 'km/h', 1)],
  [0x0e, pid(1, ['timing_advance', 'deg', 0, 1, 1 / 2, -64])],
  [0x0f, celsius('intake_air_temperature')],
  [0x10, pid(2, ['air_flow', 'g/s', 0, 2, 1 / 100])],
  [0x11, percent('throttle_position')],
  [0x12, raw('secondary_air_status', '', 1)],
  [0x13, raw('oxygen_sensors_present', '', 1)],
  ...series(0x14, SENSORS, (s) =>
    pid(2, [`oxygen_voltage_${s}`, 'V', 0, 1, 1 / 200], [`oxygen_trim_${s}`, '%', 1, 1, TRIM, -100]),
  ),
  [0x1c, raw('obd_standard', '', 1)],
  [0x1d, raw('oxygen_sensors_present_4_banks', '', 1)],
  [0x1e, { bytes: 1, values: [value(['power_take_off', '', 0, 1], { type: 'bool', mask: 1 })] }],
  [0x1f, raw('run_time', 's', 2)],
  [0x21, raw('distance_with_malfunction', 'km', 2)],
  [0x22, pid(2, ['fuel_rail_pressure_relative', 'kPa', 0, 2, 0.079])],
  [0x23, pid(2, ['fuel_rail_gauge_pressure', 'kPa', 0, 2, 10])],
  ...series(0x24, SENSORS, (s) =>
    pid(4, [`lambda_${s}`, '', 0, 2, LAMBDA], [`lambda_voltage_${s}`, 'V', 2, 2, 8 / 65_536]),
  ),
  [0x2c, percent('egr_commanded')],
  [0x2d, trim('egr_error')],
  [0x2e, percent('evaporative_purge_commanded')],
  [0x2f, percent('fuel_level')],
  [0x30, raw('warm_ups_since_cleared', '', 1)],
  [0x31, raw('distance_since_cleared', 'km', 2)],
  [0x32, { bytes: 2, values: [value(['evaporative_pressure', 'Pa', 0, 2, 1 / 4], { signed: true })] }],
  [0x33, raw('barometric_pressure', 'kPa', 1)],
  ...series(0x34, SENSORS, (s) => {
    return pid(4, [`lambda_wide_${s}`, '', 0, 2, LAMBDA], [`lambda_current_${s}`, 'mA', 2, 2, 1 / 256, -128]);
  }),
  ...series(0x3c, ['b1s1', 'b2s1', 'b1s2', 'b2s2'], (s) =>
    pid(2, [`catalyst_temperature_${s}`, 'degC', 0, 2, 1 / 10, -40]),
  ),
  [0x41, nothing(4)],
  [0x42, pid(2, ['control_module_voltage', 'V', 0, 2, 1 / 1000])],
  [0x43, pid(2, ['absolute_load', '%', 0, 2, PERCENT])],
  [0x44, pid(2, ['lambda_commanded', '', 0, 2, LAMBDA])],
  [0x45, percent('throttle_position_relative')],
  [0x46, celsius('ambient_air_temperature')],
  ...series(0x47, ['throttle_position_b', 'throttle_position_c'], percent),
  ...series(0x49, ['accelerator_pedal_d', 'accelerator_pedal_e', 'accelerator_pedal_f', 'throttle_commanded'], percent),
  [0x4d, raw('time_with_malfunction', 'min', 2)],
  [0x4e, raw('time_since_cleared', 'min', 2)],
  [0x4f, nothing(4)],
  [0x50, nothing(4)],
  [0x51, raw('fuel_type', '', 1)],
  [0x52, percent('ethanol_share')],
  [0x53, pid(2, ['evaporative_pressure_absolute', 'kPa', 0, 2, 1 / 200])],
  [0x54, { bytes: 2, values: [value(['evaporative_pressure_wide', 'Pa', 0, 2], { signed: true })] }],
  ...series(0x55, ['short_1_3', 'long_1_3', 'short_2_4', 'long_2_4'], (name) => {
    return pid(
      2,
      [`secondary_trim_${name}_a`, '%', 0, 1, TRIM, -100],
      [`secondary_trim_${name}_b`, '%', 1, 1, TRIM, -100],
    );
  }),
  [0x59, pid(2, ['fuel_rail_pressure', 'kPa', 0, 2, 10])],
  [0x5a, percent('accelerator_pedal_relative')],
  [0x5b, percent('hybrid_battery_level')],
  [0x5c, celsius('oil_temperature')],
  [0x5d, pid(2, ['injection_timing', 'deg', 0, 2, 1 / 128, -210])],
  [0x5e, pid(2, ['fuel_rate', 'L/h', 0, 2, 1 / 20])],
  [0x5f, raw('emission_requirements', '', 1)],
  [0x61, pid(1, ['torque_demanded', '%', 0, 1, 1, -125])],
  [0x62, pid(1, ['torque_actual', '%', 0, 1, 1, -125])],
  [0x63, raw('torque_reference', 'Nm', 2)],
  [0x64, pid(5, ...['idle', '1', '2', '3', '4'].map((name, at): Row => [`torque_point_${name}`, '%', at, 1, 1, -125]))],
  [0xa6, pid(4, ['odometer', 'km', 0, 4, 1 / 10])],
]);

/** PID of each quantity by its name. */
export const OBD_QUANTITIES: ReadonlyMap<string, number> = new Map(
  [...OBD_PIDS].flatMap(([number, { values }]) => values.map(({ name }): [string, number] => [name, number])),
);

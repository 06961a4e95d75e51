/** Group in which a control unit says which address it takes, and who it is (SAE J1939-81). */
export const ADDRESS_CLAIMED = 0xee00;

const NAME_BYTES = 8;

/** Who a control unit is: its NAME taken apart. */
export interface NodeName {
  /** All 64 bits, in hex. */
  readonly name: string;
  readonly identity: number;
  readonly manufacturer: number;
  readonly instance: number;
  readonly functionInstance: number;
  readonly function: number;
  readonly vehicleSystem: number;
  readonly industryGroup: number;
}

/** @returns undefined where the data are no NAME */
export function readAddressClaim(view: DataView, at: number, length: number): NodeName | undefined {
  if (length !== NAME_BYTES) return undefined;
  const low = view.getUint32(at, true);
  const high = view.getUint32(at + 4, true);
  return {
    name: hex(high) + hex(low),
    identity: low & 0x1fffff,
    manufacturer: low >>> 21,
    instance: high & 7,
    functionInstance: (high >> 3) & 0x1f,
    function: (high >> 8) & 0xff,
    vehicleSystem: (high >> 17) & 0x7f,
    industryGroup: (high >> 28) & 7,
  };
}

/** What a control unit is for: functions that are the same in every industry (SAE J1939, table B11). */
const FUNCTIONS: readonly string[] = [
  ...['engine', 'auxiliary power unit', 'electric propulsion', 'transmission', 'battery monitor', 'shift console'],
  ...['power take-off', 'steering axle', 'drive axle', 'brakes', 'steer axle brakes', 'drive axle brakes'],
  ...['engine retarder', 'driveline retarder', 'cruise control', 'fuel system', 'steering', 'steer axle suspension'],
  ...['drive axle suspension', 'instrument cluster', 'trip recorder', 'cab climate', 'aerodynamics', 'navigation'],
  ...['vehicle security', 'network interconnect', 'body controller', 'secondary power take-off', 'off-vehicle gateway'],
  ...['virtual terminal', 'management computer', 'battery charger', 'headway control', 'system monitor'],
];

/** For people to read: `engine 0, manufacturer 16, identity 123456, NAME 000000...`. */
export function nodeText(node: NodeName): string {
  const known = FUNCTIONS[node.function];
  const what = known === undefined ? `function ${node.function}` : known;
  return `${what} ${node.functionInstance}, manufacturer ${node.manufacturer}, identity ${node.identity}, NAME ${node.name}`;
}

function hex(word: number): string {
  return word.toString(16).padStart(8, '0').toUpperCase();
}

/** One piece of road: a straight of `length` metres, or a turn of `degrees` (left positive) at `radius` metres. */
export type Piece = { readonly straight: number } | { readonly turn: number; readonly radius: number };

/** A circuit as its builder describes it. */
export interface Circuit {
  readonly name: string;
  /** Place of the start/finish line. */
  readonly latitude: number;
  readonly longitude: number;
  /** Height of the start/finish line above the sea, metres. */
  readonly altitude: number;
  /** Direction of travel over the line, degrees from north, clockwise. */
  readonly course: number;
  /** In driving order from the line; the turns add up to one full circle. */
  readonly pieces: readonly Piece[];
  /** Two straights, by index in `pieces`, whose lengths are adjusted so that the lap closes. */
  readonly closing: readonly [number, number];
  /** Waves of height around the lap: amplitude in metres, whole waves a lap, phase in radians. */
  readonly hills: readonly { readonly amplitude: number; readonly waves: number; readonly phase: number }[];
  /** Where sectors 2, 3... begin, as shares of the lap. */
  readonly sectorStarts: readonly number[];
}

/** Clockwise, eleven turns, in the open Atlantic where no map has anything to disagree with. */
export const LONGSHOAL: Circuit = {
  name: 'Longshoal Ring',
  latitude: 45.5,
  longitude: -31.25,
  altitude: 24,
  course: 58,
  pieces: [
    { straight: 330 },
    { turn: -95, radius: 36 },
    { straight: 70 },
    { turn: 65, radius: 70 },
    { straight: 260 },
    { turn: -85, radius: 120 },
    { straight: 120 },
    { turn: 55, radius: 40 },
    { straight: 290 },
    { turn: -140, radius: 26 },
    { straight: 380 },
    { turn: 65, radius: 45 },
    { straight: 30 },
    { turn: -65, radius: 45 },
    { straight: 828 },
    { turn: -40, radius: 150 },
    { straight: 160 },
    { turn: 55, radius: 60 },
    { straight: 110 },
    { turn: -115, radius: 55 },
    { straight: 200 },
    { turn: -60, radius: 48 },
    { straight: 734 },
  ],
  closing: [14, 22],
  hills: [
    { amplitude: 11, waves: 1, phase: 0.6 },
    { amplitude: 4.5, waves: 3, phase: 2.1 },
    { amplitude: 1.2, waves: 7, phase: 4 },
  ],
  sectorStarts: [0.34, 0.69],
};

import type { CanDictionary } from './dictionary.ts';
import type { FrameCensus } from './frame-census.ts';
import { j1939Id } from './j1939/pgn.ts';

/**
 * Which DBC file is of which bus, told by the identifiers that were met. Pure: counts in, shares and advice out. A file in the
 * wrong place decodes whatever identifiers happen to be its own into values that look like values.
 */

/** A bus, what came on it, and the files that are to decode it. */
export interface BusSighting {
  /** What people call it: source and bus. */
  readonly bus: string;
  readonly census: FrameCensus;
  /** DBC files that the config gives it. */
  readonly dbc: readonly string[];
  /** Whether messages are known by their parameter group. */
  readonly j1939: boolean;
}

/** How much of what came on a bus a DBC file knows. */
export interface Coverage {
  readonly dbc: string;
  /** Share of the frames, 0 to 1. */
  readonly frames: number;
  /** Identifiers that it knows, of `ids` that came. */
  readonly known: number;
  readonly ids: number;
}

/** One row of the matrix: a bus against every file. */
export interface BusCoverage {
  readonly bus: string;
  readonly frames: number;
  /** What the files of the config know together, share of the frames. */
  readonly configured: number;
  /** Every file, the one that knows most first. */
  readonly files: readonly Coverage[];
  /** Files that should be there instead of those of the config; undefined where these are right. */
  readonly better: readonly string[] | undefined;
}

/** Frames of a bus before anything is said of it. */
const FRAMES_MIN = 50;

/** By how much the share must rise before files are called swapped, and what those of the config may know at most. */
const RISE_MIN = 0.25;
const CONFIGURED_MAX = 0.6;

/** How much of a bus, and of the identifiers on it, the file that knows most must know to be called its own. */
const OWN_FRAMES_MIN = 0.5;
const OWN_IDS_MIN = 0.3;

/** Share of the frames that a further file must add. */
const GAIN_MIN = 0.02;

/** Says of every bus which files know it. @param files dictionaries by path, each of one file */
export function dbcCoverage(
  sightings: readonly BusSighting[],
  files: ReadonlyMap<string, CanDictionary>,
): BusCoverage[] {
  const rows = sightings.map((sighting) => ({
    sighting,
    coverages: [...files]
      .map(([path, dictionary]) => coverageOf(path, [dictionary], sighting))
      .sort((a, b) => b.frames - a.frames || b.known - a.known),
  }));
  /** Share of a file on the bus of which it knows most: identifiers of one bus may have other meanings on the next. */
  const homes = new Map<string, number>();
  for (const { coverages } of rows) {
    for (const { dbc, frames } of coverages) homes.set(dbc, Math.max(frames, homes.get(dbc) ?? 0));
  }
  return rows.map(({ sighting, coverages }) => {
    const { bus, census, dbc } = sighting;
    const shareOf = (paths: readonly string[]) =>
      coverageOf(
        '',
        paths.flatMap((path) => files.get(path) ?? []),
        sighting,
      ).frames;
    const configured = shareOf(dbc);
    const own = coverages.filter(({ dbc: path, frames }) => frames > 0 && frames === homes.get(path));
    const better = ownFiles(own, shareOf);
    const isBetter =
      census.frames >= FRAMES_MIN &&
      configured <= CONFIGURED_MAX &&
      better.length > 0 &&
      shareOf(better) >= configured + RISE_MIN;
    return { bus, frames: census.frames, configured, files: coverages, better: isBetter ? better : undefined };
  });
}

/** The file that knows most of a bus, and those that add to it; none where no file is the bus's own. */
function ownFiles(files: readonly Coverage[], shareOf: (paths: readonly string[]) => number): string[] {
  const [best] = files;
  if (best === undefined || best.frames < OWN_FRAMES_MIN || best.known < OWN_IDS_MIN * best.ids) return [];
  const own: string[] = [];
  let share = 0;
  for (const { dbc } of files) {
    const withIt = shareOf([...own, dbc]);
    if (withIt < share + GAIN_MIN) continue;
    own.push(dbc);
    share = withIt;
  }
  return own;
}

function coverageOf(path: string, dictionaries: readonly CanDictionary[], { census, j1939 }: BusSighting): Coverage {
  let frames = 0;
  let known = 0;
  for (const [key, count] of census.byKey) {
    if (!dictionaries.some((dictionary) => knows(dictionary, key, j1939))) continue;
    frames += count;
    known += 1;
  }
  return { dbc: path, frames: census.frames === 0 ? 0 : frames / census.frames, known, ids: census.byKey.size };
}

/** A key below zero is of a 29-bit identifier. */
function knows(dictionary: CanDictionary, key: number, j1939: boolean): boolean {
  if (!j1939 || key >= 0) return dictionary.find(key) !== undefined;
  const { pgn, source } = j1939Id(~key);
  return dictionary.findGroup(pgn, source) !== undefined;
}

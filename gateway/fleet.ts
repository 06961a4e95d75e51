/** How urgently somebody must look at a box, most urgently first. */
export const ATTENTIONS = ['act', 'watch', 'good'] as const;
export type Attention = (typeof ATTENTIONS)[number];

/** How a line does; `none`: this central has had none since it started; `beyond`: by way of another central, or process of it. */
export const LINE_STATES = ['starting', 'running', 'waiting', 'stopped', 'none', 'beyond'] as const;

/** Whether central dials the box, or the box dials central. */
export const LINE_KINDS = ['pull', 'reverse'] as const;

/** The line over which a central pulls from a box. */
export interface BoxLine {
  readonly state: (typeof LINE_STATES)[number];
  /** Missing where there is none. */
  readonly kind?: (typeof LINE_KINDS)[number];
  /** Where it is dialled, or what it is called. */
  readonly place?: string;
  /** Why it waits. */
  readonly problem?: string;
}

/** How a disk does; what is not known is missing. */
export interface BoxDisk {
  /** What is given up because it runs short: `none`, or a rung of the ladder. */
  readonly rung: string;
  readonly usedBytes: number;
  readonly limitBytes: number;
  readonly roomBytes: number;
  /** Until samples are given up; missing where none are yet. */
  readonly hoursLeft?: number;
  /** Until it is worn out. */
  readonly yearsLeft?: number;
  readonly isOverWearBudget: boolean;
}

/** What a central knows of one box. What is missing is not known. Times are UTC, microseconds. */
export interface BoxFacts {
  readonly gateway: string;
  readonly line: BoxLine;
  /** When its status was last read. */
  readonly heard?: number;
  /** When a courier file of it last came, since this central started. */
  readonly carried?: number;
  /** Time of the newest sample that central has. */
  readonly newest?: number;
  /** What its feed has beyond what central has; bytes about. */
  readonly behind?: { readonly positions: number; readonly bytes: number };
  /** Stretches that are missing at central, their samples, and those that were lost within the last day. */
  readonly gaps: number;
  readonly lost: number;
  readonly lostToday: number;
  readonly version?: string;
  /** Until when its certificate is good, and when it was taken back. */
  readonly certificate?: { readonly expires: number; readonly revoked?: number };
  /** `source` as in a status; `aheadUs`: its clock minus that of central, by half a round trip unsure. */
  readonly clock?: { readonly source: string; readonly errorUs?: number; readonly aheadUs: number };
  readonly disk?: BoxDisk;
  readonly sources?: { readonly count: number; readonly waiting: readonly string[]; readonly staleChannels: number };
  /** Of its config; and why it took back the last one that this central offered. */
  readonly config?: { readonly digest: string; readonly isOnTrial: boolean; readonly returned?: string };
  /** Its store was damaged, when (UTC, microseconds), and was made anew without so many samples. */
  readonly mended?: { readonly since: number; readonly lost: number };
  /** Samples that it refused since it started because its ring was full. */
  readonly refused?: number;
  /** When it was last seen that two boxes have its name; missing where that was not lately. */
  readonly namesake?: number;
  /** Stores that it hears under the name of this central; missing where that is one, or not known. */
  readonly stores?: number;
  /** Channels of it that do not go to this central, by why: `residency`, `filter`. */
  readonly withheld?: Readonly<Record<string, number>>;
}

/** A box, and why somebody must look at it, the most urgent reason first. */
export interface FleetBox extends BoxFacts {
  readonly attention: Attention;
  readonly reasons: readonly string[];
}

/** All boxes of a central, those that need attention first. */
export interface Fleet {
  readonly central: string;
  /** UTC, microseconds. */
  readonly now: number;
  readonly boxes: readonly FleetBox[];
}

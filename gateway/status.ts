import type { ChannelClass } from './channel.ts';
import type { ClockSource } from './clock.ts';
import type { DoubtedClock } from './clock-keeper.ts';
import type { WearStatus } from './wear-meter.ts';

/** How one source does; as its collector tells, with what only the supervisor knows. */
export interface SourceStatus {
  readonly name: string;
  readonly kind: string;
  readonly state: 'starting' | 'running' | 'waiting' | 'stopped';
  readonly problem?: string;
  readonly received: number;
  readonly samples: number;
  /** Samples a second over the last few seconds. */
  readonly rate: number;
  readonly errors: Readonly<Record<string, number>>;
  /** Where a reason was met, for some of them: a line of a file, a topic, a client, with what was met. */
  readonly errorPlaces?: Readonly<Record<string, string>>;
  readonly dropped: number;
  /** Samples left out since the start because the config says so, by reason; missing where none are. No losses. */
  readonly leftOut?: Readonly<Record<string, number>>;
  /** Channels of it that went quiet; missing where none did. */
  readonly stale?: StaleChannels;
  /** Missing where the config does not ask for it. */
  readonly deviceClock?: DeviceClockStatus;
  /** UTC of its last unit, microseconds; missing before the first. */
  readonly lastSeen?: number;
}

/** How the clock of a source's device does, from the stamps of its samples. */
export interface DeviceClockStatus {
  /** Its clock minus UTC, microseconds; behind by the least delay of the wire. */
  readonly offsetUs: number;
  /** What times are corrected by; 0 where they are stored as the device has them. */
  readonly correctedUs: number;
  /** How much it is too fast, parts in a million; missing before it is known. */
  readonly driftPpm?: number;
}

/** Channels that were heard steadily, and are silent for several of their intervals. */
export interface StaleChannels {
  readonly count: number;
  /** Some of them, those that are silent for longest first; `since` UTC at which it was last heard, microseconds. */
  readonly channels: readonly { readonly name: string; readonly since: number }[];
}

/** How far UTC is known. */
export interface ClockStatus {
  readonly source: ClockSource;
  /** Bound of its error, microseconds; infinite: unknown. */
  readonly errorUs: number;
  /** Name of the source that tells it; missing where that is the system's clock, or nobody. */
  readonly teller?: string;
  /** Sources that tell UTC and are not believed. */
  readonly doubted: readonly DoubtedClock[];
}

/** How the store does. */
export interface StoreStatus {
  readonly commits: number;
  /** Samples committed since the start of the process. */
  readonly samples: number;
  /** Mean time of a commit with its fsync over the last second, milliseconds. */
  readonly commitMs: number;
  readonly journalRows: number;
  /** Samples in the journal that are in no block yet. */
  readonly unsealed: number;
  /** How often, since the start of the process, no more was taken from the ring until seals had caught up. */
  readonly sealWaits: number;
  /** Blocks, and the bytes of all of them; missing where that is not known, as while a database does not answer. */
  readonly blocks?: number;
  readonly blockBytes?: number;
  /** Samples counted as lost since the start of the process. */
  readonly lost: number;
  /** Why it takes nothing; missing where it does, and at a gateway. */
  readonly problem?: string;
  /** Missing at central, and before the store was looked at. */
  readonly retention?: RetentionStatus;
  /** Missing where nothing is merged, and before the store was looked at. */
  readonly merge?: MergeStatus;
  /** Missing at a central, where nothing was damaged, and once the damaged files are gone. */
  readonly mended?: MendedStatus;
  /** Missing at a central, and while nothing is known of it. */
  readonly settled?: SettledStatus;
  /** Missing at a gateway, and at a central that keeps everything. */
  readonly retired?: RetiredStatus;
  /** Missing at a gateway. */
  readonly pulled?: PulledStatus;
}

/** What a central found of what came, since it was started. */
export interface PulledStatus {
  /** Blocks that were here already. */
  readonly known: number;
  /** Blocks that claim sequence numbers which other samples have: kept apart. */
  readonly conflicts: number;
  /** Stretches that never came and were taken as lost. */
  readonly holes: number;
  /** Stores of gateways that were set back to an earlier copy of themselves. */
  readonly setBacks: number;
}

/** How far the feed has all that was taken in: what is quiet before that took nothing in. */
export interface SettledStatus {
  /** What was taken in before, UTC in microseconds, stands in the feed, as samples or as gaps ... */
  readonly until: number;
  /** ... up to this position. */
  readonly position: number;
}

/** What went of the samples of a central. */
export interface RetiredSums {
  readonly packs: number;
  readonly samples: number;
  /** Of the packs. */
  readonly bytes: number;
}

/** What a central gave up by its rules since it was started. */
export interface RetiredStatus extends RetiredSums {
  /** Of it, what went because a limit was passed, and not for its age alone. */
  readonly byLimit: RetiredSums;
}

/** A database that was damaged and made anew of what could be read of it. */
export interface MendedStatus {
  /** What was met. */
  readonly why: string;
  /** When it was met, UTC, microseconds. */
  readonly since: number;
  /** Name of the folder, in that of the store, that has the damaged files. */
  readonly folder: string;
  /** Samples that are back; that cannot be read, as far as is known; that can, and for which there was no room. */
  readonly kept: number;
  readonly lost: number;
  readonly left: number;
}

/** What was merged since the store was opened. */
export interface MergeStatus {
  /** Small packs that went, and larger ones that stand in their place. */
  readonly packs: number;
  readonly into: number;
  /** Samples that were written again, and the bytes of the packs that were written. */
  readonly samples: number;
  readonly bytes: number;
}

/** How much of the past is kept, and for how long there is room. */
export interface RetentionStatus {
  /** What is given up because the disk runs short: `none`, or a rung of the ladder. */
  readonly rung: string;
  /** Bytes of the large database, and the most that it may have. */
  readonly usedBytes: number;
  readonly limitBytes: number;
  /** What can still be written to the disk. */
  readonly roomBytes: number;
  /** Until samples are given up, at the present rate; 0 where they are, infinite where nothing comes in, NaN: not known yet. */
  readonly hoursLeft: number;
  readonly classes: readonly {
    readonly class: ChannelClass;
    /** Bytes of its samples. */
    readonly bytes: number;
    /** How far back its samples reach, microseconds. */
    readonly reachUs: number;
  }[];
}

/** How the disk of the store wears. */
export interface DiskWearStatus extends WearStatus {
  /** As the kernel calls it: `mmcblk0`. Empty: not known; then figures are of what this process wrote. */
  readonly disk: string;
}

/** How far a central has the feed of this gateway. */
export interface DestinationStatus {
  readonly name: string;
  /** In the feed. */
  readonly position: number;
  /** True where signed receipts say so, false where it says so itself. */
  readonly proven: boolean;
  /** Receipts that were not believed, by reason. */
  readonly refused: Readonly<Record<string, number>>;
  /** UTC at which it last said, or proved, what it has, microseconds; missing where that was before the start. */
  readonly told?: number;
  /** Missing where it is not known yet. */
  readonly behind?: BehindStatus;
  /** Channels that do not go there, by why: `residency`, `filter`; missing where all do. */
  readonly withheld?: Readonly<Record<string, number>>;
  /** Where several stores are heard under its name, as of two centrals: each; `position` is the least of them. Missing where there is one. */
  readonly stores?: readonly DestinationStoreStatus[];
}

/** One of several stores of which each says that it is that destination's. */
export interface DestinationStoreStatus {
  readonly id: string;
  readonly position: number;
  /** UTC to which it is waited for at least if it is not heard again, microseconds. */
  readonly until: number;
}

/** What a destination lacks. */
export interface BehindStatus {
  /** Of the feed. */
  readonly positions: number;
  /** About; more than there is where not every channel goes there. */
  readonly bytes: number;
  /** UTC since when the oldest of it is here, microseconds; missing where there is none, as where only definitions have not gone. */
  readonly since?: number;
  /** What it took lately, bytes a second; missing where that is not known yet. */
  readonly bytesPerS?: number;
  /** Seconds until it has all, at the present rates; 0 where it is up to date; missing where that is never, or not known yet. */
  readonly caughtUpS?: number;
}

/** How the secure side of the gRPC service does. */
export interface SecurityStatus {
  /** What its own certificate says (role and name), and until when, UTC in microseconds. */
  readonly role: string;
  readonly name: string;
  readonly expires: number;
  /** Connections that are open, and those that came since the start. */
  readonly open: number;
  readonly accepted: number;
  /** Connections that were not let in or were cut, by reason. */
  readonly refused: Readonly<Record<string, number>>;
  /** What is wrong with its certificate or with the clock. */
  readonly problem?: string;
}

/** A line to a central that this gateway dials and hands over. */
export interface UplinkStatus {
  /** What is dialled. */
  readonly address: string;
  readonly state: 'dialling' | 'connected' | 'waiting';
  /** UTC since when, microseconds. */
  readonly since: number;
  /** Name of the central that took it; missing where none has it now. */
  readonly central?: string;
  /** Why there is none. */
  readonly problem?: string;
  /** Lines that were taken, and attempts that failed, since the start. */
  readonly lines: number;
  readonly failures: number;
}

/** How a gateway does that carries courier files for others. */
export interface RelayStatus {
  /** Files that lie there, and bytes with parts and answers. */
  readonly files: number;
  readonly bytes: number;
  readonly bytesMax: number;
  /** Answers that wait for those who sent the files. */
  readonly answers: number;
  /** Files that were taken, and that their centrals answered, since the start. */
  readonly taken: number;
  readonly passed: number;
  /** Files that were not taken, or were given up, since the start, by reason. */
  readonly refused: Readonly<Record<string, number>>;
  readonly destinations: readonly RelayDestinationStatus[];
  /** Why nothing can be taken; empty where it can. */
  readonly problem: string;
}

export interface RelayDestinationStatus {
  readonly central: string;
  readonly files: number;
  readonly bytes: number;
  /** When the oldest file came, UTC, microseconds. */
  readonly oldest: number;
}

/** What this gateway hands to a relay for one of its centrals. */
export interface HandOverStatus {
  readonly central: string;
  /** Address. */
  readonly relay: string;
  /** It has nothing to do; it must not now; it does; it cannot. */
  readonly state: 'rests' | 'waits' | 'hands-over' | 'fails';
  readonly why: string;
  /** Files that are written or handed over and not answered, and their bytes. */
  readonly files: number;
  readonly bytes: number;
  /** When the first of them was written, UTC, microseconds; 0 where there is none. */
  readonly oldest: number;
  /** Files, since the start. */
  readonly handed: number;
  readonly answered: number;
  /** Answers that were not believed, and files that were lost on the way, since the start, by reason. */
  readonly refused: Readonly<Record<string, number>>;
}

/** One of the lines between a central and a gateway, as the end knows it that says so. */
export interface LineStatus {
  /** At the other end: a gateway, or a central. */
  readonly gateway: string;
  readonly name: string;
  /** Used now; ready, while a better one is used; kept from use by its config or by whoever opens it; failed. */
  readonly state: 'in-use' | 'standby' | 'waiting' | 'dead';
  /** What its pacer does, what it waits for, or what it failed of. */
  readonly why: string;
  /** UTC until when it waits, microseconds; missing where nobody knows. */
  readonly until?: number;
  /** UTC since when it fails, microseconds; missing where it does not. */
  readonly failingSince?: number;
  /** True where its bytes cost money. */
  readonly metered: boolean;
  /** Since the start. */
  readonly connections: number;
  readonly failures: number;
  /** On the wire, by this end, since the start. */
  readonly receivedBytes: number;
  readonly sentBytes: number;
  /** Missing where the config sets none. */
  readonly capBytesPerS?: number;
  /** Of a day of UTC, and what of it was used today. */
  readonly budgetBytes?: number;
  readonly budgetUsedBytes?: number;
  /** What was found of it last; missing before the first contact. */
  readonly pace?: LinePace;
  /** When it may be used, with the zone of these hours; missing: at any time. */
  readonly windows?: readonly string[];
  /** UTC at which who decides was last heard, microseconds; missing at the end that decides. */
  readonly heard?: number;
}

export interface LinePace {
  readonly bytesPerS: number;
  /** The shortest one; NaN before it is known. */
  readonly roundTripMs: number;
  /** What a round trip takes beyond it. */
  readonly queueMs: number;
  /** On its way at most, and in one message. */
  readonly windowBytes: number;
  readonly quantumBytes: number;
}

/** How the backups of one gateway do, as the drills say that restored them. Times UTC, microseconds, 0 where there was none. */
export interface DrillStatus {
  readonly gateway: string;
  /** Backups that are kept, and those of them that a drill restored and found right; others do not count. */
  readonly copies: number;
  readonly restored: number;
  /** When the last drill began, and whether it found everything right. */
  readonly last: number;
  readonly ok: boolean;
  /** When the last one began that did. */
  readonly good: number;
  /** What the last one found. */
  readonly problem?: string;
}

/** A config that a central offered, from its trial on. */
export interface ConfigTrialStatus {
  /** Of the offer, by who made it. */
  readonly offer: string;
  readonly digest: string;
  /** Central that offered it. */
  readonly by: string;
  /** UTC, microseconds. */
  readonly begun: number;
  readonly watchS: number;
}

/** How a trial ended. */
export interface ConfigOutcomeStatus extends ConfigTrialStatus {
  readonly outcome: 'kept' | 'returned';
  /** Why it returned; empty where it was kept. */
  readonly why: string;
  /** UTC, microseconds. */
  readonly ended: number;
  /** How long nothing was taken in because of it, milliseconds. */
  readonly downtimeMs: number;
}

/** Which config runs, and what centrals offered in its place. */
export interface ConfigStatus {
  /** Of what others may see of the config that holds. */
  readonly digest: string;
  /** What is tried now. */
  readonly trial?: ConfigTrialStatus;
  /** What was tried last. */
  readonly last?: ConfigOutcomeStatus;
}

/** One kind of cycle of a gateway. Times UTC, microseconds. */
export interface CycleKindStatus {
  readonly name: string;
  /** The channel that tells. */
  readonly channel: string;
  /** When its last sample came; missing before the first of this run. */
  readonly heard?: number;
  /** Number or label of the cycle that is open, and its begin; missing where none is. */
  readonly open?: string;
  readonly since?: number;
  /** Why there are none; missing where nothing is wrong. */
  readonly problem?: string;
}

/** A snapshot of the whole gateway, or of central, once a second; what `caisson status`, GetStatus and the dashboard show. */
export interface GatewayStatus {
  readonly role: 'gateway' | 'central';
  /** Id of the gateway; at central its own name. */
  readonly gateway: string;
  readonly boot: string;
  readonly version: string;
  /** UTC at the start of the process as it is known now, microseconds: `now` less what has passed on the monotonic clock. */
  readonly startedAt: number;
  /** UTC at the snapshot, microseconds. */
  readonly now: number;
  readonly clock: ClockStatus;
  readonly ring: { readonly slots: number; readonly used: number; readonly refused: number };
  readonly store: StoreStatus;
  /** Missing at central. */
  readonly wear?: DiskWearStatus;
  /** Missing where the gRPC service has no certificate. */
  readonly security?: SecurityStatus;
  /** Missing where no central is dialled. */
  readonly uplinks?: readonly UplinkStatus[];
  /** Missing where it carries for nobody. */
  readonly relay?: RelayStatus;
  /** Missing where it hands nothing to others. */
  readonly handovers?: readonly HandOverStatus[];
  /** Missing where nothing is pulled. */
  readonly lines?: readonly LineStatus[];
  readonly sources: readonly SourceStatus[];
  /** Missing where no cycles are configured. */
  readonly cycles?: readonly CycleKindStatus[];
  /** Missing at central, and where the config is no file. */
  readonly config?: ConfigStatus;
  /** Position of the last item of its feed; missing where nobody said it, as at central. */
  readonly feedEnd?: number;
  /** Missing where no vaults are looked at. */
  readonly drills?: readonly DrillStatus[];
  /** Missing where there is none, as at central. */
  readonly destinations?: readonly DestinationStatus[];
  /** What a person should know now: a thread restarted, a port gone. Newest last, bounded. */
  readonly problems: readonly { readonly time: number; readonly text: string }[];
}

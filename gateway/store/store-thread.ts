/**
 * The store thread: the only writer of journal and blocks. It runs one synchronous loop, asleep on the ring's bell where there
 * is nothing to do, so that nothing else on an event loop stands between a published sample and its commit.
 *
 * A commit or seal that fails ends the thread: after a failed fsync no open connection can be believed. Main starts it
 * anew; the ring still holds all that was not durable, and the new thread learns from the disk how far that is.
 */
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import Database from 'better-sqlite3';
import type { Channel } from '../channel.ts';
import { type ClockReading, monotonicUs } from '../clock.ts';
import { CaissonError, messageOf } from '../errors.ts';
import { CHUNK_SPARE_INTERVAL_MS } from '../limits.ts';
import type { RingReader } from '../ring.ts';
import type { WearRecord } from '../wear-meter.ts';
import { beginBoot } from './begin-boot.ts';
import { BlockDb } from './block-db.ts';
import { damaged, storeDamageOf } from './block-schema.ts';
import { diskRoom, isDiskTrouble } from './disk-room.ts';
import { gatewayIdOf } from './gateway-id.ts';
import { hasRecords } from './journal/has-records.ts';
import { Journal } from './journal/journal.ts';
import { WEAR_KEY, wearOf } from './kept-wear.ts';
import { lastNumbers } from './last-numbers.ts';
import { mendStore } from './mending/mend-store.ts';
import { MENDED_KEY, type Mended, mendedOf, mendedStatus, mendedText } from './mending/mended.ts';
import { noteDamage, notedDamage } from './mending/set-aside.ts';
import { Merger } from './merge/merger.ts';
import { FeedBorders, PASSED_OVER_KEY, type PassedOver, passedOverOf } from './passed-over.ts';
import { type Recovered, recover } from './recovery.ts';
import { Acknowledgements } from './retention/acknowledgements.ts';
import { BALLAST_BYTES, Ballast } from './retention/ballast.ts';
import { Retention } from './retention/retention.ts';
import { retentionLimits } from './retention/retention-limits.ts';
import { SettledRows } from './settled-rows.ts';
import { lockStore, storePaths } from './store-dir.ts';
import type { FromStore, StoreThreadData, ToStore } from './store-messages.ts';
import { claimStore } from './store-role.ts';
import type { StoreWriter } from './store-writer.ts';

const STATUS_INTERVAL_MS = 1000;
const SEAL_INTERVAL_MS = 1000;
const LOOK_INTERVAL_MS = 1000;
const TRIM_INTERVAL_MS = 5000;
const PREPARE_INTERVAL_MS = 250;

/** How old what is known of a cycle becomes before it is sealed. */
const CYCLES_INTERVAL_MS = 10_000;

/** How often it is said how far mending is. */
const PROGRESS_INTERVAL_MS = 5000;

/** With less time than this until the next commit nothing is merged. */
const MERGE_ROOM_MS = 10;

/** Longest sleep where nothing is published: how late a message from main may be taken. */
const IDLE_SLEEP_MS = 100;

/** Something done again and again, at least `intervalMs` apart. */
class Every {
  readonly #intervalMs: number;
  #next: number;

  constructor(intervalMs: number) {
    this.#intervalMs = intervalMs;
    this.#next = performance.now() + intervalMs;
  }

  isDue(now: number): boolean {
    if (now < this.#next) return false;
    this.#next = now + this.#intervalMs;
    return true;
  }
}

/** What main said and the store has not acted on yet. */
interface Mail {
  channels: Channel[];
  readings: ClockReading[];
  wear: WearRecord | undefined;
  passedOver: PassedOver | undefined;
  merges: boolean;
  /** Main wants the thread to end. */
  stop: Extract<ToStore, { kind: 'stop' }> | undefined;
}

/** What is opened of a store. */
interface OpenedStore {
  readonly blocks: BlockDb;
  readonly journal: Journal;
  readonly recovered: Recovered;
  readonly gateway: string;
  readonly acknowledgements: Acknowledgements;
  readonly borders: FeedBorders;
  readonly retention: Retention;
  /** What was done to it; missing where nothing was, or nobody has to know any more. */
  readonly mended: Mended | undefined;
}

class StoreThread {
  readonly #port: MessagePort;
  readonly #data: StoreThreadData;
  readonly #unlock: () => void;
  readonly #blocks: BlockDb;
  readonly #journal: Journal;
  readonly #recovered: Recovered;
  readonly #gateway: string;
  readonly #acknowledgements: Acknowledgements;
  #borders: FeedBorders;
  readonly #retention: Retention;
  readonly #mended: Mended | undefined;
  readonly #mail: Mail = {
    channels: [],
    readings: [],
    wear: undefined,
    passedOver: undefined,
    merges: true,
    stop: undefined,
  };

  constructor(port: MessagePort, data: StoreThreadData) {
    this.#port = port;
    this.#data = data;
    this.#unlock = lockStore(data.dir);
    const ballast = new Ballast(storePaths(data.dir).ballast, BALLAST_BYTES);
    ballast.makeRoomToOpen(diskRoom(data.dir).freeBytes);
    const opened = this.#openWhole(ballast);
    this.#blocks = opened.blocks;
    this.#journal = opened.journal;
    this.#recovered = opened.recovered;
    this.#gateway = opened.gateway;
    this.#acknowledgements = opened.acknowledgements;
    this.#borders = opened.borders;
    this.#retention = opened.retention;
    this.#mended = opened.mended;
  }

  /** Opens the store. Where its large database is damaged, as it shows now or did before, it is made anew first; not within a boot. */
  #openWhole(ballast: Ballast): OpenedStore {
    if (!this.#data.beginsBoot) return this.#open(ballast);
    const { dir } = this.#data;
    if (isEmptied(dir)) noteDamage(dir, 'its database is empty, and its journal is not');
    try {
      this.#mend();
      return this.#open(ballast);
    } catch (error) {
      const damage = storeDamageOf(error);
      if (damage === undefined || notedDamage(dir) !== undefined) throw error;
      noteDamage(dir, damage);
    }
    this.#mend();
    return this.#open(ballast);
  }

  /** Makes the large database anew where it was noted that it is damaged. */
  #mend(): void {
    const { dir, gateway, retention } = this.#data;
    const note = notedDamage(dir);
    if (note === undefined) return;
    const told = `the database is damaged (${note.why}): what can be read of it moves to a new one`;
    this.#send({ kind: 'mending', text: told });
    const { freeBytes, totalBytes } = diskRoom(dir);
    const roomBytes = freeBytes - retentionLimits(retention, totalBytes).reserveBytes;
    const step = new Every(PROGRESS_INTERVAL_MS);
    const onProgress = (part: number) => {
      if (!step.isDue(performance.now())) return;
      this.#send({ kind: 'mending', text: `${told}; ${Math.floor(100 * part)} %` });
    };
    mendStore({ dir, gateway, roomBytes, onProgress }, note);
  }

  #open(ballast: Ballast): OpenedStore {
    const { dir, gateway: wanted, retention: settings, segmentBytes, beginsBoot } = this.#data;
    const paths = storePaths(dir);
    const damage: string[] = [];
    const requireRead = () => {
      if (damage.length > 0) throw damaged(paths.blocks, damage.join('; '));
    };
    const blocks = BlockDb.open(paths.blocks, undefined, (what) => damage.push(what));
    let journal: Journal | undefined;
    try {
      claimStore(blocks, 'gateway');
      const gateway = gatewayIdOf(blocks, wanted);
      const acknowledgements = new Acknowledgements(settings.centrals, (key) => blocks.meta(key));
      const borders = new FeedBorders(passedOverOf(blocks.meta(PASSED_OVER_KEY)));
      const retention = new Retention({
        store: blocks,
        disk: () => diskRoom(dir),
        settings,
        ballast,
        acknowledgements,
        keepAcknowledged: () => acknowledgements.keep((key, text) => blocks.keepMeta(key, text)),
        onProblem: (text) => this.#send({ kind: 'problem', text }),
        onCriticalOnly: (isOn) => this.#send({ kind: 'critical-only', isOn }),
      });
      retention.relieve();
      const boots = new Set(blocks.boots().map(({ boot }) => boot));
      // What is of a boot that is not known would be set aside as that of another store.
      requireRead();
      journal = Journal.open(paths.journal, { boots, segmentBytes });
      const mended = mendedOf(blocks.meta(MENDED_KEY));
      const recovered = recover(journal, blocks);
      if (beginsBoot) requireRead();
      const isKnown = mended !== undefined && existsSync(join(dir, mended.folder));
      const parts = { blocks, journal, recovered, gateway, acknowledgements, borders, retention };
      return { ...parts, mended: isKnown ? mended : undefined };
    } catch (error) {
      journal?.close();
      blocks.close();
      throw error;
    }
  }

  run(): void {
    this.#sayOpened();
    const start = this.#awaitStart();
    const { id, ring, writer } = beginBoot({
      ...this.#data,
      ...start,
      journal: this.#journal,
      blocks: this.#blocks,
      recovered: this.#recovered,
      gateway: this.#gateway,
      onProblem: (text) => this.#send({ kind: 'problem', text }),
    });
    this.#send({ kind: 'started' });
    this.#send({ kind: 'durable', position: ring.tail });
    const merger = new Merger({
      store: this.#blocks,
      scaleOf: (channel) => writer.scaleOf(channel),
      isApart: (first, last) => this.#acknowledgements.isApart(first, last) && this.#borders.isApart(first, last),
      periodOf: (position) => this.#borders.periodOf(position),
      onProblem: (text) => this.#send({ kind: 'problem', text }),
    });
    this.#loop(ring, writer, merger);
    const losses = this.#mail.stop?.losses ?? [];
    if (losses.length > 0) writer.commit(0, losses);
    writer.trim();
    this.#blocks.transaction(() => {
      this.#blocks.keepBootEnd(id, this.#mail.stop?.ended ?? start.started);
      this.#keepWear();
      this.#keepPassedOver();
      this.#keepAcknowledged();
    });
    this.#journal.close();
    this.#blocks.close();
    this.#unlock();
  }

  #sayOpened(): void {
    if (this.#mended !== undefined) this.#send({ kind: 'problem', text: mendedText(this.#mended) });
    for (const { row, reason } of this.#recovered.damaged) {
      this.#send({ kind: 'problem', text: `the journal is damaged at row ${row}: ${reason}` });
    }
    const channels = this.#recovered.channels
      .filter((channel) => channel.gateway === this.#gateway)
      .map(({ gateway: _, ...channel }) => channel);
    const arrival = new Set(channels.flatMap((channel) => (channel.stamp === 'arrival' ? [channel.id] : [])));
    const unsealed = this.#recovered.chunks.filter((chunk) => arrival.has(chunk.channel));
    this.#send({
      kind: 'opened',
      gateway: this.#gateway,
      channels,
      lastTime: unsealed.reduce((time, chunk) => Math.max(time, chunk.timeMax), this.#blocks.lastTime()),
      receipts: this.#journal.receipts(),
      recoveredSamples: this.#recovered.chunks.reduce((sum, chunk) => sum + chunk.count, 0),
      wear: wearOf(this.#blocks.meta(WEAR_KEY)),
      cycleNumbers: this.#cycleNumbers(),
    });
  }

  #cycleNumbers(): Record<string, number> {
    const [gateway, { cycles: kinds }] = [this.#gateway, this.#data];
    const { channels, chunks } = this.#recovered;
    return lastNumbers(kinds, { gateway, channels, chunks, blocks: this.#blocks });
  }

  #awaitStart(): Extract<ToStore, { kind: 'start' }> {
    const never = new Int32Array(new SharedArrayBuffer(4));
    for (;;) {
      const message = receiveMessageOnPort(this.#port)?.message as ToStore | undefined;
      if (message?.kind === 'start') return message;
      if (message !== undefined) this.#sort(message);
      else Atomics.wait(never, 0, 0, 1);
    }
  }

  #loop(ring: RingReader, writer: StoreWriter, merger: Merger): void {
    const status = new Every(STATUS_INTERVAL_MS);
    const look = new Every(LOOK_INTERVAL_MS);
    const seal = new Every(SEAL_INTERVAL_MS);
    const trim = new Every(TRIM_INTERVAL_MS);
    const cycles = new Every(CYCLES_INTERVAL_MS);
    const prepare = new Every(PREPARE_INTERVAL_MS);
    const spare = new Every(CHUNK_SPARE_INTERVAL_MS);
    const ages = new RowAges(this.#data.blockAgeSeconds * 1e3);
    const commits = new CommitTimes();
    const settled = new SettledRows();
    let nextCommit = 0;
    // What was recovered waits for the first interval: until then the processor is for what takes in.
    let mayHurrySeals = false;
    const hurriesSeals = () => mayHurrySeals && writer.hasSealBatch();
    for (;;) {
      const bell = ring.bell();
      // All that was published before main said so is seen by the next line.
      const isEnding = this.#mail.stop !== undefined;
      const [published, lookedAt] = [writer.published, monotonicUs()];
      // What is published now had its channels announced before: drain no further than this after reading the mail.
      const waiting = writer.waiting();
      this.#readMail();
      writer.keepChannels(this.#mail.channels.splice(0));
      for (const reading of this.#mail.readings.splice(0)) writer.keepClock(reading);
      if (this.#mail.wear !== undefined) this.#blocks.transaction(() => this.#keepWear());
      if (this.#mail.passedOver !== undefined) this.#blocks.transaction(() => this.#keepPassedOver());
      if (this.#acknowledgements.isUrgent) {
        this.#retention.tryWrite(() => this.#blocks.transaction(() => this.#keepAcknowledged()));
      }
      const now = performance.now();
      if (waiting > 0 && (isEnding || now >= nextCommit)) {
        const position = writer.commit(waiting);
        this.#send({ kind: 'durable', position });
        nextCommit = now + this.#data.commitFloorMs;
        commits.add(performance.now() - now);
      } else if (isEnding && ring.available() === 0) {
        return;
      }
      if (ring.tail >= published) settled.committed(lookedAt, writer.nextRow);
      writer.makeRoom();
      if (cycles.isDue(now)) writer.closeRecords();
      if (seal.isDue(now)) {
        mayHurrySeals = true;
        writer.sealOlderThan(...ages.olderRows(now, writer.nextRow));
        this.#retention.seal(() => writer.seal());
      } else if (hurriesSeals()) {
        this.#retention.seal(() => writer.seal());
      }
      if (look.isDue(now)) this.#retention.look(now);
      this.#retention.step(now);
      if (trim.isDue(now)) writer.trim();
      if (prepare.isDue(now)) this.#journal.prepare();
      if (spare.isDue(now)) writer.dropUnusedMemory();
      if (status.isDue(now)) this.#sendStatus(writer, merger, commits, settled);
      if (this.#mail.stop !== undefined) continue;
      const mergeMs = () => (this.#mayMerge(writer) ? merger.dueMs(performance.now()) : Number.POSITIVE_INFINITY);
      const hasTime = writer.waiting() === 0 || nextCommit - performance.now() >= MERGE_ROOM_MS;
      if (hasTime && mergeMs() === 0) merger.step();
      if (writer.waiting() > 0) ring.pause(Math.max(0, nextCommit - performance.now()));
      else if (!hurriesSeals() || this.#retention.holdsSeals) {
        ring.sleep(bell, Math.min(IDLE_SLEEP_MS, this.#retention.idleMs(), mergeMs()));
      }
    }
  }

  /** Merging is for when nothing is to be sealed or given up. */
  #mayMerge(writer: StoreWriter): boolean {
    const isWanted = this.#data.mergesBlocks && this.#mail.merges;
    return isWanted && this.#retention.isAtEase && !writer.hasSealBatch();
  }

  /** Belongs inside a transaction. */
  #keepWear(): void {
    const record = this.#mail.wear;
    this.#mail.wear = undefined;
    if (record !== undefined) this.#blocks.keepMeta(WEAR_KEY, JSON.stringify(record));
  }

  /** Belongs inside a transaction. */
  #keepPassedOver(): void {
    const record = this.#mail.passedOver;
    this.#mail.passedOver = undefined;
    if (record === undefined) return;
    this.#blocks.keepMeta(PASSED_OVER_KEY, JSON.stringify(record));
    this.#borders = new FeedBorders(record);
  }

  /** Belongs inside a transaction. */
  #keepAcknowledged(): void {
    this.#acknowledgements.keep((key, text) => this.#blocks.keepMeta(key, text));
  }

  #sendStatus(writer: StoreWriter, merger: Merger, commits: CommitTimes, settled: SettledRows): void {
    const { blocks, bytes } = this.#blocks.totals;
    const monotonic = settled.before(writer.oldestRow());
    this.#send({
      kind: 'status',
      settled: monotonic === undefined ? undefined : { monotonic, position: this.#blocks.lastPosition() },
      status: {
        commits: commits.count,
        commitMs: commits.takeMean(),
        samples: writer.samples,
        lost: writer.lost,
        journalRows: this.#journal.rowCount(),
        unsealed: writer.unsealed(),
        sealWaits: writer.sealWaits,
        blocks,
        blockBytes: bytes,
        retention: this.#retention.status(),
        merge: merger.status(),
        ...(this.#mended && { mended: mendedStatus(this.#mended) }),
      },
    });
  }

  #readMail(): void {
    for (;;) {
      const message = receiveMessageOnPort(this.#port)?.message as ToStore | undefined;
      if (message === undefined) return;
      this.#sort(message);
    }
  }

  #sort(message: ToStore): void {
    if (message.kind === 'channel') this.#mail.channels.push(message.channel);
    else if (message.kind === 'clock') this.#mail.readings.push(message.reading);
    else if (message.kind === 'acknowledged') this.#acknowledgements.take(message.central, message.acknowledged);
    else if (message.kind === 'merge') this.#mail.merges = message.isOn;
    else if (message.kind === 'wear') this.#mail.wear = message.record;
    else if (message.kind === 'passed-over') this.#mail.passedOver = message.record;
    else if (message.kind === 'stop') this.#mail.stop = message;
  }

  #send(message: FromStore): void {
    this.#port.postMessage(message);
  }
}

/** Which journal rows are older than a block may grow. */
class RowAges {
  readonly #ageMs: number;
  readonly #marks: { readonly time: number; readonly row: number }[] = [];

  constructor(ageMs: number) {
    this.#ageMs = ageMs;
  }

  /** Rows before the returned ids were written at least the age ago, and half of it. `nextRow` is the next row now. */
  olderRows(now: number, nextRow: number): [due: number, ripe: number] {
    this.#marks.push({ time: now, row: nextRow });
    let due = 0;
    while (this.#marks[0] !== undefined && this.#marks[0].time <= now - this.#ageMs)
      due = this.#marks.shift()?.row ?? due;
    const ripe = this.#marks.findLast(({ time }) => time <= now - this.#ageMs / 2)?.row ?? due;
    return [due, ripe];
  }
}

/** Mean time of a commit between two looks, milliseconds. */
class CommitTimes {
  count = 0;
  #looked = 0;
  #sumMs = 0;

  add(ms: number): void {
    this.count += 1;
    this.#sumMs += ms;
  }

  takeMean(): number {
    const commits = this.count - this.#looked;
    const mean = commits === 0 ? 0 : this.#sumMs / commits;
    this.#looked = this.count;
    this.#sumMs = 0;
    return mean;
  }
}

if (parentPort !== null) {
  run(parentPort, workerData as StoreThreadData);
  parentPort.close();
}

/** An error of SQLite or of the disk does not survive the way to main; what it says does. */
function run(port: MessagePort, data: StoreThreadData): void {
  try {
    new StoreThread(port, data).run();
  } catch (error) {
    const isSqlite = error instanceof Database.SqliteError;
    const damage = isSqlite || error instanceof CaissonError ? storeDamageOf(error) : undefined;
    if (damage !== undefined && notedDamage(data.dir) === undefined) {
      noteDamage(data.dir, damage);
      port.postMessage({ kind: 'damaged', what: damage } satisfies FromStore);
      throw new CaissonError('store-failed', `${data.dir}: its database is damaged: ${damage}`, { retryable: true });
    }
    if (error instanceof CaissonError || !(isSqlite || isDiskTrouble(error))) throw error;
    const code = isSqlite ? ` (${error.code})` : '';
    throw new CaissonError('store-failed', `${data.dir}: ${messageOf(error)}${code}`, { retryable: true });
  }
}

/** True where the large database has nothing, not even tables, and the journal has records: a file that lost its content. */
function isEmptied(dir: string): boolean {
  const { blocks, journal } = storePaths(dir);
  const sizeOf = (path: string) => statSync(path, { throwIfNoEntry: false })?.size;
  return sizeOf(blocks) === 0 && (sizeOf(`${blocks}-wal`) ?? 0) === 0 && hasRecords(journal);
}

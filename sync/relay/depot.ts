import { createHash } from 'node:crypto';
import { closeSync, createReadStream, mkdirSync, openSync, readSync } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { CaissonError, messageOf } from '../../gateway/errors.ts';
import type { RelayStatus } from '../../gateway/status.ts';
import { diskRoom, isFull } from '../../gateway/store/disk-room.ts';
import type { CourierOpening } from '../api/courier-call.ts';
import { checkFraming } from '../courier/courier-file.ts';
import { type OfferedFile, offeredFile, requireSaid } from './carried-file.ts';
import { type CarriedAnswer, type CarriedFile, DepotFolder, type HeldBeside } from './depot-folder.ts';

/** Files that come at a time. Beyond: refused, to be brought again. */
const TAKING_MAX = 8;

/** When to come again: to a depot that is full, and where something is going on, milliseconds. */
const FULL_MS = 60_000;
const BUSY_MS = 2_000;

/** Bytes of one read for a central. */
const READ_BYTES_MAX = 1 << 20;

/** How often what is too old is looked for, milliseconds. */
const PRUNE_MS = 60_000;

export interface DepotOptions {
  readonly dir: string;
  /** Of files, parts and answers. */
  readonly bytesMax: number;
  /** Files and parts of one gateway; and its answers. */
  readonly filesPerSender: number;
  /** Room that its disk keeps. */
  readonly freeBytes: number;
  /** How long a file, a part or an answer stays. */
  readonly keepMs: number;
  /** Undefined: for any. */
  readonly centrals?: readonly string[] | undefined;
  /** UTC, milliseconds. */
  readonly utcMs: () => number;
  /** Told of what a person should know. */
  readonly onProblem: (text: string) => void;
}

type Reason =
  | 'full'
  | 'sender-share'
  | 'disk'
  | 'busy'
  | 'not-carried-for'
  | 'invalid'
  | 'damaged'
  | 'expired'
  | 'lost';

/** How one file stands here. */
export type CarriedState =
  | { readonly state: 'unknown' }
  | { readonly state: 'part' | 'carried'; readonly bytes: number }
  | ({ readonly state: 'answered' } & CarriedAnswer);

/**
 * Courier files that a relay keeps for centrals, within bounds: whole ones on disk before their sender is told, each until its central has
 * answered, and then the answer until its sender has that. All of it is as it was after a kill.
 */
export class Depot {
  readonly #options: DepotOptions;
  readonly #folder: DepotFolder;
  readonly #carried = new Map<string, CarriedFile>();
  readonly #parts = new Map<string, HeldBeside>();
  readonly #answers = new Map<string, HeldBeside>();
  /** Bytes that are still to come, of what comes now. */
  readonly #coming = new Map<string, number>();
  readonly #refused: Partial<Record<Reason, number>> = {};
  #taken = 0;
  #passed = 0;
  #isLoaded = false;
  #problem = '';
  #prunedMs = Number.NEGATIVE_INFINITY;

  constructor(options: DepotOptions) {
    this.#options = options;
    this.#folder = new DepotFolder(options.dir);
    try {
      this.#ready();
    } catch (error) {
      options.onProblem(messageOf(error));
    }
  }

  /**
   * Takes a file, on behind what is here of it; it is whole and on disk when it resolves.
   * @throws CaissonError `server-busy` with when to come again, `courier-invalid`, `access-refused`, `courier-failed` for a disk that fails
   */
  async take(opening: CourierOpening, pieces: AsyncIterable<Uint8Array>): Promise<void> {
    this.#ready();
    const offered = this.#offered(opening);
    const { digest, bytes } = offered;
    if (this.#carried.has(digest) || this.#answers.has(digest)) return;
    this.#requireRoom(offered);
    this.#coming.set(digest, bytes);
    try {
      await this.#receive(offered, pieces);
      await this.#requireWhole(offered);
      this.#carried.set(digest, this.#folder.keep(offered, this.#options.utcMs()));
      this.#parts.delete(digest);
      this.#taken += 1;
    } catch (error) {
      throw this.#failed(error);
    } finally {
      this.#coming.delete(digest);
    }
  }

  /** How a file of a gateway stands. @throws CaissonError `courier-failed` */
  stateOf(gateway: string, digest: string): CarriedState {
    this.#ready();
    const answered = this.#answers.get(digest);
    if (answered?.gateway === gateway) {
      return this.#reading(() => ({ state: 'answered', ...this.#folder.readAnswer(answered) }), digest);
    }
    const carried = this.#carried.get(digest);
    if (carried?.gateway === gateway) return { state: 'carried', bytes: carried.bytes };
    const part = this.#parts.get(digest);
    return part?.gateway === gateway ? { state: 'part', bytes: part.bytes } : { state: 'unknown' };
  }

  /** Its sender has the answer. */
  done(gateway: string, digest: string): void {
    this.#ready();
    const answered = this.#answers.get(digest);
    if (answered?.gateway !== gateway) return;
    this.#folder.remove(answered.path);
    this.#answers.delete(digest);
  }

  /** What lies here for a central: of each gateway and feed in its order. */
  filesFor(central: string): CarriedFile[] {
    this.#ready();
    return [...this.#carried.values()]
      .filter((file) => file.central === central)
      .sort((a, b) => keyOf(a).localeCompare(keyOf(b)) || a.from - b.from);
  }

  /** Bytes of a file for its central; none where it ends. @throws CaissonError `courier-failed` where it is not here, or cannot be read */
  async read(central: string, digest: string, offset: number, bytesMax: number): Promise<Uint8Array> {
    this.#ready();
    const { path } = this.#fileOf(central, digest);
    try {
      const file = await open(path, 'r');
      try {
        const into = new Uint8Array(Math.min(bytesMax, READ_BYTES_MAX));
        const { bytesRead } = await file.read(into, 0, into.length, offset);
        return into.subarray(0, bytesRead);
      } finally {
        await file.close();
      }
    } catch (error) {
      // Its sender is told that it is not here, and hands it over again.
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') this.#carried.delete(digest);
      this.#count('lost', `${path} cannot be read: ${messageOf(error)}`);
      throw new CaissonError('courier-failed', `${path}: ${messageOf(error)}`, { cause: error, retryable: true });
    }
  }

  /** Its central has answered: the answer is on disk before the file goes. @throws CaissonError `courier-failed` */
  answer(central: string, digest: string, answer: CarriedAnswer): void {
    this.#ready();
    const file = this.#carried.get(digest);
    if (file === undefined || file.central !== central) return;
    try {
      this.#answers.set(digest, this.#folder.keepAnswer(file.gateway, digest, answer, this.#options.utcMs()));
      this.#folder.remove(file.path);
    } catch (error) {
      throw this.#failed(error);
    }
    this.#carried.delete(digest);
    this.#passed += 1;
    if (answer.answer.length === 0) this.#count('damaged', `${file.path}: its central says ${answer.problem}`);
    const own = [...this.#answers.values()].filter(({ gateway }) => gateway === file.gateway);
    for (const oldest of own.sort(byAge).slice(0, Math.max(0, own.length - this.#options.filesPerSender))) {
      this.done(file.gateway, oldest.digest);
    }
  }

  status(): RelayStatus {
    try {
      this.#ready();
    } catch {
      // Its problem says why.
    }
    const names = [...new Set([...this.#carried.values()].map(({ central }) => central))].sort();
    const sum = (files: readonly { readonly bytes: number }[]) => files.reduce((total, { bytes }) => total + bytes, 0);
    return {
      ...{ files: this.#carried.size, bytes: this.#bytes(), bytesMax: this.#options.bytesMax },
      ...{ answers: this.#answers.size, taken: this.#taken, passed: this.#passed, refused: { ...this.#refused } },
      destinations: names.map((central) => {
        const files = [...this.#carried.values()].filter((file) => file.central === central);
        return {
          central,
          files: files.length,
          bytes: sum(files),
          oldest: Math.min(...files.map(({ sinceMs }) => sinceMs)) * 1e3,
        };
      }),
      problem: this.#problem,
    };
  }

  #offered(opening: CourierOpening): OfferedFile {
    try {
      const offered = offeredFile(opening);
      const { centrals } = this.#options;
      if (centrals === undefined || centrals.includes(offered.central)) return offered;
      this.#count('not-carried-for');
      throw new CaissonError('access-refused', `this relay does not carry for ${offered.central}`, {
        hint: `it carries for ${centrals.join(', ')}: \`relay.for\` in its config`,
      });
    } catch (error) {
      if (error instanceof CaissonError && error.code === 'courier-invalid') this.#count('invalid', error.message);
      throw error;
    }
  }

  #requireRoom({ digest, gateway, bytes }: OfferedFile): void {
    const { bytesMax, filesPerSender, freeBytes, dir } = this.#options;
    if (this.#coming.has(digest) || this.#coming.size >= TAKING_MAX) {
      throw this.#busy('busy', 'as much comes to this relay as it takes at a time', BUSY_MS);
    }
    const rest = bytes - (this.#parts.get(digest)?.bytes ?? 0);
    if (this.#bytes() + rest > bytesMax) {
      throw this.#busy(
        'full',
        `the depot of this relay has ${this.#bytes()} of ${bytesMax} bytes, no room for ${rest}`,
        FULL_MS,
      );
    }
    const own = [...this.#carried.values(), ...this.#parts.values()].filter((each) => each.gateway === gateway);
    if (own.filter((each) => each.digest !== digest).length >= filesPerSender) {
      throw this.#busy('sender-share', `${filesPerSender} files of ${gateway} lie here already`, FULL_MS);
    }
    const room = this.#onDisk(() => diskRoom(dir).freeBytes);
    if (room - rest < freeBytes) {
      throw this.#busy('disk', `the disk of the depot has ${room} bytes of room, ${freeBytes} must stay`, FULL_MS);
    }
  }

  /** Adds what comes to the part that is here. */
  async #receive({ digest, gateway, bytes, offset }: OfferedFile, pieces: AsyncIterable<Uint8Array>): Promise<void> {
    const path = this.#folder.partPath(gateway, digest);
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const file = await open(path, 'a', 0o600);
    const sinceMs = this.#options.utcMs();
    try {
      const { size } = await file.stat();
      if (size < offset) {
        throw new CaissonError('courier-failed', `${size} bytes of the file are here, it goes on at ${offset}`, {
          retryable: true,
        });
      }
      await file.truncate(offset);
      let at = offset;
      const note = () => {
        this.#parts.set(digest, { digest, gateway, path, bytes: at, sinceMs });
        this.#coming.set(digest, bytes - at);
      };
      note();
      for await (const piece of pieces) {
        if (at + piece.length > bytes)
          throw new CaissonError('courier-invalid', `more than the ${bytes} bytes that were said`);
        for (let done = 0; done < piece.length; ) done += (await file.write(piece, done)).bytesWritten;
        at += piece.length;
        note();
      }
      await file.sync();
    } finally {
      await file.close();
    }
  }

  async #requireWhole(offered: OfferedFile): Promise<void> {
    const { digest, gateway, bytes } = offered;
    const path = this.#folder.partPath(gateway, digest);
    const { size } = await stat(path);
    if (size < bytes) {
      throw new CaissonError('courier-failed', `${size} of ${bytes} bytes of the file came`, { retryable: true });
    }
    try {
      if ((await digestOf(path)) !== digest)
        throw new CaissonError('courier-invalid', 'its bytes are not those of its digest');
      requireSaid(offered, framed(path, bytes));
    } catch (error) {
      if (!(error instanceof CaissonError)) throw error;
      this.#folder.remove(path);
      this.#parts.delete(digest);
      this.#count(
        'invalid',
        `a courier file of ${gateway} for ${offered.central} was handed over damaged: ${error.message}`,
      );
      throw error;
    }
  }

  #fileOf(central: string, digest: string): CarriedFile {
    const file = this.#carried.get(digest);
    if (file !== undefined && file.central === central) return file;
    throw new CaissonError('courier-failed', `no file ${digest} lies here for ${central}`);
  }

  /** Looks at what is there, once the folder can be opened; and at what is too old. */
  #ready(): void {
    if (!this.#isLoaded) {
      this.#onDisk(() => {
        this.#folder.open();
        for (const each of this.#folder.parts()) this.#parts.set(each.digest, each);
        for (const each of this.#folder.answers()) this.#answers.set(each.digest, each);
        for (const file of this.#folder.carried()) {
          // Answered, and killed before it went.
          if (this.#answers.has(file.digest)) this.#folder.remove(file.path);
          else this.#carried.set(file.digest, file);
        }
      });
      this.#isLoaded = true;
    }
    const { utcMs, keepMs } = this.#options;
    if (Math.abs(utcMs() - this.#prunedMs) < PRUNE_MS) return;
    this.#prunedMs = utcMs();
    for (const map of [this.#carried, this.#parts, this.#answers]) {
      for (const { digest, path, sinceMs, gateway } of map.values()) {
        if (this.#prunedMs - sinceMs < keepMs || this.#coming.has(digest)) continue;
        this.#onDisk(() => this.#folder.remove(path));
        map.delete(digest);
        this.#count('expired', `what lay here of ${gateway} was too old and is gone: ${path}`);
      }
    }
  }

  #onDisk<Result>(work: () => Result): Result {
    try {
      const result = work();
      this.#problem = '';
      return result;
    } catch (error) {
      throw this.#failed(error);
    }
  }

  #reading<Result>(work: () => Result, digest: string): Result {
    try {
      return work();
    } catch (error) {
      this.#answers.delete(digest);
      this.#count('lost', `an answer cannot be read: ${messageOf(error)}`);
      throw new CaissonError('courier-failed', messageOf(error), { cause: error, retryable: true });
    }
  }

  /** What the disk or the other end did, in words. */
  #failed(error: unknown): CaissonError {
    if (error instanceof CaissonError) return error;
    const text = messageOf(error);
    const isOwn = typeof (error as NodeJS.ErrnoException).syscall === 'string';
    if (!isOwn)
      return new CaissonError('courier-failed', `the file did not come whole: ${text}`, {
        cause: error,
        retryable: true,
      });
    this.#problem = `${this.#options.dir}: ${text}`;
    if (isFull(error)) return this.#busy('disk', this.#problem, FULL_MS);
    return new CaissonError('courier-failed', `the depot of this relay fails: ${this.#problem}`, {
      cause: error,
      retryable: true,
    });
  }

  #busy(reason: Reason, message: string, retryAfterMs: number): CaissonError {
    this.#count(reason);
    return new CaissonError('server-busy', message, { retryAfterMs });
  }

  #count(reason: Reason, problem?: string): void {
    this.#refused[reason] = (this.#refused[reason] ?? 0) + 1;
    if (problem !== undefined) this.#options.onProblem(`relay: ${problem}`);
  }

  /** With what is still to come of what comes now. */
  #bytes(): number {
    let total = 0;
    for (const map of [this.#carried, this.#parts, this.#answers]) for (const { bytes } of map.values()) total += bytes;
    for (const bytes of this.#coming.values()) total += bytes;
    return total;
  }
}

function keyOf({ gateway, feed }: CarriedFile): string {
  return `${gateway} ${feed}`;
}

function byAge(a: HeldBeside, b: HeldBeside): number {
  return a.sinceMs - b.sinceMs;
}

function framed(path: string, bytes: number) {
  const file = openSync(path, 'r');
  try {
    return checkFraming((at, length) => {
      const into = new Uint8Array(length);
      return into.subarray(0, readSync(file, into, 0, length, at));
    }, bytes);
  } finally {
    closeSync(file);
  }
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of createReadStream(path)) hash.update(piece as Uint8Array);
  return hash.digest('hex');
}

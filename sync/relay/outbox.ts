import { Buffer } from 'node:buffer';
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { writeWhole } from '../../gateway/durable-files.ts';
import { CaissonError, messageOf } from '../../gateway/errors.ts';
import { PART, parseCourierName } from '../courier/courier-files.ts';
import type { WrittenFile } from '../courier/courier-writer.ts';
import type { CarriedRequest } from '../receipts/receipt-desk.ts';

const RECORD = '.json';
const PLACE = 'place.json';

/** Nobody but this box may open the answers. */
const MODE = 0o600;

/** A file that was written for a relay, and not answered yet. */
export interface SentFile {
  /** As COURIER-5 has it. */
  readonly name: string;
  readonly digest: Buffer;
  readonly answerKey: Uint8Array;
  readonly feed: string;
  /** The last boot of the feed up to `to`. */
  readonly boot: string;
  readonly from: number;
  readonly to: number;
  readonly bytes: number;
  readonly isPartial: boolean;
  /** Up to where it asks for receipts. */
  readonly askedTo: number;
  readonly requests: readonly CarriedRequest[];
  /** UTC, milliseconds. */
  readonly writtenMs: number;
  /** True: the relay has it, and its bytes are no longer here. */
  readonly isHanded: boolean;
}

/** Where to go on when no file waits for an answer. */
export interface HandedPlace {
  readonly feed: string;
  readonly boot: string;
  readonly to: number;
  /** How far the central had the feed by all that was known when this was found: a later word counts more. */
  readonly confirmed: number;
}

/**
 * What a gateway must know of the files that it hands over, in a folder: the files until the relay has them, and for each until its answer
 * came the key that opens that, and what receipts must say. Calls throw what the file system throws.
 */
export class Outbox {
  readonly dir: string;
  readonly #files = new Map<string, SentFile>();
  #place: HandedPlace | undefined;

  /** @throws CaissonError `courier-failed` where the folder cannot be used */
  constructor(dir: string) {
    this.dir = dir;
    try {
      mkdirSync(dir, { recursive: true, mode: 0o700 });
      const names = new Set(readdirSync(dir));
      for (const name of names) {
        if (name.endsWith(PART)) rmSync(join(dir, name), { force: true });
        else if (name === PLACE) this.#place = JSON.parse(readFileSync(join(dir, name), 'utf8')) as HandedPlace;
        else if (name.endsWith(RECORD)) this.#take(decodeFile(readFileSync(join(dir, name), 'utf8')), names);
      }
      // Written, and killed before anything was known of it.
      for (const name of names) if (this.#named(name) === undefined) rmSync(join(dir, name), { force: true });
    } catch (cause) {
      throw new CaissonError('courier-failed', `${dir}: ${messageOf(cause)}`, { cause, retryable: true });
    }
  }

  /** In the order of the feed. */
  get files(): SentFile[] {
    return [...this.#files.values()].sort((a, b) => a.from - b.from || a.writtenMs - b.writtenMs);
  }

  get place(): HandedPlace | undefined {
    return this.#place;
  }

  path({ name }: SentFile): string {
    return join(this.dir, name);
  }

  /** Takes note of a file that was written here. */
  add(
    { name, digest, answerKey, from, to, bytes }: WrittenFile,
    more: Pick<SentFile, 'feed' | 'boot' | 'isPartial' | 'askedTo' | 'requests' | 'writtenMs'>,
  ): SentFile {
    const file = { name, digest, answerKey, from, to, bytes, ...more, isHanded: false };
    this.#keep(file);
    return file;
  }

  /** The relay has it. */
  handed(file: SentFile): void {
    this.#keep({ ...file, isHanded: true });
    rmSync(this.path(file), { force: true });
  }

  /** Nothing more is to be done for a file. */
  drop(file: SentFile): void {
    rmSync(this.#recordPath(file), { force: true });
    rmSync(this.path(file), { force: true });
    this.#files.delete(keyOf(file));
  }

  keepPlace(place: HandedPlace): void {
    this.#place = place;
    writeWhole(join(this.dir, PLACE), JSON.stringify(place), MODE);
  }

  #take(file: SentFile, names: ReadonlySet<string>): void {
    if (file.isHanded || names.has(file.name)) this.#files.set(keyOf(file), file);
  }

  #named(name: string): SentFile | true | undefined {
    if (name === PLACE) return true;
    const isFile = parseCourierName(name) !== undefined;
    return [...this.#files.values()].find((file) =>
      isFile ? !file.isHanded && file.name === name : `${keyOf(file)}${RECORD}` === name,
    );
  }

  #keep(file: SentFile): void {
    this.#files.set(keyOf(file), file);
    writeWhole(this.#recordPath(file), encodeFile(file), MODE);
  }

  #recordPath(file: SentFile): string {
    return join(this.dir, `${keyOf(file)}${RECORD}`);
  }
}

function keyOf({ digest }: SentFile): string {
  return digest.toString('hex');
}

const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64');
const ofBase64 = (text: string) => Buffer.from(text, 'base64');

/** As JSON has it. */
interface FileRecord extends Omit<SentFile, 'digest' | 'answerKey' | 'requests'> {
  readonly digest: string;
  readonly answerKey: string;
  readonly requests: readonly { readonly bytes: string; readonly digests: readonly string[]; readonly to: number }[];
}

function encodeFile({ digest, answerKey, requests, ...file }: SentFile): string {
  const record: FileRecord = {
    ...file,
    ...{ digest: base64(digest), answerKey: base64(answerKey) },
    requests: requests.map(({ bytes, digests, to }) => ({ bytes: base64(bytes), digests: digests.map(base64), to })),
  };
  return JSON.stringify(record);
}

function decodeFile(text: string): SentFile {
  const { digest, answerKey, requests, ...file } = JSON.parse(text) as FileRecord;
  return {
    ...file,
    ...{ digest: ofBase64(digest), answerKey: ofBase64(answerKey) },
    requests: requests.map(({ bytes, digests, to }) => ({
      ...{ bytes: ofBase64(bytes), digests: digests.map(ofBase64), to },
    })),
  };
}

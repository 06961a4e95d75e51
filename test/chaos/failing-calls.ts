import { Buffer } from 'node:buffer';
import { execFileSync } from 'node:child_process';
import { closeSync, openSync, readSync, writeFileSync, writeSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { PROJECT_ROOT } from '../data-dir.ts';

/** What a call of the operating system fails with. */
export type Fault = 'ENOSPC' | 'EIO';

/** 64-bit words of struct control in fault-shim.c. */
const COUNT = 0;
const FIRST = 1;
const LAST = 2;
const ERROR = 3;
const FAILED = 4;
const WORDS = 5;

const FOLDER_VARIABLE = 'CAISSON_FAULT_FOLDER';
const CONTROL_VARIABLE = 'CAISSON_FAULT_CONTROL';

/**
 * Compiles the library that makes calls fail, and gives the environment of a process that it is preloaded into.
 *
 * @param workFolder for the library and its control file
 * @param folder whose files' calls are counted and made to fail
 */
export function faultEnvironment(workFolder: string, folder: string): Record<string, string> {
  const library = join(workFolder, 'fault-shim.so');
  const source = join(PROJECT_ROOT, 'test/chaos/fault-shim.c');
  execFileSync('cc', ['-shared', '-fPIC', '-O1', '-Wall', '-Wextra', '-Werror', '-o', library, source, '-ldl']);
  const control = join(workFolder, 'fault-control');
  writeFileSync(control, Buffer.alloc(WORDS * 8));
  return { LD_PRELOAD: library, [CONTROL_VARIABLE]: control, [FOLDER_VARIABLE]: folder };
}

/** The faults of this process, in which the library is preloaded. */
export class FailingCalls {
  /** Folder whose files' calls are counted and made to fail. */
  readonly folder: string;
  readonly #control: number;

  private constructor(folder: string, control: number) {
    this.folder = folder;
    this.#control = control;
  }

  static ofThisProcess(): FailingCalls {
    const { [FOLDER_VARIABLE]: folder, [CONTROL_VARIABLE]: control } = process.env;
    if (folder === undefined || control === undefined) throw new Error('started without faultEnvironment');
    return new FailingCalls(folder, openSync(control, 'r+'));
  }

  /** Calls that could fail, since {@link FailingCalls.arm}. */
  get count(): number {
    return this.#read(COUNT);
  }

  /** Calls that were made to fail since then. */
  get failed(): number {
    return this.#read(FAILED);
  }

  /** From now on call number `first` fails, and those up to number `last`; the next call is number 1. */
  arm(fault: Fault, first: number, last: number): void {
    this.disarm();
    this.#write(ERROR, constants.errno[fault]);
    this.#write(LAST, last);
    this.#write(FAILED, 0);
    this.#write(COUNT, 0);
    this.#write(FIRST, first);
  }

  /** Nothing fails from now on. */
  disarm(): void {
    this.#write(FIRST, 0);
  }

  close(): void {
    this.disarm();
    closeSync(this.#control);
  }

  #read(word: number): number {
    const bytes = Buffer.alloc(8);
    readSync(this.#control, bytes, 0, 8, word * 8);
    return Number(bytes.readBigUInt64LE());
  }

  #write(word: number, value: number): void {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(BigInt(value));
    writeSync(this.#control, bytes, 0, 8, word * 8);
  }
}

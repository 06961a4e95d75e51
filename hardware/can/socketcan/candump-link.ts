import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import type { ReasonCounts } from '../can-bus.ts';
import { FrameBatch } from '../can-frame.ts';
import type { InterfaceNames } from '../interface-names.ts';
import { CandumpStream } from './candump-stream.ts';
import { type FrameLink, type FrameLinkEvents, linuxFilter, type SocketcanSettings } from './frame-link.ts';

/** Frames handed on at once; more of one read follow in further calls. */
const BATCH_FRAMES = 256;

/** What is kept of what candump says on stderr, characters. */
const COMPLAINT_MAX = 400;

/** All classes of error frames. */
const EVERY_ERROR = '#FFFFFFFF';

/** candump is not installed on this machine. */
export class NoCandump extends Error {}

/**
 * Reads an interface through candump, a process beside: it has what an npm package of SocketCAN lacks, which is the
 * kernel's count of dropped frames, the size of the receive buffer, and the flags of CAN FD frames.
 */
export class CandumpLink implements FrameLink {
  readonly #child: ChildProcessByStdio<null, Readable, Readable>;
  readonly #closed: Promise<void>;
  #isClosing = false;

  /** Resolves when candump runs. Rejects with {@link NoCandump} where there is none. */
  static async open(
    settings: SocketcanSettings,
    interfaces: InterfaceNames,
    errors: ReasonCounts,
    events: FrameLinkEvents,
  ): Promise<FrameLink> {
    const child = spawn('candump', candumpArguments(settings), { stdio: ['ignore', 'pipe', 'pipe'] });
    const link = new CandumpLink(child, interfaces, errors, events);
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', (error: NodeJS.ErrnoException) => {
        reject(error.code === 'ENOENT' ? new NoCandump('candump is not installed') : error);
      });
    });
    return link;
  }

  private constructor(
    child: ChildProcessByStdio<null, Readable, Readable>,
    interfaces: InterfaceNames,
    errors: ReasonCounts,
    events: FrameLinkEvents,
  ) {
    this.#child = child;
    const stream = new CandumpStream(interfaces, errors, (frames) => events.dropped(frames));
    const batch = new FrameBatch(BATCH_FRAMES);
    child.stdout.on('data', (bytes: Uint8Array) => {
      for (let at = 0; at < bytes.length && !this.#isClosing; ) {
        batch.clear();
        at = stream.decode(bytes, at, batch);
        if (batch.count > 0) events.frames(batch, 0, batch.count);
      }
    });
    let complaint = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      complaint = (complaint + text).slice(-COMPLAINT_MAX);
    });
    this.#closed = new Promise((resolve) => {
      child.once('close', (code, signal) => {
        resolve();
        if (this.#isClosing || child.pid === undefined) return;
        const last = complaint.trimEnd().split('\n').at(-1) ?? '';
        events.lost(`candump ended: ${last === '' ? (signal ?? `exit code ${code}`) : last}`);
      });
    });
  }

  close(): Promise<void> {
    this.#isClosing = true;
    // It holds nothing that a kinder end would save, and may be stuck in writing to the pipe.
    this.#child.kill('SIGKILL');
    return this.#closed;
  }
}

/** What candump is started with; interfaces whose names would be options or filters are refused by the config. */
export function candumpArguments({ name, filters, receiveBufferBytes }: SocketcanSettings): string[] {
  const wanted = filters === undefined ? ['0:0'] : filters.map(candumpFilter);
  return ['-L', '-d', '-r', String(receiveBufferBytes), [name, ...wanted, EVERY_ERROR].join(',')];
}

/** Identifiers of 29 bits have eight digits and the flag, which is what every version of candump understands. */
function candumpFilter(filter: Parameters<typeof linuxFilter>[0]): string {
  const { id, mask } = linuxFilter(filter);
  const digits = filter.extended === true ? 8 : 3;
  return `${id.toString(16).padStart(digits, '0')}:${mask.toString(16)}`;
}

import { open } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { readPieces } from '../../serial/log-port.ts';
import type { FrameBatch } from '../can-frame.ts';
import { ascLines } from './asc-log.ts';
import { BlfLog } from './blf-log.ts';
import { candumpLines } from './candump-log.ts';
import type { CanRecording, FrameDecoder, RecordingContext } from './frame-decoder.ts';
import { LineFrames } from './line-frames.ts';
import { openMf4 } from './mf4/mf4-recording.ts';
import { PcapLog } from './pcap-log.ts';
import { PcapngLog } from './pcapng-log.ts';
import { HEAD_BYTES, type RecordingFormat, recordingFormat } from './recording-format.ts';
import { trcLines } from './trc-log.ts';

/** Why a file is no recording of CAN frames: nothing that trying again could change. */
export class NoRecordingError extends Error {}

type StreamedFormat = Exclude<RecordingFormat, 'mf4'>;

const DECODERS: Readonly<Record<StreamedFormat, (context: RecordingContext) => FrameDecoder>> = {
  asc: (context) => new LineFrames(ascLines(context), context.errors),
  blf: (context) => new BlfLog(context),
  candump: (context) => new LineFrames(candumpLines(context), context.errors),
  pcap: (context) => new PcapLog(context),
  pcapng: (context) => new PcapngLog(context),
  trc: (context) => new LineFrames(trcLines(context), context.errors),
};

/** The decoder of a format that is read from front to back. */
export function decoderOf(format: StreamedFormat, context: RecordingContext): FrameDecoder {
  return DECODERS[format](context);
}

/**
 * Opens a recording, packed with gzip or not. Its format is told by its content.
 * @throws NoRecordingError where it is none; other errors where it cannot be opened
 */
export async function openCanRecording(path: string, context: RecordingContext): Promise<CanRecording> {
  const { head, isPacked } = await readHead(path);
  const format = recordingFormat(head);
  if (format === undefined) {
    throw new NoRecordingError('no recording of CAN frames: expected candump, ASC, BLF, TRC, pcap, pcapng or MF4');
  }
  if (format !== 'mf4') return new StreamedRecording(await readPieces(path), decoderOf(format, context));
  try {
    return await openMf4(path, isPacked, context);
  } catch (error) {
    throw new NoRecordingError(error instanceof Error ? error.message : String(error));
  }
}

class StreamedRecording implements CanRecording {
  readonly #stream: Readable;
  readonly #pieces: AsyncIterator<Uint8Array>;
  readonly #decoder: FrameDecoder;
  #hasEnded = false;

  constructor(stream: Readable, decoder: FrameDecoder) {
    this.#stream = stream;
    this.#pieces = stream[Symbol.asyncIterator]();
    this.#decoder = decoder;
  }

  async read(batch: FrameBatch): Promise<boolean> {
    for (;;) {
      const isFull = this.#decoder.read(batch);
      if (isFull || batch.count > 0 || this.#hasEnded) return batch.count > 0;
      const piece = await this.#pieces.next();
      if (piece.done === true) this.#end();
      else this.#decoder.feed(piece.value);
    }
  }

  async close(): Promise<void> {
    this.#stream.destroy();
    await finished(this.#stream).catch(() => {});
  }

  #end(): void {
    this.#hasEnded = true;
    this.#decoder.end();
  }
}

/** First bytes of a file, unpacked. */
async function readHead(path: string): Promise<{ head: Uint8Array; isPacked: boolean }> {
  const mark = await firstBytes(path, 2);
  const isPacked = mark[0] === 0x1f && mark[1] === 0x8b;
  if (!isPacked) return { head: await firstBytes(path, HEAD_BYTES), isPacked };
  const stream = await readPieces(path);
  try {
    for await (const piece of stream) return { head: (piece as Uint8Array).subarray(0, HEAD_BYTES), isPacked };
  } catch {
    // What is damaged from its first byte on is told when it is read.
  }
  return { head: new Uint8Array(0), isPacked };
}

async function firstBytes(path: string, count: number): Promise<Uint8Array> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(new Uint8Array(count), 0, count, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

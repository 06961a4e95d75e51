import type { HttpResponse } from 'uWebSockets.js';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { constants, createGzip } from 'node:zlib';
import { CaissonError } from '../../../gateway/errors.ts';
import { isFull } from '../../../gateway/query/coverage/coverage.ts';
import { requireVersion } from '../../../gateway/query/require-version.ts';
import type { AskedTelemetry } from '../../../gateway/query/telemetry.ts';
import { writtenTable } from '../../../gateway/table/column-table.ts';
import { sampleTable, withCoverage } from '../../../gateway/table/sample-table.ts';
import { TABLE_FORMATS } from '../../../gateway/table/table-formats.ts';
import type { DataRequest } from './data-request.ts';
import { ResponseStream } from './response-stream.ts';

/** Answers under way at the same time. Beyond: refused, to be tried again. */
export const DATA_STREAMS_MAX = 4;

/** What the answer to a request for data needs of the server. */
export interface DataHead {
  readonly mediaType: string;
  readonly fileName: string;
  readonly isGzip: boolean;
  /** True where nothing lacks of what was taken in. */
  readonly isComplete: boolean;
  /** The range that was answered, UTC in microseconds. */
  readonly from: number;
  readonly to: number;
}

/** Streams of samples over HTTP: read from the store no faster than their readers take them, a few at a time. */
export class DataStreams {
  readonly #telemetry: AskedTelemetry;
  readonly #open = new Set<ResponseStream>();

  constructor(telemetry: AskedTelemetry) {
    this.#telemetry = telemetry;
  }

  /** Breaks off every stream. */
  stop(): void {
    for (const stream of this.#open) stream.breakOff();
  }

  /**
   * Answers with a table.
   *
   * @param isHead only status and headers are wanted: no sample is read
   * @param acceptsGzip the reader takes gzip; a format that compresses by itself goes as it is
   * @param begin writes status and headers
   * @param refuse writes the whole answer where there is no table; what fails later breaks off the body
   */
  async answer(
    response: HttpResponse,
    request: () => DataRequest,
    { isHead, acceptsGzip }: { readonly isHead: boolean; readonly acceptsGzip: boolean },
    begin: (response: HttpResponse, head: DataHead) => void,
    refuse: (response: HttpResponse, error: unknown) => void,
  ): Promise<void> {
    const stream = new ResponseStream(response);
    let hasBegun = false;
    try {
      if (this.#open.size >= DATA_STREAMS_MAX) {
        throw new CaissonError(
          'query-limit',
          `${DATA_STREAMS_MAX} requests for data are answered, no more may at a time`,
          {
            hint: 'try again when one of them has ended',
            retryable: true,
          },
        );
      }
      this.#open.add(stream);
      const { format, channels, gateway, ...range } = request();
      const { open, mediaType, extension, isCompressed } = TABLE_FORMATS[format];
      const found = await Promise.all(channels.map(async (name) => this.#telemetry.channel(name, gateway)));
      if (range.version !== undefined) requireVersion(found, range.version, await this.#telemetry.versions());
      const query = await withCoverage(this.#telemetry, { ...range, channels: found });
      const isComplete = query.coverage.every(isFull);
      const table = sampleTable(this.#telemetry, query);
      const isGzip = acceptsGzip && !isCompressed;
      const { from, to } = query;
      const head = { mediaType, isGzip, isComplete, from, to, fileName: `samples.${extension}` };
      if (isHead) {
        stream.endWithoutBody((corked) => begin(corked, head));
        return;
      }
      const pieces = writtenTable(table, await open(table));
      stream.corked((corked) => begin(corked, head));
      hasBegun = true;
      await send(stream, pieces, isGzip);
      stream.end();
    } catch (error) {
      if (hasBegun) stream.breakOff();
      else stream.corked((corked) => refuse(corked, error));
    } finally {
      this.#open.delete(stream);
    }
  }
}

async function send(stream: ResponseStream, pieces: AsyncIterable<Uint8Array>, isGzip: boolean): Promise<void> {
  const taken = async (source: AsyncIterable<Uint8Array>) => {
    for await (const piece of source) {
      if (!(await stream.send(piece))) return;
    }
  };
  if (!isGzip) return taken(pieces);
  // Fast rather than small: the gateway has other things to do.
  const gzip = createGzip({ level: constants.Z_BEST_SPEED });
  await pipeline(Readable.from(pieces, { objectMode: true, highWaterMark: 1 }), gzip, taken);
}

import { Buffer } from 'node:buffer';
import { AsyncByteQueue, type RecordBatch, RecordBatchStreamWriter, type Schema } from 'apache-arrow';

/** The IPC stream of a schema and its record batches; each method returns the bytes that it adds. */
export class ArrowStream {
  readonly schema: Schema;
  readonly #sink = new ByteCollector();
  readonly #writer = new RecordBatchStreamWriter();

  constructor(schema: Schema) {
    this.schema = schema;
  }

  begin(): Uint8Array {
    this.#writer.reset(this.#sink, this.schema);
    return this.#sink.take();
  }

  /** What is added begins with dictionaries that were not written yet. */
  write(batch: RecordBatch): Uint8Array {
    this.#writer.write(batch);
    return this.#sink.take();
  }

  end(): Uint8Array {
    this.#writer.finish();
    return this.#sink.take();
  }
}

/** What the library writes, until it is taken. */
class ByteCollector extends AsyncByteQueue {
  #chunks: Uint8Array[] = [];

  override write(chunk: Parameters<AsyncByteQueue['write']>[0]): void {
    if (chunk instanceof Uint8Array) this.#chunks.push(chunk);
  }

  take(): Uint8Array {
    const bytes = Buffer.concat(this.#chunks);
    this.#chunks = [];
    return bytes;
  }
}

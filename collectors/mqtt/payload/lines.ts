import type { Buffer } from 'node:buffer';
import { LineBody } from '../../line-protocol/line-body.ts';
import { faultText, LINE_REASONS } from '../../line-protocol/line-fault.ts';
import type { LineReader } from '../../line-protocol/line-reader.ts';
import type { Precision } from '../../line-protocol/precision.ts';
import type { SampleBatch } from '../../payload/sample-batch.ts';

/**
 * Reads the lines of a payload. Bad lines are faults of the batch, the good ones are kept.
 * @throws PayloadError `too-many-samples`
 */
export function readLines(payload: Buffer, reader: LineReader, precision: Precision, batch: SampleBatch): void {
  const body = new LineBody(precision);
  reader.read(payload, true, body, batch);
  for (const [reason, lines] of body.faultCounts) {
    const first = body.faults.find((fault) => fault.reason === reason);
    batch.fault(reason, first === undefined ? LINE_REASONS[reason] : faultText(first), lines);
  }
}

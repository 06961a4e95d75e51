/** Why a payload could not be turned into samples. Each is a counter in the collector's health and a row of its README. */
export const PAYLOAD_REASONS = {
  'empty-payload': 'the payload has no bytes',
  'payload-unrecognised': 'the payload is neither a packed frame, tagged CBOR, JSON, a number, a boolean nor text',
  'json-invalid': 'the payload is not valid JSON',
  'cbor-invalid': 'the payload is not one valid CBOR value',
  'msgpack-invalid': 'the payload is not one valid MessagePack value',
  'too-deep': 'objects, maps or arrays nest deeper than the limit',
  'number-invalid': 'the payload is not one decimal number',
  'no-samples': 'the payload holds no value that could be a sample',
  'too-many-samples': 'the payload holds more samples than one message may',
  'time-missing': 'the field that should carry the time of the samples is not there',
  'time-invalid': 'the field that should carry the time of the samples is no time in its unit',
  'packed-invalid': 'the bytes are not a valid packed frame; details name the clause',
  'sparkplug-invalid': 'the payload is no Sparkplug B message that may stand there; details name what',
  'sparkplug-unborn': 'data of a Sparkplug node or device whose birth was not met; its births are asked for',
  'sparkplug-repeat': 'a Sparkplug message with the sequence number of the one before',
  'sparkplug-sequence': 'Sparkplug messages are missing before this one; the births are asked for',
  'sparkplug-metric': 'a Sparkplug metric that no birth declared; the births are asked for',
  'sparkplug-kind': 'a Sparkplug data set, template or extension, which are not taken',
  'sparkplug-full': 'more Sparkplug nodes, or metrics of one, than may be',
} as const;

export type PayloadReason = keyof typeof PAYLOAD_REASONS;

/** Bad input: the message is counted under its reason and skipped. */
export class PayloadError extends Error {
  readonly reason: PayloadReason;

  /** @param detail what was met and what was expected; for packed frames it starts with the clause */
  constructor(reason: PayloadReason, detail: string = PAYLOAD_REASONS[reason]) {
    super(detail);
    this.name = 'PayloadError';
    this.reason = reason;
  }
}

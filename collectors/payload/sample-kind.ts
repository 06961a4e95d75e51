/** What a value was in the payload; also what its channel becomes when it is new. */
export const KIND_NUMBER = 0;
export const KIND_BOOL = 1;
export const KIND_TEXT = 2;
export type SampleKind = typeof KIND_NUMBER | typeof KIND_BOOL | typeof KIND_TEXT;

/** The kind that a number out of a column of kinds stands for. */
export function sampleKind(kind: number): SampleKind {
  return kind === KIND_TEXT ? KIND_TEXT : kind === KIND_BOOL ? KIND_BOOL : KIND_NUMBER;
}

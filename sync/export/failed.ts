import { CaissonError, messageOf } from '../../gateway/errors.ts';

/** What a file system refused, as a failed export that may succeed later. */
export function failed(cause: unknown): CaissonError {
  return new CaissonError('export-failed', messageOf(cause), { cause, retryable: true });
}

/** @throws CaissonError `export-failed` */
export function attempt<Result>(work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    throw failed(error);
  }
}

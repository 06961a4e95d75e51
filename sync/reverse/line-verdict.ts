import type { Duplex } from 'node:stream';
import { CaissonError, type ErrorCode } from '../../gateway/errors.ts';

/** Bytes of a verdict. Longer: none. */
const VERDICT_BYTES_MAX = 4096;

/** How long a central may take to say it, milliseconds. */
const VERDICT_MS = 10_000;

/**
 * What a central says first on a line that is handed to it, as one line of JSON: that it takes it, or why not. From then on it is
 * the client of HTTP/2 there.
 */
export type LineVerdict =
  | { readonly taken: true }
  | { readonly taken: false; readonly code: ErrorCode; readonly message: string; readonly hint?: string };

export function writeVerdict(line: Duplex, verdict: LineVerdict): void {
  line.write(`${JSON.stringify(verdict)}\n`);
}

/**
 * Waits for the verdict and takes no byte behind it.
 * @throws CaissonError what a central that does not take the line says, `central-unreachable`, `peer-invalid`
 */
export async function readVerdict(line: Duplex, where: string): Promise<void> {
  const text = await firstLine(line, where);
  let verdict: LineVerdict;
  try {
    verdict = JSON.parse(text) as LineVerdict;
  } catch (cause) {
    throw new CaissonError('peer-invalid', `${where} does not speak as one that takes lines`, { cause });
  }
  if (verdict.taken === true) return;
  const { message, hint, code } = verdict;
  throw new CaissonError(code === 'peer-untrusted' ? code : 'access-refused', String(message), {
    retryable: true,
    ...(hint !== undefined && { hint: String(hint) }),
  });
}

function firstLine(line: Duplex, where: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const bytes: Buffer[] = [];
    const end = (error?: CaissonError) => {
      clearTimeout(timer);
      line.off('readable', onReadable);
      line.off('close', onClose);
      if (error === undefined) resolve(Buffer.concat(bytes).toString());
      else reject(error);
    };
    const unreachable = (problem: string) =>
      end(new CaissonError('central-unreachable', `${where}: ${problem}`, { retryable: true }));
    const onClose = () => unreachable('the line was closed before central took it');
    const onReadable = () => {
      for (let byte = line.read(1) as Buffer | null; byte !== null; byte = line.read(1) as Buffer | null) {
        if (byte[0] === 0x0a) return end();
        if (bytes.push(byte) >= VERDICT_BYTES_MAX) {
          return end(new CaissonError('peer-invalid', `${where} says more than whether it takes the line`));
        }
      }
    };
    const timer = setTimeout(() => unreachable(`no answer in ${VERDICT_MS / 1e3} s`), VERDICT_MS);
    line.once('close', onClose);
    line.on('readable', onReadable);
    onReadable();
  });
}

import { CaissonError } from '../../gateway/errors.ts';
import { Pack } from '../../gateway/store/pack/pack.ts';
import type { NumberedSamples } from './held-numbers.ts';

/** The samples of every block of a pack; undefined where it is damaged, which whoever gets it in its turn finds out. */
export function samplesIn({ bytes }: { readonly bytes: Uint8Array }): NumberedSamples[] | undefined {
  try {
    const { header, blocks } = Pack.open(bytes);
    const { gateway, boot } = header;
    return blocks.map(({ channel, firstSequence: first, count }) => {
      return { gateway, boot, channel, first, end: first + count };
    });
  } catch (error) {
    if (error instanceof CaissonError) return undefined;
    throw error;
  }
}

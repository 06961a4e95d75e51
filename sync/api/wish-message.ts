import type { Wish } from '../fidelity/ahead-source.ts';
import type { TransferWishMessage } from './transfer-messages.ts';

export function encodeWish({ past, ...wish }: Wish): TransferWishMessage {
  return { ...wish, past: past === undefined ? null : { held: past } };
}

export function decodeWish({ past, ...wish }: TransferWishMessage): Wish {
  return past === null ? wish : { ...wish, past: past.held };
}

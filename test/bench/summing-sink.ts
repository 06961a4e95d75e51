import type { RingSink } from '../../gateway/ring.ts';

/** Looks at every column of every sample and keeps nothing. */
export class SummingSink implements RingSink {
  count = 0;
  sum = 0;

  sample(channel: number, time: number, value: number): void {
    this.count += 1;
    this.sum += channel + time + value;
  }

  text(): void {
    throw new Error('a text where only numbers were written');
  }

  loss(): void {
    throw new Error('a loss where none was written');
  }

  receipt(): void {
    throw new Error('a receipt where none was written');
  }
}

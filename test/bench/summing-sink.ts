import type { RingSink, SampleColumns } from '../../gateway/ring.ts';

/** Looks at every column of every sample and keeps nothing. */
export class SummingSink implements RingSink {
  count = 0;
  sum = 0;

  stretch({ channels, times, values }: SampleColumns, from: number, to: number): void {
    this.count += to - from;
    for (let i = from; i < to; i += 1) {
      this.sum += (channels[i] as number) + (times[i] as number) + (values[i] as number);
    }
  }

  run(): void {
    throw new Error('a run where only single samples were written');
  }

  text(channel: number, time: number, text: string): void {
    this.count += 1;
    this.sum += channel + time + text.length;
  }

  loss(): void {
    throw new Error('a loss where none was written');
  }

  receipt(): void {
    throw new Error('a receipt where none was written');
  }
}

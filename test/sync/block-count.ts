import { BlockReader } from '../../gateway/store/block-reader.ts';
import { storePaths } from '../../gateway/store/store-dir.ts';

/** How many blocks a store has that another process fills: each is counted once, so that asking again costs next to nothing. */
export class BlockCount {
  readonly #db: BlockReader;
  #position = 0;
  #count = 0;

  constructor(dir: string) {
    this.#db = BlockReader.openReadonly(storePaths(dir).blocks);
  }

  now(): number {
    const blocks = this.#db.blocksAfter(this.#position);
    this.#position = blocks.at(-1)?.position ?? this.#position;
    this.#count += blocks.length;
    return this.#count;
  }

  close(): void {
    this.#db.close();
  }
}

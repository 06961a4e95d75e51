import { INTERFACES_MAX } from './can-frame.ts';

/** Names of the interfaces that a bus or recording has, in the order in which they were met; frames index into them. */
export class InterfaceNames {
  readonly names: string[] = [];
  readonly #byNumber = new Map<number, number>();

  /** Index of a name, added if it is new; -1 where there are as many as can be told apart. */
  indexOf(name: string): number {
    const known = this.names.indexOf(name);
    if (known >= 0) return known;
    return this.names.length === INTERFACES_MAX ? -1 : this.names.push(name) - 1;
  }

  /** Index of an interface that a recording only numbers: 1 is `can1`. */
  numbered(number: number): number {
    let index = this.#byNumber.get(number);
    if (index === undefined) {
      index = this.indexOf(`can${number}`);
      if (index >= 0) this.#byNumber.set(number, index);
    }
    return index;
  }
}

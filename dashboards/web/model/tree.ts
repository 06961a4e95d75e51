import { fuzzyScore, searchWords } from './fuzzy.ts';

/** One line of the channel tree. */
export type TreeRow = GroupRow | ChannelRow;

export interface GroupRow {
  readonly kind: 'group';
  /** Path of the group; its key. */
  readonly path: string;
  readonly label: string;
  readonly depth: number;
  readonly channels: number;
  readonly isOpen: boolean;
}

export interface ChannelRow {
  readonly kind: 'channel';
  readonly id: number;
  readonly path: string;
  readonly label: string;
  readonly depth: number;
}

/** A channel by its path; a path is unique. */
export interface Leaf {
  readonly id: number;
  readonly path: string;
}

interface Group {
  readonly path: string;
  readonly label: string;
  readonly groups: Map<string, Group>;
  readonly leaves: Leaf[];
  channels: number;
}

const inOrder = new Intl.Collator('en', { numeric: true }).compare;

/** Channels as groups of groups by the segments of their paths, in natural order. */
export class ChannelTree {
  readonly #root: Group = newGroup('', '');
  readonly #leaves: readonly (Leaf & { readonly lower: string })[];

  constructor(leaves: readonly Leaf[]) {
    const sorted = [...leaves].sort((a, b) => inOrder(a.path, b.path));
    this.#leaves = sorted.map((leaf) => ({ ...leaf, lower: leaf.path.toLowerCase() }));
    for (const leaf of sorted) this.#insert(leaf);
  }

  /** All lines, those inside closed groups left out. */
  rows(isOpen: (path: string, depth: number) => boolean): TreeRow[] {
    const rows: TreeRow[] = [];
    const visit = (group: Group, depth: number) => {
      for (const child of group.groups.values()) {
        const { group: shown, label } = merged(child);
        const open = isOpen(shown.path, depth);
        rows.push({ kind: 'group', path: shown.path, label, depth, channels: shown.channels, isOpen: open });
        if (open) visit(shown, depth + 1);
      }
      for (const { id, path } of group.leaves) rows.push({ kind: 'channel', id, path, label: leafLabel(path), depth });
    };
    visit(this.#root, 0);
    return rows;
  }

  /** Channels that fit a search, best first, with their whole path as label. */
  search(search: string): TreeRow[] {
    const words = searchWords(search);
    const found: { leaf: Leaf; score: number }[] = [];
    for (const leaf of this.#leaves) {
      const score = fuzzyScore(leaf.lower, words);
      if (score !== undefined) found.push({ leaf, score });
    }
    found.sort((a, b) => b.score - a.score);
    return found.map(({ leaf: { id, path } }) => ({ kind: 'channel', id, path, label: path, depth: 0 }));
  }

  #insert(leaf: Leaf): void {
    const segments = leaf.path.split('/');
    let group = this.#root;
    group.channels += 1;
    for (let i = 0; i < segments.length - 1; i++) {
      const segment = segments[i] ?? '';
      let child = group.groups.get(segment);
      if (child === undefined) {
        child = newGroup(segments.slice(0, i + 1).join('/'), segment);
        group.groups.set(segment, child);
      }
      child.channels += 1;
      group = child;
    }
    group.leaves.push(leaf);
  }
}

export function leafLabel(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** A group that holds nothing but one other group is shown as one line with it. */
function merged(group: Group): { group: Group; label: string } {
  let label = group.label;
  while (group.leaves.length === 0 && group.groups.size === 1) {
    for (const only of group.groups.values()) group = only;
    label += ` / ${group.label}`;
  }
  return { group, label };
}

function newGroup(path: string, label: string): Group {
  return { path, label, groups: new Map(), leaves: [], channels: 0 };
}

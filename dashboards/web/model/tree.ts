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
  /** It holds nothing but what the gateway tells of itself. */
  readonly isOwn: boolean;
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
  /** It tells of the gateway itself, not of what the gateway is there for. */
  readonly isOwn?: boolean;
}

interface Group {
  readonly path: string;
  readonly label: string;
  readonly groups: Map<string, Group>;
  readonly leaves: Leaf[];
  channels: number;
  ownChannels: number;
}

/** Says whether a group is open. */
export type GroupIsOpen = (path: string, depth: number, isOwn: boolean) => boolean;

const inOrder = new Intl.Collator('en', { numeric: true }).compare;

/**
 * Channels as groups of groups by the segments of their paths, in natural order; but the groups of the level where
 * sources part (0 at a gateway, 1 at central) with most channels first, and what the gateway tells of itself last.
 */
export class ChannelTree {
  readonly #root: Group = newGroup('', '');
  readonly #leaves: readonly (Leaf & { readonly lower: string })[];

  constructor(leaves: readonly Leaf[], sourceLevel = 0) {
    const sorted = [...leaves].sort((a, b) => inOrder(a.path, b.path));
    this.#leaves = sorted.map((leaf) => ({ ...leaf, lower: leaf.path.toLowerCase() }));
    for (const leaf of sorted) this.#insert(leaf);
    arrange(this.#root, sourceLevel);
  }

  /** Channels that are not the gateway's own. */
  get foreignChannels(): number {
    return this.#root.channels - this.#root.ownChannels;
  }

  /** All lines, those inside closed groups left out. */
  rows(isOpen: GroupIsOpen): TreeRow[] {
    const rows: TreeRow[] = [];
    const visit = (group: Group, depth: number) => {
      for (const child of group.groups.values()) {
        const { group: shown, label } = merged(child);
        const { path, channels } = shown;
        const isOwn = shown.ownChannels === channels;
        const open = isOpen(path, depth, isOwn);
        rows.push({ kind: 'group', path, label, depth, channels, isOpen: open, isOwn });
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
    const own = leaf.isOwn === true ? 1 : 0;
    group.channels += 1;
    group.ownChannels += own;
    for (let i = 0; i < segments.length - 1; i++) {
      const segment = segments[i] ?? '';
      let child = group.groups.get(segment);
      if (child === undefined) {
        child = newGroup(segments.slice(0, i + 1).join('/'), segment);
        group.groups.set(segment, child);
      }
      child.channels += 1;
      child.ownChannels += own;
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

/** Brings the groups into the order they are shown in; they come in natural order. */
function arrange(group: Group, sourceLevel: number): void {
  const isOwn = (child: Group) => Number(child.ownChannels === child.channels);
  const groups = [...group.groups].sort(
    ([, a], [, b]) => isOwn(a) - isOwn(b) || (sourceLevel === 0 ? b.channels - a.channels : 0),
  );
  group.groups.clear();
  for (const [segment, child] of groups) {
    group.groups.set(segment, child);
    arrange(child, sourceLevel - 1);
  }
}

function newGroup(path: string, label: string): Group {
  return { path, label, groups: new Map(), leaves: [], channels: 0, ownChannels: 0 };
}

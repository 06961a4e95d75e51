import { useComputed, useSignal, useSignalEffect } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { LiveChannel } from '../live/live-channel.ts';
import type { LivePage } from '../live/live-page.ts';
import { leafLabel, type TreeRow } from '../model/tree.ts';
import { groupsAbove, startsOpen } from '../model/tree-opening.ts';
import { Icon } from './icons.tsx';
import { COLOURS } from './theme.ts';

/** Rows above and below the visible part that are kept ready. */
const SPARE_ROWS = 6;

/** The channels as a tree with live values; only the rows on the screen exist. */
export function ChannelTreePanel({ page, isOpen, onClose }: { page: LivePage; isOpen: boolean; onClose: () => void }) {
  const search = useSignal('');
  const active = useSignal(0);
  /** Groups that a person opened or closed. */
  const chosen = useSignal<ReadonlyMap<string, boolean>>(new Map());
  /** Groups with a channel that is or was charted. */
  const revealed = useSignal<ReadonlySet<string>>(new Set());
  const rows = useComputed((): readonly TreeRow[] => {
    const tree = page.tree.value;
    if (search.value.trim() !== '') return tree.search(search.value);
    const isOpenAtFirst = startsOpen(tree.foreignChannels, page.sourceLevel, revealed.value);
    return tree.rows((path, depth, isOwn) => chosen.value.get(path) ?? isOpenAtFirst(path, depth, isOwn));
  });
  useSignalEffect(() => {
    const groups = page.charts.value.flatMap((id) => groupsAbove(page.channel(id)?.path ?? ''));
    const before = revealed.peek();
    if (groups.some((group) => !before.has(group))) revealed.value = new Set([...before, ...groups]);
  });
  const input = useRef<HTMLInputElement>(null);

  useEffect(() => {
    const focusSearch = (event: KeyboardEvent) => {
      if (event.key !== '/' || isTyping(event)) return;
      event.preventDefault();
      input.current?.focus();
      input.current?.select();
    };
    addEventListener('keydown', focusSearch);
    return () => removeEventListener('keydown', focusSearch);
  }, []);

  const setOpen = (path: string, open: boolean) => {
    chosen.value = new Map(chosen.value).set(path, open);
  };
  const enter = (row: TreeRow | undefined) => {
    if (row?.kind === 'group') setOpen(row.path, !row.isOpen);
    else if (row !== undefined) page.toggleChart(row.id);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const last = rows.value.length - 1;
    const row = rows.value[active.value];
    const isSearch = event.currentTarget === input.current;
    switch (event.key) {
      case 'ArrowDown':
        active.value = Math.min(last, active.value + 1);
        break;
      case 'ArrowUp':
        active.value = Math.max(0, active.value - 1);
        break;
      case 'PageDown':
        active.value = Math.min(last, active.value + 15);
        break;
      case 'PageUp':
        active.value = Math.max(0, active.value - 15);
        break;
      case 'Enter':
        enter(row);
        break;
      case 'Home':
      case 'End':
        if (isSearch) return;
        active.value = event.key === 'Home' ? 0 : last;
        break;
      case 'ArrowRight':
        if (isSearch || row?.kind !== 'group') return;
        if (row.isOpen) active.value = Math.min(last, active.value + 1);
        else setOpen(row.path, true);
        break;
      case 'ArrowLeft':
        if (isSearch || row === undefined) return;
        if (row.kind === 'group' && row.isOpen) setOpen(row.path, false);
        else active.value = parentOf(rows.value, active.value);
        break;
      case 'Escape':
        if (search.value === '') (event.currentTarget as HTMLElement).blur();
        search.value = '';
        active.value = 0;
        onClose();
        break;
      default:
        return;
    }
    event.preventDefault();
  };

  return (
    <nav class={`tree-panel ${isOpen ? 'is-open' : ''}`} aria-label="Channels">
      <div class="search">
        <Icon name="search" />
        <input
          ref={input}
          type="search"
          placeholder="Find a channel"
          aria-label="Find a channel"
          aria-controls="channel-tree"
          aria-activedescendant={`row-${active.value}`}
          autocomplete="off"
          spellcheck={false}
          value={search.value}
          onInput={(event) => {
            search.value = event.currentTarget.value;
            active.value = 0;
          }}
          onKeyDown={onKeyDown}
        />
        <kbd>/</kbd>
        <button type="button" class="tree-close" onClick={onClose} aria-label="Close channels">
          <Icon name="close" />
        </button>
      </div>
      <Rows page={page} rows={rows} search={search} active={active} onEnter={enter} onKeyDown={onKeyDown} />
      <footer class="tree-foot">
        <Count
          page={page}
          shown={rows.value.filter((row) => row.kind === 'channel').length}
          isSearch={search.value.trim() !== ''}
        />
      </footer>
    </nav>
  );
}

function Count({ page, shown, isSearch }: { page: LivePage; shown: number; isSearch: boolean }) {
  const count = page.channelCount.value;
  return (
    <>
      {isSearch ? `${shown} of ${count}` : count} {count === 1 ? 'channel' : 'channels'}
      <span class="keys">
        <kbd>↑</kbd> <kbd>↓</kbd> <kbd>Enter</kbd> chart
      </span>
    </>
  );
}

interface RowsProps {
  page: LivePage;
  rows: { readonly value: readonly TreeRow[] };
  search: { readonly value: string };
  active: { value: number };
  onEnter: (row: TreeRow) => void;
  onKeyDown: (event: KeyboardEvent) => void;
}

function Rows({ page, rows, search, active, onEnter, onKeyDown }: RowsProps) {
  const box = useRef<HTMLDivElement>(null);
  const view = useSignal({ top: 0, height: 600, row: 28 });

  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    const measure = () => {
      const row = Number.parseFloat(getComputedStyle(element).getPropertyValue('--row')) || 28;
      view.value = { top: element.scrollTop, height: element.clientHeight, row };
    };
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    element.addEventListener('scroll', measure, { passive: true });
    return () => {
      observer.disconnect();
      element.removeEventListener('scroll', measure);
    };
  }, []);

  useSignalEffect(() => {
    const element = box.current;
    const { row } = view.peek();
    const top = active.value * row;
    if (element === null) return;
    if (top < element.scrollTop) element.scrollTop = top;
    else if (top + row > element.scrollTop + element.clientHeight) element.scrollTop = top + row - element.clientHeight;
  });

  const { top, height, row } = view.value;
  const first = Math.max(0, Math.floor(top / row) - SPARE_ROWS);
  const end = Math.min(rows.value.length, Math.ceil((top + height) / row) + SPARE_ROWS);
  const shown = rows.value.slice(first, end);

  useEffect(() => {
    page.showRows(shown.flatMap((line) => (line.kind === 'channel' ? line.id : [])));
  });

  return (
    <div
      ref={box}
      id="channel-tree"
      class="rows"
      role="tree"
      aria-label="Channel tree"
      aria-activedescendant={`row-${active.value}`}
      tabIndex={0}
      onKeyDown={onKeyDown}
    >
      <div class="rows-space" style={{ height: `${rows.value.length * row}px` }}>
        {shown.map((line, i) => {
          const at = first + i;
          const common = { at, top: at * row, isActive: at === active.value };
          const onClick = () => {
            active.value = at;
            onEnter(line);
          };
          if (line.kind === 'group')
            return <GroupLine key={`g${line.path}`} {...common} line={line} onClick={onClick} />;
          const channel = page.channel(line.id);
          if (channel === undefined) return null;
          return <ChannelLine key={line.id} {...common} page={page} channel={channel} line={line} onClick={onClick} />;
        })}
      </div>
      {rows.value.length === 0 && (
        <p class="rows-empty" role="status">
          {page.channelCount.value === 0
            ? 'No channels yet. They appear by themselves with their first sample.'
            : `No channel fits \u201c${search.value.trim()}\u201d.`}
        </p>
      )}
    </div>
  );
}

interface LineProps {
  at: number;
  top: number;
  isActive: boolean;
  onClick: () => void;
}

function GroupLine({ at, top, isActive, onClick, line }: LineProps & { line: TreeRow & { kind: 'group' } }) {
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: keys go to the tree, which holds the focus
    <div
      id={`row-${at}`}
      class={`row row-group depth-${Math.min(line.depth, 6)} ${isActive ? 'is-active' : ''}`}
      style={{ transform: `translateY(${top}px)` }}
      role="treeitem"
      tabIndex={-1}
      aria-level={line.depth + 1}
      aria-expanded={line.isOpen}
      aria-selected={isActive}
      onClick={onClick}
    >
      <span class={`caret ${line.isOpen ? 'is-open' : ''}`}>
        <Icon name="caret" />
      </span>
      <span class="row-label">{line.label}</span>
      {line.isOwn && line.depth === 0 && <span class="row-note">the gateway itself</span>}
      <span class="row-count">{line.channels}</span>
    </div>
  );
}

interface ChannelLineProps extends LineProps {
  page: LivePage;
  channel: LiveChannel;
  line: TreeRow & { kind: 'channel' };
}

function ChannelLine({ at, top, isActive, onClick, page, channel, line }: ChannelLineProps) {
  const place = page.charts.value.indexOf(channel.definition.id);
  const { definition } = channel;
  const isPath = line.label !== leafLabel(line.path);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: keys go to the tree, which holds the focus
    <div
      id={`row-${at}`}
      class={`row row-channel depth-${Math.min(line.depth, 6)} ${isActive ? 'is-active' : ''} ${place >= 0 ? 'is-charted' : ''} ${channel.isStale.value ? 'is-stale' : ''} type-${definition.type}`}
      style={{ transform: `translateY(${top}px)` }}
      role="treeitem"
      tabIndex={-1}
      aria-level={line.depth + 1}
      aria-selected={isActive}
      aria-checked={place >= 0}
      data-channel={channel.path}
      onPointerEnter={(event) => {
        event.currentTarget.title = channel.details();
      }}
      onClick={onClick}
    >
      <span class={`swatch ${place >= 0 ? `series-${place % COLOURS}` : ''}`} />
      <span class="row-label">{isPath ? <PathLabel path={line.path} /> : line.label}</span>
      <span class="row-age">{channel.age}</span>
      <span class="row-value">{channel.text}</span>
      <span class="row-unit">{channel.unit}</span>
    </div>
  );
}

/** Place of the group that the row at `at` stands in; the row itself on the first level. */
function parentOf(rows: readonly TreeRow[], at: number): number {
  const depth = rows[at]?.depth ?? 0;
  for (let i = at - 1; i >= 0; i--) if ((rows[i]?.depth ?? 0) < depth) return i;
  return at;
}

/** A path with the channel's own name first; of the groups, the outer ones are cut where there is no room. */
export function PathLabel({ path }: { path: string }) {
  return (
    <>
      <span class="leaf">{leafLabel(path)}</span>
      <span class="path">
        <bdi>{groupsAbove(path).at(-1)?.replaceAll('/', ' / ')}</bdi>
      </span>
    </>
  );
}

/** True where a key press belongs to a field. */
export function isTyping(event: KeyboardEvent): boolean {
  return event.target instanceof HTMLElement && event.target.matches('input, select, textarea');
}

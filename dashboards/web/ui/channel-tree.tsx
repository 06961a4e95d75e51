import { useComputed, useSignal, useSignalEffect } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { LiveChannel } from '../live/live-channel.ts';
import type { LivePage } from '../live/live-page.ts';
import { leafLabel, type TreeRow } from '../model/tree.ts';
import { Icon } from './icons.tsx';
import { COLOURS } from './theme.ts';

/** Rows above and below the visible part that are kept ready. */
const SPARE_ROWS = 6;

/** Groups deeper than the first level start closed in a gateway with more channels than this. */
const OPEN_CHANNELS_MAX = 600;

/** The channels as a tree with live values; only the rows on the screen exist. */
export function ChannelTreePanel({ page, isOpen, onClose }: { page: LivePage; isOpen: boolean; onClose: () => void }) {
  const search = useSignal('');
  const active = useSignal(0);
  /** Groups whose state differs from how they start. */
  const flipped = useSignal<ReadonlySet<string>>(new Set());
  const rows = useComputed((): readonly TreeRow[] => {
    const tree = page.tree.value;
    if (search.value.trim() !== '') return tree.search(search.value);
    const startsOpen = page.channelCount.value <= OPEN_CHANNELS_MAX;
    return tree.rows((path, depth) => (startsOpen || depth === 0) !== flipped.value.has(path));
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

  const flip = (path: string) => {
    const next = new Set(flipped.value);
    if (!next.delete(path)) next.add(path);
    flipped.value = next;
  };
  const enter = (row: TreeRow | undefined) => {
    if (row?.kind === 'group') flip(row.path);
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
      case 'ArrowRight':
      case 'ArrowLeft':
        if (isSearch || row?.kind !== 'group' || row.isOpen === (event.key === 'ArrowRight')) return;
        flip(row.path);
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
      <Rows page={page} rows={rows} active={active} onEnter={enter} onKeyDown={onKeyDown} />
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
      {isSearch ? `${shown} of ${count}` : count} channels
      <span class="keys">
        <kbd>↑</kbd> <kbd>↓</kbd> <kbd>Enter</kbd> chart
      </span>
    </>
  );
}

interface RowsProps {
  page: LivePage;
  rows: { readonly value: readonly TreeRow[] };
  active: { value: number };
  onEnter: (row: TreeRow) => void;
  onKeyDown: (event: KeyboardEvent) => void;
}

function Rows({ page, rows, active, onEnter, onKeyDown }: RowsProps) {
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
        <p class="rows-empty">{page.channelCount.value === 0 ? 'No channels yet' : 'Nothing fits'}</p>
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
  const title = [definition.description, channel.path, definition.unit, `source ${definition.source}`].filter(
    (part) => part !== '',
  );
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
      title={title.join('\n')}
      onClick={onClick}
    >
      <span class={`swatch ${place >= 0 ? `series-${place % COLOURS}` : ''}`} />
      <span class="row-label">{isPath ? <PathLabel path={line.path} /> : line.label}</span>
      <span class="row-age">{channel.age}</span>
      <span class="row-value">{channel.text}</span>
      <span class="row-unit">{definition.unit}</span>
    </div>
  );
}

/** A path with its most telling part first: what does not fit is cut where it tells least. */
export function PathLabel({ path }: { path: string }) {
  const segments = path.split('/').reverse();
  return (
    <>
      <span class="leaf">{segments[0]}</span>
      <span class="path">{segments.slice(1).join(' · ')}</span>
    </>
  );
}

/** True where a key press belongs to a field. */
export function isTyping(event: KeyboardEvent): boolean {
  return event.target instanceof HTMLElement && event.target.matches('input, select, textarea');
}

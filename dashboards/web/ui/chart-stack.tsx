import { useSignal, useSignalEffect } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { LiveChannel } from '../live/live-channel.ts';
import type { LivePage } from '../live/live-page.ts';
import { leafLabel } from '../model/tree.ts';
import { groupsAbove } from '../model/tree-opening.ts';
import { Icon } from './icons.tsx';
import { StripChart } from './strip-chart.ts';
import { COLOURS, palette } from './theme.ts';
import { TimeAxis } from './time-axis.ts';

/** The chosen channels as charts over one time axis. */
export function ChartStack({ page }: { page: LivePage }) {
  const charts = useRef(new Map<number, StripChart>()).current;
  const axis = useRef<HTMLCanvasElement>(null);
  const dragged = useSignal<number | undefined>(undefined);

  useEffect(() => {
    if (axis.current === null) return;
    const timeAxis = new TimeAxis(axis.current);
    let frame = 0;
    const draw = (localMs: number) => {
      frame = requestAnimationFrame(draw);
      const to = page.edge(performance.now());
      if (to === undefined) return;
      const from = page.stretch.value?.from ?? to - page.span.value;
      let cursor: number | undefined;
      for (const [id, chart] of charts) {
        chart.draw(page.series(id), from, to, localMs);
        cursor ??= chart.cursorTime();
      }
      timeAxis.draw(from, to, cursor, gutterOf(axis.current), palette.value);
    };
    frame = requestAnimationFrame(draw);
    return () => cancelAnimationFrame(frame);
  }, []);

  const ids = page.charts.value;
  return (
    <main class={`stack ${page.isConnected.value ? '' : 'is-lost'}`} aria-label="Charts">
      <Missing page={page} />
      {ids.length === 0 && <NoCharts page={page} />}
      <div class={`cards ${ids.length === 0 ? 'is-unused' : ''}`}>
        {ids.map((id, place) => {
          const channel = page.channel(id);
          if (channel === undefined) return null;
          return <ChartCard key={id} page={page} channel={channel} place={place} charts={charts} dragged={dragged} />;
        })}
      </div>
      <canvas ref={axis} class={`time-axis ${ids.length === 0 ? 'is-unused' : ''}`} aria-label="Time axis" role="img" />
    </main>
  );
}

/** Width of the panel with values beside the charts, CSS pixels; none on narrow screens. */
function gutterOf(element: HTMLElement | null): number {
  return element === null ? 0 : Number.parseFloat(getComputedStyle(element).getPropertyValue('--gutter')) || 0;
}

function Missing({ page }: { page: LivePage }) {
  const missing = page.missing.value;
  if (missing.length === 0) return null;
  return (
    <p class="notice" role="status">
      Not on this gateway, or not yet: {missing.join(', ')}
    </p>
  );
}

function NoCharts({ page }: { page: LivePage }) {
  return (
    <div class="empty">
      <Icon name="chart" />
      <p>{page.channelCount.value === 0 ? 'Waiting for the first channel' : 'Choose channels to chart them'}</p>
      <p class="hint">
        {page.channelCount.value === 0 ? (
          'Channels appear by themselves with their first sample'
        ) : (
          <>
            <kbd>/</kbd> finds a channel, <kbd>Enter</kbd> charts it
          </>
        )}
      </p>
    </div>
  );
}

interface ChartCardProps {
  page: LivePage;
  channel: LiveChannel;
  place: number;
  charts: Map<number, StripChart>;
  dragged: { value: number | undefined };
}

function ChartCard({ page, channel, place, charts, dragged }: ChartCardProps) {
  const { id } = channel.definition;
  const box = useRef<HTMLDivElement>(null);
  const chart = useSignal<StripChart | undefined>(undefined);
  const colour = place % COLOURS;

  useEffect(() => {
    if (box.current === null) return;
    const made = new StripChart(channel, palette.peek(), palette.peek().series[colour] ?? 'currentcolor', box.current);
    charts.set(id, made);
    chart.value = made;
    return () => {
      charts.delete(id);
      made.destroy();
    };
  }, [channel]);

  useSignalEffect(() => {
    const at = page.charts.value.indexOf(id);
    const { value } = palette;
    chart.value?.setColours(value, value.series[at % COLOURS] ?? 'currentcolor');
  });

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Delete' || event.key === 'Backspace') page.toggleChart(id);
    else if (event.altKey && event.key === 'ArrowUp') page.moveChart(id, place - 1);
    else if (event.altKey && event.key === 'ArrowDown') page.moveChart(id, place + 1);
    else return;
    event.preventDefault();
  };

  return (
    <section
      class={`card series-${colour} ${channel.isStale.value ? 'is-stale' : ''} ${dragged.value === id ? 'is-dragged' : ''}`}
      aria-label={`Chart of ${channel.path}`}
      data-chart={channel.path}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: Delete and Alt+arrows act on the focused chart
      tabIndex={0}
      onKeyDown={onKeyDown}
      onDragOver={(event) => {
        if (dragged.value === undefined) return;
        event.preventDefault();
        if (dragged.value !== id) page.moveChart(dragged.value, place);
      }}
      onDrop={(event) => event.preventDefault()}
    >
      <div ref={box} class="plot" />
      <Readout channel={channel} chart={chart.value} dragged={dragged} />
      <div class="card-tools">
        <button type="button" onClick={() => page.moveChart(id, place - 1)} disabled={place === 0} aria-label="Move up">
          <Icon name="up" />
        </button>
        <button
          type="button"
          onClick={() => page.moveChart(id, place + 1)}
          disabled={place === page.charts.value.length - 1}
          aria-label="Move down"
        >
          <Icon name="down" />
        </button>
        <button type="button" onClick={() => page.toggleChart(id)} aria-label={`Remove ${channel.path}`}>
          <Icon name="close" />
        </button>
      </div>
    </section>
  );
}

interface ReadoutProps {
  channel: LiveChannel;
  chart: StripChart | undefined;
  dragged: { value: number | undefined };
}

/** Name and values beside a chart; the chart is dragged by it. */
function Readout({ channel, chart, dragged }: ReadoutProps) {
  const cursor = chart?.cursorValue.value;
  const text = cursor?.text ?? channel.text.value;
  const unit = cursor?.unit ?? channel.unit.value;
  const room = useRef(MIN_CHARACTERS);
  room.current = Math.max(room.current, text.length);
  const { path } = channel;
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the same is done with Alt+arrows
    <div
      class={`readout ${cursor === undefined ? '' : 'has-cursor'}`}
      draggable
      onPointerEnter={(event) => {
        event.currentTarget.title = `${channel.details()}\nDrag to reorder`;
      }}
      onDragStart={(event) => {
        event.dataTransfer?.setData('text/plain', path);
        dragged.value = channel.definition.id;
      }}
      onDragEnd={() => {
        dragged.value = undefined;
      }}
    >
      <div class="readout-name">
        <span class="swatch" />
        <span class="leaf">{breakable(leafLabel(path))}</span>
      </div>
      <div class="readout-path">{breakable(groupsAbove(path).at(-1) ?? '')}</div>
      <div class="readout-value" style={{ '--chars': room.current, '--unit-chars': Math.max(4, unit.length) }}>
        <span class="number">{text}</span>
        <span class="unit">{unit}</span>
      </div>
      <div class="readout-foot">
        <Foot channel={channel} chart={chart} />
      </div>
    </div>
  );
}

/** Characters that a value has room for at least, so that the type keeps its size while small values move. */
const MIN_CHARACTERS = 5;

/** A name that may be broken behind separators and before capitals. */
function breakable(name: string): string {
  return name.replace(/([/_.-])|([a-z])(?=[A-Z])/g, '$&\u200b').replaceAll('/', ' / ');
}

/** Beside a cursor the value of now, of a stale channel its age, else least and greatest value in the window. */
function Foot({ channel, chart }: { channel: LiveChannel; chart: StripChart | undefined }) {
  if (chart?.cursorValue.value !== undefined) {
    return (
      <Labelled label="now">
        {channel.text} {channel.unit}
      </Labelled>
    );
  }
  if (channel.isStale.value) {
    return <span class="stale-age">{channel.age.value === '' ? 'no sample yet' : `${channel.age.value} old`}</span>;
  }
  if (chart === undefined || chart.lowText.value === '') return null;
  return (
    <>
      <Labelled label="min">{chart.lowText}</Labelled>
      <Labelled label="max">{chart.highText}</Labelled>
    </>
  );
}

function Labelled({ label, children }: { label: string; children: ComponentChildren }) {
  return (
    <span class="labelled">
      <span class="label">{label}</span> {children}
    </span>
  );
}

import { useComputed, useSignal } from '@preact/signals';
import type { LivePage } from '../live/live-page.ts';
import { formatAge, formatClock, formatCount } from '../model/format.ts';
import type { ShownSource, ShownStatus } from '../model/status.ts';
import { Icon } from './icons.tsx';
import { chooseTheme, THEMES, theme } from './theme.ts';

/** Seconds from which on the newest sample of the whole store is conspicuously old. */
const OLD_SECONDS = 2;

/** What a person must know at a glance, on top of the page. */
export function StatusStrip({ page, onTree }: { page: LivePage; onTree: () => void }) {
  return (
    <header class="strip">
      <button type="button" class="tree-button" onClick={onTree} aria-label="Channels">
        <Icon name="list" />
      </button>
      <h1 class="brand">
        <Mark />
        <span>Caisson</span>
      </h1>
      <LinkState page={page} />
      <NewestAge page={page} />
      <Facts page={page} />
      <ThemeSwitch />
    </header>
  );
}

function Mark() {
  return (
    <svg class="mark" viewBox="0 0 32 32" width="22" height="22" aria-hidden="true">
      <path class="mark-box" d="M4 7h24v18H4z" />
      <path class="mark-wave" d="M4 17h6l4-6 5 10 3-4h6" />
    </svg>
  );
}

function LinkState({ page }: { page: LivePage }) {
  const kind = page.connection.value.kind;
  const paused = page.pausedAt.value !== undefined;
  const [state, text] =
    kind === 'waiting'
      ? ['lost', 'Disconnected']
      : kind === 'connecting'
        ? ['connecting', 'Connecting']
        : paused
          ? ['paused', 'Paused']
          : ['live', 'Live'];
  return (
    <div class={`link link-${state}`} role="status">
      <span class="link-dot" />
      {text}
    </div>
  );
}

function NewestAge({ page }: { page: LivePage }) {
  const age = page.newestAge.value;
  const isOld = !(age < OLD_SECONDS) || !page.isConnected.value;
  return (
    <div class={`fact newest ${isOld ? 'is-old' : ''}`} title="Age of the newest sample of the whole store">
      <span class="fact-name">newest sample</span>
      <span class="fact-value">{Number.isNaN(age) ? 'none yet' : `${formatAge(Math.max(0, age))} ago`}</span>
    </div>
  );
}

function Facts({ page }: { page: LivePage }) {
  const status = page.status.value;
  const hello = page.hello.value;
  return (
    <div class="facts">
      <Fact
        name={hello?.role ?? 'gateway'}
        value={hello?.gateway ?? ''}
        title={`boot ${hello?.boot ?? ''}, version ${hello?.version ?? ''}`}
      />
      {status !== undefined && <StatusFacts status={status} />}
    </div>
  );
}

function StatusFacts({ status }: { status: ShownStatus }) {
  const rate = status.sources.reduce((sum, source) => sum + source.rate, 0);
  const lossText = status.lost > 0 ? `, ${formatCount(status.lost)} lost` : '';
  return (
    <>
      {status.clockSource === 'none' || status.clockSource === '' ? (
        <div class="badge badge-warn" title="No clock source: times may be off by any amount">
          <Icon name="clock" /> clock unsynced
        </div>
      ) : (
        <Fact
          name="clock"
          value={`${status.clockSource} \u00b1${formatAge(status.clockErrorUs / 1e6)}`}
          title="Source of UTC and bound of its error"
        />
      )}
      <Fact name="intake" value={`${formatCount(rate)}/s`} title="Samples a second, all sources together" />
      <Fact
        name="store"
        value={`commit ${status.commitMs.toFixed(1)} ms${lossText}`}
        title={`${formatCount(status.samples)} samples committed, blocks ${formatCount(status.blockBytes)}B, ring ${(status.ringShare * 100).toFixed(1)} % full`}
        isBad={status.lost > 0 || status.ringShare > 0.5}
      />
      {status.sources.map((source) => (
        <Source key={source.name} source={source} />
      ))}
      <Problems status={status} />
    </>
  );
}

function Fact({ name, value, title, isBad = false }: { name: string; value: string; title: string; isBad?: boolean }) {
  return (
    <div class={`fact ${isBad ? 'is-bad' : ''}`} title={title}>
      <span class="fact-name">{name}</span>
      <span class="fact-value">{value}</span>
    </div>
  );
}

function Source({ source }: { source: ShownSource }) {
  const errors = source.errors > 0 ? `, ${formatCount(source.errors)} errors` : '';
  const drops = source.dropped > 0 ? `, ${formatCount(source.dropped)} dropped` : '';
  const title = `${source.kind}, ${source.state}${errors}${drops}${source.problem === '' ? '' : `: ${source.problem}`}`;
  return (
    <div class={`fact source source-${source.state}`} title={title}>
      <span class="fact-name">{source.name}</span>
      <span class="fact-value">{source.state === 'running' ? `${formatCount(source.rate)}/s` : source.state}</span>
    </div>
  );
}

function Problems({ status }: { status: ShownStatus }) {
  const isOpen = useSignal(false);
  const { problems } = status;
  if (problems.length === 0) return null;
  return (
    <div class="problems">
      <button
        type="button"
        class="badge badge-alarm"
        aria-expanded={isOpen.value}
        onClick={() => {
          isOpen.value = !isOpen.value;
        }}
      >
        <Icon name="alert" /> {problems.length} {problems.length === 1 ? 'problem' : 'problems'}
      </button>
      {isOpen.value && (
        <ol class="problem-list">
          {problems.map((problem) => (
            <li key={`${problem.time} ${problem.text}`}>
              <time>{formatClock(problem.time / 1e6, 1)}</time> {problem.text}
            </li>
          ))}
        </ol>
      )}
    </div>
  );
}

function ThemeSwitch() {
  const chosen = useComputed(() => theme.value);
  return (
    <label class="theme-switch">
      <span class="unseen">Theme</span>
      <select
        value={chosen.value}
        onChange={(event) => {
          const name = THEMES.find((candidate) => candidate === event.currentTarget.value);
          if (name !== undefined) chooseTheme(name);
        }}
      >
        {THEMES.map((name) => (
          <option key={name} value={name}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}

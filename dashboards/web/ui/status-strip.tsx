import type { LivePage } from '../live/live-page.ts';
import { formatAge, formatClock, formatCount } from '../model/format.ts';
import { concernsOf, type ShownRecorder, type ShownStatus } from '../model/status.ts';
import { useDismissable } from './dismissable.ts';
import { Icon } from './icons.tsx';
import { Laps } from './laps.tsx';
import { Mark } from './mark.tsx';
import { Sources } from './sources.tsx';
import { Sync } from './sync.tsx';
import { ThemeSwitch } from './theme-switch.tsx';

/** Seconds from which on the newest sample of the whole store is conspicuously old. */
const OLD_SECONDS = 2;

const YEAR_SECONDS = 365.25 * 86_400;

/** What a person must know at a glance, on top of the page. */
export function StatusStrip({ page, onTree }: { page: LivePage; onTree: () => void }) {
  return (
    <header class={`strip ${page.isConnected.value ? '' : 'is-lost'}`}>
      <button type="button" class="tree-button" onClick={onTree} aria-label="Channels">
        <Icon name="list" />
      </button>
      <h1 class="brand">
        <Mark />
        <span>Caisson</span>
      </h1>
      <LinkState page={page} />
      <NewestAge page={page} />
      <Badges page={page} />
      <Facts page={page} />
      {page.status.value !== undefined && <Laps page={page} kinds={page.status.value.kinds} />}
      {page.status.value !== undefined && <Sources sources={page.status.value.sources} />}
      {page.status.value !== undefined && (
        <Sync destinations={page.status.value.destinations} now={page.status.value.now} />
      )}
      {page.hello.value?.role === 'central' && (
        <a class="page-link" href="/fleet.html">
          Fleet
        </a>
      )}
      <ThemeSwitch />
    </header>
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
          ? ['paused', page.stretch.value?.title ?? 'Paused']
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
        room={4}
        title={`boot ${hello?.boot ?? ''}, version ${hello?.version ?? ''}`}
      />
      {status !== undefined && <StatusFacts status={status} />}
    </div>
  );
}

/** What must not be overlooked: it never scrolls out of sight. */
function Badges({ page }: { page: LivePage }) {
  const status = page.status.value;
  if (status === undefined) return null;
  return (
    <>
      <Concerns status={status} />
      {isUnsynced(status) && (
        <div class="badge badge-warn" title="No clock source: times may be off by any amount">
          <Icon name="clock" /> clock unsynced
        </div>
      )}
    </>
  );
}

function isUnsynced({ clockSource }: ShownStatus): boolean {
  return clockSource === 'none' || clockSource === '';
}

function StatusFacts({ status }: { status: ShownStatus }) {
  const rate = status.sources.reduce((sum, source) => sum + source.rate, 0);
  return (
    <>
      {!isUnsynced(status) && <ClockFact status={status} />}
      <Fact name="intake" value={`${formatCount(rate)}/s`} room={7} title="Samples a second, all sources together" />
      <Fact
        name="commit"
        value={`${status.commitMs.toFixed(1)} ms`}
        room={8}
        title={`Time until samples are on disk, on average. ${formatCount(status.samples)} samples committed, blocks ${formatCount(status.blockBytes)}B, intake ring ${(status.ringShare * 100).toFixed(1)} % full`}
        tone={status.ringShare > 0.5 ? 'is-bad' : ''}
      />
      {status.recorder !== undefined && <RecorderFact recorder={status.recorder} />}
      <Fact
        name="lost"
        value={formatCount(status.lost)}
        title="Samples counted as lost since the start"
        tone={status.lost > 0 ? 'is-bad' : ''}
      />
    </>
  );
}

/** How long there is room or, where the oldest samples are given up for new ones, how far back they reach. */
function RecorderFact({ recorder }: { recorder: ShownRecorder }) {
  const { hoursLeft, reach, rung, roomBytes, writtenPerDay, yearsLeft } = recorder;
  const isFull = hoursLeft === 0;
  if (hoursLeft === undefined && rung === 'none') return null;
  const wear = writtenPerDay === undefined ? '' : ` ${formatCount(writtenPerDay)}B a day are written to the disk`;
  const life = yearsLeft === undefined ? '' : `, which lasts ${formatAge(yearsLeft * YEAR_SECONDS)} at that rate`;
  return (
    <Fact
      name="recorder"
      value={isFull ? `last ${formatAge(reach)}` : `${formatAge((hoursLeft ?? 0) * 3600)} free`}
      room={8}
      title={`${isFull ? 'The oldest samples are given up for new ones' : 'Time until the oldest samples are given up'}; ${formatCount(roomBytes)}B of room.${wear}${life}`}
      tone={rung === 'none' ? '' : 'is-bad'}
    />
  );
}

/** Error bound from which on the clock is conspicuously uncertain, microseconds. */
const UNSURE_CLOCK_US = 1e6;

function ClockFact({ status }: { status: ShownStatus }) {
  const { clockSource, clockErrorUs, doubtedClocks } = status;
  const bound = formatAge(clockErrorUs / 1e6);
  const doubted = doubtedClocks.map((each) => `. Not believed: ${each}`).join('');
  return (
    <Fact
      name="clock"
      value={`${clockSource.toUpperCase()} \u00b1${bound}`}
      room={clockSource.length + 8}
      title={`UTC comes from ${clockSource.toUpperCase()} and is at most ${bound} off${doubted}`}
      tone={clockErrorUs >= UNSURE_CLOCK_US || doubtedClocks.length > 0 ? 'is-unsure' : ''}
    />
  );
}

interface FactProps {
  name: string;
  value: string;
  title: string;
  /** Characters that the value has room for at least: what stands behind it does not move. */
  room?: number;
  tone?: string;
}

function Fact({ name, value, title, room = 0, tone = '' }: FactProps) {
  return (
    <div class={`fact ${tone}`} style={{ minWidth: `${room}ch` }} title={title}>
      <span class="fact-name">{name}</span>
      <span class="fact-value">{value}</span>
    </div>
  );
}

function Concerns({ status }: { status: ShownStatus }) {
  const { isOpen, toggle, box } = useDismissable();
  const concerns = concernsOf(status);
  if (concerns.length === 0) return null;
  return (
    <div ref={box} class="problems">
      <button type="button" class="badge badge-alarm" aria-expanded={isOpen} onClick={toggle}>
        <Icon name="alert" /> {concerns.length} {concerns.length === 1 ? 'problem' : 'problems'}
      </button>
      {isOpen && (
        <ol class="popover problem-list">
          {concerns.map(({ time, text }) => (
            <li key={`${time} ${text}`}>
              <time>{time === undefined ? 'now' : formatClock(time / 1e6, 1)}</time> {text}
            </li>
          ))}
        </ol>
      )}
    </div>
  );
}

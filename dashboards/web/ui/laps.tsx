import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { LivePage } from '../live/live-page.ts';
import { formatClock } from '../model/format.ts';
import { formatLap, kindsOf, type LapLine, lapLines, parseCycles, type ShownCycle } from '../model/laps.ts';
import type { ShownKind } from '../model/status.ts';
import { useDismissable } from './dismissable.ts';

/** How often the table is brought up to date while it is open. */
const LOOK_MS = 1000;

/** The cycle that is open of the first kind: one button that opens the table of all of them, and shows one in the charts. */
export function Laps({ page, kinds }: { page: LivePage; kinds: readonly ShownKind[] }) {
  const { isOpen, toggle, box } = useDismissable();
  const [first] = kinds;
  if (first === undefined) return null;
  return (
    <div ref={box} class="sources laps">
      <button type="button" class="sources-button" aria-expanded={isOpen} onClick={toggle} title="Show the table">
        {kinds.map(({ name, open }) => (
          <span key={name} class="fact">
            <span class="fact-name">{name}</span>
            <span class="fact-value">{open === '' ? '\u2013' : open}</span>
          </span>
        ))}
      </button>
      {isOpen && <LapTables page={page} onChosen={toggle} />}
    </div>
  );
}

function LapTables({ page, onChosen }: { page: LivePage; onChosen: () => void }) {
  const cycles = useSignal<readonly ShownCycle[] | undefined>(undefined);
  const kind = useSignal<string | undefined>(undefined);
  useEffect(() => {
    const look = async () => {
      // A gateway that cannot answer now is asked again.
      const answer = await fetch('/api/v1/cycles').catch(() => undefined);
      if (answer?.ok === true) cycles.value = parseCycles(await answer.json());
    };
    void look();
    const timer = setInterval(look, LOOK_MS);
    return () => clearInterval(timer);
  }, []);
  if (cycles.value === undefined) return <div class="popover source-table lap-table">Loading</div>;
  const kinds = kindsOf(cycles.value);
  const shown = kind.value ?? kinds[0];
  if (shown === undefined) return <div class="popover source-table lap-table">None in the last day</div>;
  const now = page.clock.isSet ? page.clock.now(performance.now()) / 1e6 : 0;
  const lines = lapLines(cycles.value, shown, now);
  return (
    <div class="popover source-table lap-table">
      {kinds.length > 1 && (
        <div class="lap-kinds">
          <fieldset class="segments">
            <legend class="unseen">Kind</legend>
            {kinds.map((each) => (
              <button
                key={each}
                type="button"
                class={each === shown ? 'is-chosen' : ''}
                aria-pressed={each === shown}
                onClick={() => {
                  kind.value = each;
                }}
              >
                {each}
              </button>
            ))}
          </fieldset>
        </div>
      )}
      <table>
        <caption>{shown}</caption>
        <thead>
          <tr>
            <th scope="col">number</th>
            <th scope="col">began</th>
            <th scope="col" class="count">
              time
            </th>
            <th scope="col" class="count" title="Behind the best one that is complete">
              to best
            </th>
            <th scope="col">state</th>
          </tr>
        </thead>
        <tbody>
          {lines.map((line) => (
            <LapRow
              key={`${line.gateway} ${line.from}`}
              line={line}
              isShown={page.stretch.value?.from === line.from}
              onChosen={() => {
                void page.showStretch({ from: line.from, to: line.to ?? now, title: `${line.kind} ${line.title}` });
                onChosen();
              }}
            />
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface LapRowProps {
  readonly line: LapLine;
  readonly isShown: boolean;
  readonly onChosen: () => void;
}

function LapRow({ line, isShown, onChosen }: LapRowProps) {
  const { kind, title, from, seconds, isBest, behind, state, cause } = line;
  return (
    <tr class={`lap-${state} ${isBest ? 'is-best' : ''} ${isShown ? 'is-shown' : ''}`}>
      <th scope="row">
        <button type="button" class="lap-button" onClick={onChosen} title={`Show ${kind} ${title} in the charts`}>
          {title}
        </button>
      </th>
      <td>{formatClock(from, 1)}</td>
      <td class="count">{formatLap(seconds)}</td>
      <td class="count">{isBest ? 'best' : behind === undefined ? '' : `+${behind.toFixed(3)}`}</td>
      <td>{cause === '' ? state : `${state}: ${cause}`}</td>
    </tr>
  );
}

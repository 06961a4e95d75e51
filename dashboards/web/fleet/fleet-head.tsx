import type { Attention } from '../../wire.ts';
import { Icon } from '../ui/icons.tsx';
import { Mark } from '../ui/mark.tsx';
import { ThemeSwitch } from '../ui/theme-switch.tsx';
import type { FleetPage } from './fleet-page.ts';

const LABELS: Readonly<Record<Attention, string>> = { act: 'act now', watch: 'watch', good: 'good' };

/** Whose fleet it is, how many boxes need what, and which are shown. */
export function FleetHead({ page }: { page: FleetPage }) {
  const fleet = page.fleet.value;
  const filter = page.filter.value;
  const counts = page.counts.value;
  return (
    <header class="strip fleet-head">
      <h1 class="brand">
        <Mark />
        <span>Fleet</span>
      </h1>
      <span class="fact">
        <span class="fact-name">central</span>
        <span class="fact-value">{fleet?.central ?? ''}</span>
      </span>
      <fieldset class="segments">
        <legend class="unseen">Show</legend>
        {(Object.keys(LABELS) as Attention[]).map((attention) => {
          const isChosen = filter.attention === attention;
          return (
            <button
              key={attention}
              type="button"
              class={`need need-${attention} ${isChosen ? 'is-chosen' : ''}`}
              aria-pressed={isChosen}
              onClick={() => page.choose({ ...filter, attention: isChosen ? undefined : attention })}
            >
              <strong>{counts[attention]}</strong> {LABELS[attention]}
            </button>
          );
        })}
      </fieldset>
      <label class="search fleet-search">
        <Icon name="search" />
        <span class="unseen">Filter</span>
        <input
          type="search"
          placeholder="name, reason, version"
          value={filter.text}
          onInput={(event) => page.choose({ ...filter, text: event.currentTarget.value })}
        />
      </label>
      <a class="page-link" href="/">
        Live
      </a>
      <ThemeSwitch />
      {page.problem.value !== undefined && (
        <p class="fleet-problem" role="alert">
          No news from central: {page.problem.value}
        </p>
      )}
    </header>
  );
}

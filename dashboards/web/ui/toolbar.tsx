import { useEffect } from 'preact/hooks';
import type { LivePage } from '../live/live-page.ts';
import { SPANS, type Span } from '../model/view-url.ts';
import { isTyping } from './channel-tree.tsx';
import { Icon } from './icons.tsx';

const SPAN_LABELS: Readonly<Record<Span, string>> = { 10: '10 s', 60: '1 min', 300: '5 min' };

/** Window and pause; keys: space, 1, 2, 3. */
export function Toolbar({ page }: { page: LivePage }) {
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (isTyping(event) || event.ctrlKey || event.metaKey || event.altKey) return;
      const span = SPANS[Number(event.key) - 1];
      const isOnButton = event.target instanceof HTMLButtonElement;
      if (event.key === ' ' && !isOnButton) page.togglePause();
      else if (span !== undefined && event.key !== ' ') page.setSpan(span);
      else return;
      event.preventDefault();
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, []);
  const isPaused = page.pausedAt.value !== undefined;
  const isChosen = (span: Span) => page.stretch.value === undefined && span === page.span.value;
  return (
    <div class="toolbar">
      <fieldset class="segments">
        <legend class="unseen">Window</legend>
        {SPANS.map((span) => (
          <button
            key={span}
            type="button"
            class={isChosen(span) ? 'is-chosen' : ''}
            aria-pressed={isChosen(span)}
            onClick={() => page.setSpan(span)}
          >
            {SPAN_LABELS[span]}
          </button>
        ))}
      </fieldset>
      <button
        type="button"
        class={`pause ${isPaused ? 'is-paused' : ''}`}
        aria-pressed={isPaused}
        onClick={() => page.togglePause()}
      >
        <Icon name={isPaused ? 'play' : 'pause'} />
        <span>{isPaused ? 'Resume' : 'Pause'}</span>
        <kbd>space</kbd>
      </button>
    </div>
  );
}

import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { LivePage } from '../live/live-page.ts';
import { formatAge } from '../model/format.ts';

/** Says that the gateway is not reached, since when, and when the page tries again. */
export function LostBanner({ page }: { page: LivePage }) {
  const now = useSignal(performance.now());
  const lostAt = useSignal<number | undefined>(undefined);
  const state = page.connection.value;
  if (state.kind === 'waiting') lostAt.value = state.lostAt;
  if (state.kind === 'open') lostAt.value = undefined;
  useEffect(() => {
    const timer = setInterval(() => {
      now.value = performance.now();
    }, 200);
    return () => clearInterval(timer);
  }, []);
  if (lostAt.value === undefined) return null;
  const seconds = Math.round(Math.max(0, now.value - lostAt.value) / 1000);
  const since = seconds < 100 ? `${seconds} s` : formatAge(seconds);
  const retryMs = state.kind === 'waiting' ? state.retryAt - now.value : 0;
  return (
    <div class="lost" role="alert">
      <strong>Gateway not reached</strong>
      <span>
        for {since}; what you see is old.{' '}
        {retryMs > 500 ? `Next try in ${Math.ceil(retryMs / 1000)} s.` : 'Trying now.'}
      </span>
      <button type="button" onClick={() => page.retryNow()}>
        Try now
      </button>
    </div>
  );
}

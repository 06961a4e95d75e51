import { formatCount } from '../model/format.ts';
import { type ShownSource, stateLabel, worstState } from '../model/status.ts';
import { useDismissable } from './dismissable.ts';

/** Sources named one by one in the strip; more of them are told as a count. */
const NAMED_MAX = 6;

/** Each source with its rate, as one button that opens the table of all there is to know of them. */
export function Sources({ sources }: { sources: readonly ShownSource[] }) {
  const { isOpen, toggle, box } = useDismissable();
  if (sources.length === 0) return null;
  const isMany = sources.length > NAMED_MAX;
  return (
    <div ref={box} class={`sources ${isMany ? 'are-many' : ''}`}>
      <button type="button" class="sources-button" aria-expanded={isOpen} onClick={toggle} title="Show the sources">
        <span class={`fact sources-count source-${worstState(sources)}`}>
          <span class="fact-name">sources</span>
          <span class="fact-value">{countText(sources)}</span>
        </span>
        {!isMany && sources.map((source) => <NamedSource key={source.name} source={source} />)}
      </button>
      {isOpen && <SourceTable sources={sources} />}
    </div>
  );
}

function countText(sources: readonly ShownSource[]): string {
  const running = sources.filter(({ state }) => state === 'running').length;
  return running === sources.length ? String(running) : `${running} of ${sources.length}`;
}

function NamedSource({ source }: { source: ShownSource }) {
  return (
    <span class={`fact source source-${source.state}`}>
      <span class="fact-name">{source.name}</span>
      <span class="fact-value">
        {source.state === 'running' ? `${formatCount(source.rate)}/s` : stateLabel(source.state)}
        {source.dropped > 0 && <span class="fact-alarm"> {formatCount(source.dropped)} dropped</span>}
      </span>
    </span>
  );
}

function SourceTable({ sources }: { sources: readonly ShownSource[] }) {
  return (
    <div class="popover source-table">
      <table>
        <caption>Sources</caption>
        <thead>
          <tr>
            <th scope="col">source</th>
            <th scope="col">kind</th>
            <th scope="col">state</th>
            <th scope="col">samples/s</th>
            <th scope="col">received</th>
            <th scope="col">dropped</th>
            <th scope="col">not read</th>
            <th scope="col" title="Samples that the config leaves out">
              left out
            </th>
            <th scope="col" title="Channels that went quiet">
              stale
            </th>
          </tr>
        </thead>
        <tbody>
          {sources.map((source) => (
            <tr key={source.name} class={`source-${source.state}`}>
              <th scope="row">{source.name}</th>
              <td>{source.kind}</td>
              <td class="source-state">
                {stateLabel(source.state)}
                {source.problem !== '' && <div class="source-detail">{source.problem}</div>}
              </td>
              <td class="count">{formatCount(source.rate)}</td>
              <td class="count">{formatCount(source.received)}</td>
              <td class={`count ${source.dropped > 0 ? 'is-bad' : ''}`}>{formatCount(source.dropped)}</td>
              <Reasons counts={source.errorReasons} places={source.errorPlaces} />
              <Reasons counts={source.leftOut} />
              <td class={`count ${source.stale > 0 ? 'is-bad' : ''}`} title={source.staleNames.join('\n')}>
                {formatCount(source.stale)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface ReasonsProps {
  readonly counts: readonly (readonly [reason: string, count: number])[];
  /** By reason, for some: where it was met. */
  readonly places?: Readonly<Record<string, string>>;
}

function Reasons({ counts, places }: ReasonsProps) {
  return (
    <td class="reasons">
      {counts.length === 0
        ? '0'
        : counts.map(([reason, count]) => (
            <div key={reason}>
              <span class="count">{formatCount(count)}</span> {reason}
              {places?.[reason] !== undefined && <div class="source-detail">{places[reason]}</div>}
            </div>
          ))}
    </td>
  );
}

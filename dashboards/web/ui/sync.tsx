import { formatAge, formatBytes, formatCount } from '../model/format.ts';
import { etaText, type ShownDestination, type ShownLine, syncSummary } from '../model/sync.ts';
import { useDismissable } from './dismissable.ts';

/** How blocks reach the centrals of this gateway: one button that opens all there is to know of each. */
export function Sync({ destinations, now }: { destinations: readonly ShownDestination[]; now: number }) {
  const { isOpen, toggle, box } = useDismissable();
  if (destinations.length === 0) return null;
  const { text, tone } = syncSummary(destinations);
  return (
    <div ref={box} class="sources sync">
      <button
        type="button"
        class="sources-button"
        aria-expanded={isOpen}
        onClick={toggle}
        title="Show what centrals have"
      >
        <span class={`fact ${tone}`}>
          <span class="fact-name">central</span>
          <span class="fact-value">{text}</span>
        </span>
      </button>
      {isOpen && <SyncTable destinations={destinations} now={now} />}
    </div>
  );
}

function SyncTable({ destinations, now }: { destinations: readonly ShownDestination[]; now: number }) {
  return (
    <div class="popover source-table sync-table">
      <table>
        <caption>Centrals</caption>
        <thead>
          <tr>
            <th scope="col">central</th>
            <th scope="col" title="The line in use, and what its pacer does; what the others wait for">
              line
            </th>
            <th scope="col" class="count" title="What it lacks, about">
              behind
            </th>
            <th scope="col" class="count" title="How old the oldest of it is">
              oldest
            </th>
            <th scope="col" class="count" title="What it takes">
              rate
            </th>
            <th scope="col">has all</th>
            <th scope="col" class="count" title="Left of the budget of the day">
              budget left
            </th>
            <th scope="col" title="When it last said, or proved, what it has">
              last receipt
            </th>
          </tr>
        </thead>
        <tbody>
          {destinations.map((destination) => (
            <DestinationRow key={destination.name} destination={destination} now={now} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function DestinationRow({ destination, now }: { destination: ShownDestination; now: number }) {
  const { name, lines, line, behindBytes, since, takesPerS, told, proven, refused, stores } = destination;
  const ago = (time: number | undefined) => (time === undefined ? '' : formatAge(Math.max(0, now - time) / 1e6));
  return (
    <tr>
      <th scope="row">{name}</th>
      <td class="sync-lines">
        {lines.length === 0 ? 'not heard of' : lines.map((each) => <LineText key={each.name} line={each} ago={ago} />)}
      </td>
      <td class="count">{behindBytes === undefined ? '' : formatBytes(behindBytes)}</td>
      <td class="count">{ago(since)}</td>
      <td class="count">{takesPerS === undefined ? '' : `${formatBytes(takesPerS)}/s`}</td>
      <td>{etaText(destination)}</td>
      <td class="count">{line?.budgetLeft === undefined ? '' : formatBytes(line.budgetLeft)}</td>
      <td>
        {told === undefined ? 'none yet' : `${ago(told)} ago`}
        {proven && told !== undefined && ', signed'}
        {refused > 0 && <div class="source-detail">{formatCount(refused)} refused</div>}
        {stores > 1 && <div class="source-detail">{stores} stores have its name</div>}
      </td>
    </tr>
  );
}

function LineText({ line, ago }: { line: ShownLine; ago: (time: number | undefined) => string }) {
  const { name, state, why, bytesPerS, heard } = line;
  const isUsed = state === 'in-use';
  const carries = isUsed && bytesPerS !== undefined ? `, carries ${formatBytes(bytesPerS)}/s` : '';
  return (
    <div class={`line-${state}`} title={heard === undefined ? '' : `as central said ${ago(heard)} ago`}>
      {name === '' ? '' : `${name}: `}
      {isUsed ? `in use, ${why}${carries}` : `${state}, ${why}`}
    </div>
  );
}

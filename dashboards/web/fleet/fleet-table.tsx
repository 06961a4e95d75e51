import type { FleetBox } from '../../wire.ts';
import { formatAge, formatCount } from '../model/format.ts';
import type { FleetPage } from './fleet-page.ts';

/** A line as a person says it. */
const LINES: Readonly<Record<FleetBox['line']['state'], string>> = {
  starting: 'connecting',
  running: 'up',
  waiting: 'down',
  stopped: 'stopped',
  none: 'none yet',
  beyond: 'by another central',
};

/** A row a box, those that need attention first, as central sorted them. */
export function FleetTable({ page }: { page: FleetPage }) {
  const fleet = page.fleet.value;
  if (fleet === undefined) return <p class="fleet-empty">{page.problem.value === undefined ? 'Asking central' : ''}</p>;
  const boxes = page.boxes.value;
  if (boxes.length === 0) {
    return <p class="fleet-empty">{fleet.boxes.length === 0 ? 'No box is known yet.' : 'No box fits the filter.'}</p>;
  }
  return (
    <table class="fleet-table">
      <thead>
        <tr>
          <th scope="col">box</th>
          <th scope="col">why</th>
          <th scope="col">line</th>
          <th scope="col" class="quantity" title="Age of the newest sample that central has">
            newest
          </th>
          <th scope="col" class="quantity" title="What the box has and central has not, about">
            behind
          </th>
          <th scope="col" class="quantity" title="Samples that are lost for good">
            lost
          </th>
          <th scope="col" class="quantity" title="Sources that run, of all">
            sources
          </th>
          <th scope="col">clock</th>
          <th scope="col" class="quantity" title="Room in its store">
            disk
          </th>
          <th scope="col" class="quantity" title="Until its certificate expires">
            certificate
          </th>
          <th scope="col">version</th>
        </tr>
      </thead>
      <tbody>
        {boxes.map((box) => (
          <Row key={box.gateway} box={box} now={fleet.now} />
        ))}
      </tbody>
    </table>
  );
}

function Row({ box, now }: { box: FleetBox; now: number }) {
  const {
    gateway,
    attention,
    reasons,
    line,
    newest,
    behind,
    lost,
    sources,
    clock,
    disk,
    certificate,
    version,
    withheld,
  } = box;
  return (
    <tr class={`need-${attention}`}>
      <th scope="row">{gateway}</th>
      <td class="why" title={withheldTitle(withheld)}>
        {reasons.map((reason) => (
          <span key={reason}>{reason}</span>
        ))}
      </td>
      <td class={`line-${line.state}`} title={line.place ?? ''}>
        {LINES[line.state]}
      </td>
      <td class="quantity">{newest === undefined ? '' : formatAge(Math.max(0, now - newest) / 1e6)}</td>
      <td class="quantity">{behind === undefined || behind.positions === 0 ? '' : `${formatCount(behind.bytes)}B`}</td>
      <td class="quantity">{lost === 0 ? '' : formatCount(lost)}</td>
      <td class="quantity">
        {sources === undefined ? '' : `${sources.count - sources.waiting.length}/${sources.count}`}
      </td>
      <td>{clock === undefined ? '' : clock.source === 'none' ? 'not set' : clock.source.toUpperCase()}</td>
      <td class="quantity">{disk === undefined ? '' : shareText(disk.usedBytes, disk.limitBytes)}</td>
      <td class="quantity">{certificate === undefined ? '' : certificateText(certificate, now)}</td>
      <td>{version ?? ''}</td>
    </tr>
  );
}

function withheldTitle(withheld: FleetBox['withheld'] = {}): string {
  const causes = Object.entries(withheld).filter(([, count]) => count > 0);
  if (causes.length === 0) return '';
  return `channels that do not come here: ${causes.map(([cause, count]) => `${cause} ${count}`).join(', ')}`;
}

function shareText(used: number, limit: number): string {
  return limit > 0 ? `${Math.round((100 * used) / limit)} %` : '';
}

function certificateText({ expires, revoked }: NonNullable<FleetBox['certificate']>, now: number): string {
  if (revoked !== undefined) return 'revoked';
  return expires <= now ? 'expired' : formatAge((expires - now) / 1e6);
}

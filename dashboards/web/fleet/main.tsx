import { render } from 'preact';
import './fleet.css';
import { startTheme } from '../ui/theme.ts';
import { FleetHead } from './fleet-head.tsx';
import { FleetPage } from './fleet-page.ts';
import { FleetTable } from './fleet-table.tsx';

function App({ page }: { page: FleetPage }) {
  return (
    <>
      <FleetHead page={page} />
      <main class="fleet">
        <FleetTable page={page} />
      </main>
    </>
  );
}

const root = document.getElementById('app');
if (root === null) throw new Error('the page has no element #app');
document.title = 'Fleet - Caisson';
startTheme();
const page = new FleetPage();
render(<App page={page} />, root);
page.start();

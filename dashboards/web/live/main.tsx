import { useSignal } from '@preact/signals';
import { render } from 'preact';
import 'uplot/dist/uPlot.min.css';
import { ChannelTreePanel } from '../ui/channel-tree.tsx';
import { ChartStack } from '../ui/chart-stack.tsx';
import { LostBanner } from '../ui/lost-banner.tsx';
import { StatusStrip } from '../ui/status-strip.tsx';
import { startTheme } from '../ui/theme.ts';
import { Toolbar } from '../ui/toolbar.tsx';
import { LivePage } from './live-page.ts';

function App({ page }: { page: LivePage }) {
  const isTreeOpen = useSignal(false);
  return (
    <>
      <StatusStrip
        page={page}
        onTree={() => {
          isTreeOpen.value = !isTreeOpen.value;
        }}
      />
      <LostBanner page={page} />
      <div class="body">
        <ChannelTreePanel
          page={page}
          isOpen={isTreeOpen.value}
          onClose={() => {
            isTreeOpen.value = false;
          }}
        />
        <div class="charts">
          <Toolbar page={page} />
          <ChartStack page={page} />
        </div>
      </div>
    </>
  );
}

const root = document.getElementById('app');
if (root === null) throw new Error('the page has no element #app');
startTheme();
const page = new LivePage();
render(<App page={page} />, root);
page.start();

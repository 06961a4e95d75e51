import t from 'tap';
import { FRAME_ERROR, FrameBatch } from '../../../hardware/can/can-frame.ts';
import { errorClass, reportedState } from '../../../hardware/can/error-frame.ts';

/** Identifier and second data byte of an error frame, as linux/can/error.h has them. */
const CASES: readonly (readonly [id: number, controller: number, name: string, state: string | undefined])[] = [
  [0x000, 0, 'error-frame', undefined],
  [0x001, 0, 'send-timeout', undefined],
  [0x002, 0, 'lost-arbitration', undefined],
  [0x004, 0x00, 'controller-problem', undefined],
  [0x004, 0x01, 'receive-overflow', undefined],
  [0x004, 0x02, 'send-overflow', undefined],
  [0x004, 0x04, 'error-warning', 'error-warning'],
  [0x004, 0x08, 'error-warning', 'error-warning'],
  [0x004, 0x10, 'error-passive', 'error-passive'],
  [0x004, 0x2c, 'error-passive', 'error-passive'],
  [0x004, 0x40, 'error-active', 'error-active'],
  [0x008, 0, 'protocol-violation', undefined],
  [0x010, 0, 'transceiver-problem', undefined],
  [0x020, 0, 'no-acknowledge', undefined],
  [0x040, 0, 'bus-off', 'bus-off'],
  [0x080, 0, 'bus-error', undefined],
  [0x088, 0, 'protocol-violation', undefined],
  [0x0c4, 0x10, 'bus-off', 'bus-off'],
  [0x100, 0, 'controller-restarted', 'error-active'],
  [0x200, 0, 'error-frame', undefined],
];

t.test('an error frame says what it reports and which state the controller is in', async (t) => {
  for (const [id, controller, name, state] of CASES) {
    const frames = new FrameBatch(2);
    frames.add(0x123, 0, Uint8Array.of(255, 255), 0, 2);
    frames.add(id, FRAME_ERROR, Uint8Array.of(0, controller, 0, 0, 0, 0, 0, 0), 0, 8);
    t.same([errorClass(frames, 1), reportedState(frames, 1)], [name, state], `${id.toString(16)} ${controller}`);
  }
});

t.test('a report without data names its class only', async (t) => {
  const frames = new FrameBatch(1);
  frames.data.fill(0x10);
  frames.add(0x004, FRAME_ERROR, new Uint8Array(0), 0, 0);
  t.same([errorClass(frames, 0), reportedState(frames, 0)], ['controller-problem', undefined]);
});

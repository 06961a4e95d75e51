import { FRAME_BYTES_MAX, type FrameBatch } from './can-frame.ts';

/** How far a controller takes part in its bus (ISO 11898-1): `bus-off` neither sends nor hears. */
export type ControllerState = 'error-active' | 'error-warning' | 'error-passive' | 'bus-off' | 'stopped';

/** Classes: identifier bits of an error frame (linux/can/error.h, CAN_ERR_*). */
const SEND_TIMEOUT = 0x001;
const LOST_ARBITRATION = 0x002;
const CONTROLLER = 0x004;
const PROTOCOL = 0x008;
const TRANSCEIVER = 0x010;
const NO_ACKNOWLEDGE = 0x020;
const BUS_OFF = 0x040;
const BUS_ERROR = 0x080;
const RESTARTED = 0x100;

/** Bits of data byte 1 where the controller's problem is told (linux/can/error.h, CAN_ERR_CRTL_*). */
const RECEIVE_OVERFLOW = 0x01;
const SEND_OVERFLOW = 0x02;
const WARNING = 0x04 | 0x08;
const PASSIVE = 0x10 | 0x20;
const ACTIVE = 0x40;

/**
 * What error frame `i` reports, in a word: `bus-off`, `error-passive`, `receive-overflow` and so on; of several the
 * gravest. `error-frame` where it does not say, as adapters and recordings other than SocketCAN's do not.
 */
export function errorClass(frames: FrameBatch, i: number): string {
  const id = frames.ids[i] as number;
  if ((id & BUS_OFF) !== 0) return 'bus-off';
  if ((id & RESTARTED) !== 0) return 'controller-restarted';
  if ((id & CONTROLLER) !== 0) return controllerProblem(controllerByte(frames, i));
  if ((id & NO_ACKNOWLEDGE) !== 0) return 'no-acknowledge';
  if ((id & PROTOCOL) !== 0) return 'protocol-violation';
  if ((id & TRANSCEIVER) !== 0) return 'transceiver-problem';
  if ((id & BUS_ERROR) !== 0) return 'bus-error';
  if ((id & LOST_ARBITRATION) !== 0) return 'lost-arbitration';
  return (id & SEND_TIMEOUT) === 0 ? 'error-frame' : 'send-timeout';
}

function controllerProblem(bits: number): string {
  if ((bits & RECEIVE_OVERFLOW) !== 0) return 'receive-overflow';
  if ((bits & PASSIVE) !== 0) return 'error-passive';
  if ((bits & WARNING) !== 0) return 'error-warning';
  if ((bits & SEND_OVERFLOW) !== 0) return 'send-overflow';
  return (bits & ACTIVE) === 0 ? 'controller-problem' : 'error-active';
}

/** The state that error frame `i` says the controller is in; undefined where it says nothing of it. */
export function reportedState(frames: FrameBatch, i: number): ControllerState | undefined {
  const id = frames.ids[i] as number;
  if ((id & BUS_OFF) !== 0) return 'bus-off';
  if ((id & RESTARTED) !== 0) return 'error-active';
  if ((id & CONTROLLER) === 0) return undefined;
  const bits = controllerByte(frames, i);
  if ((bits & PASSIVE) !== 0) return 'error-passive';
  if ((bits & WARNING) !== 0) return 'error-warning';
  return (bits & ACTIVE) === 0 ? undefined : 'error-active';
}

function controllerByte(frames: FrameBatch, i: number): number {
  return (frames.lengths[i] as number) > 1 ? (frames.data[i * FRAME_BYTES_MAX + 1] as number) : 0;
}

import { absenceOf, type BytePort } from '../../hardware/serial/byte-port.ts';
import { openSerialPort } from '../../hardware/serial/serial-port.ts';
import { openTcpPort } from '../../hardware/serial/tcp-port.ts';
import { systemTimers, type Timers } from '../../hardware/serial/timers.ts';
import {
  type Collector,
  type CollectorContext,
  CollectorCounters,
  type CollectorFactory,
  type CollectorHealth,
} from '../collector.ts';
import { type ModbusConfig, type ModbusSettings, modbusSettings } from './modbus-config.ts';
import { ModbusLine, type Outcome } from './modbus-line.ts';
import { decodeAnswer, encodeRead, ILLEGAL_DATA_ADDRESS } from './pdu.ts';
import { PointChannels } from './point-channels.ts';
import { isDead, type Poll, type PolledUnit, PollSchedule } from './poll-schedule.ts';
import { RtuFraming } from './rtu-framing.ts';
import { TcpFraming } from './tcp-framing.ts';

/** Silence that RTU wants between two frames: the time of so many bits (3.5 bytes of 11), and at least so many ms. */
const QUIET_BITS = 38.5;
const QUIET_MS_MIN = 1.75;

/** Reads registers and bits of the units on a line, again and again. */
export const createModbusCollector: CollectorFactory<ModbusConfig> = (config, context) => {
  const settings = modbusSettings(config);
  const { port } = settings;
  const bytes = 'host' in port ? openTcpPort(port) : openSerialPort(port);
  return new ModbusCollector(settings, context, bytes);
};

export class ModbusCollector implements Collector {
  readonly #context: CollectorContext;
  readonly #counters = new CollectorCounters();
  readonly #line: ModbusLine;
  readonly #timers: Timers;
  readonly #schedule: PollSchedule;
  readonly #points: PointChannels;
  readonly #quietMs: number;
  readonly #online = new Map<PolledUnit, { channel: number; told: boolean | undefined }>();
  #isStopped = true;
  #running: Promise<void> | undefined;
  /** Ends a pause of the loop early. */
  #wake: (() => void) | undefined;

  constructor(settings: ModbusSettings, context: CollectorContext, port: BytePort, timers: Timers = systemTimers) {
    this.#context = context;
    this.#timers = timers;
    const isTcp = 'host' in settings.port && settings.port.framing === 'tcp';
    this.#line = new ModbusLine(port, isTcp ? new TcpFraming() : new RtuFraming(), timers, () => this.#begin());
    this.#quietMs = 'path' in settings.port ? Math.max(QUIET_MS_MIN, (QUIET_BITS / settings.port.baudRate) * 1e3) : 0;
    this.#schedule = new PollSchedule(settings.units);
    this.#points = new PointChannels(context.intake, context.source, settings.prefix);
    for (const unit of this.#schedule.units) {
      const { name, unit: address } = unit.settings;
      const { id } = context.intake.channel({
        name: [settings.prefix ?? context.source, name ?? `unit-${address}`, 'online'].join('/'),
        source: context.source,
        type: 'bool',
        description: `Unit ${address} answers`,
      });
      this.#online.set(unit, { channel: id, told: undefined });
    }
  }

  async start(): Promise<void> {
    this.#isStopped = false;
    await this.#line.open();
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#wake?.();
    await this.#line.close();
    await this.#running;
  }

  health(): CollectorHealth {
    const { state, name } = this.#line;
    if (this.#isStopped) return this.#counters.health('stopped');
    const absence = absenceOf(state);
    if (absence !== undefined) return this.#counters.health('waiting', `${name}: ${absence}`);
    const dead = this.#schedule.units.filter(isDead).map(({ settings }) => settings.name ?? `unit ${settings.unit}`);
    const problem = dead.length === 0 ? undefined : `${name}: no answer from ${dead.join(', ')}`;
    if (dead.length === this.#schedule.units.length) return this.#counters.health('waiting', problem);
    return this.#counters.health(this.#counters.samples === 0 ? 'starting' : 'running', problem);
  }

  /** The port has opened. */
  #begin(): void {
    this.#schedule.begin(this.#timers.now());
    this.#wake?.();
  }

  /** One request after the other, until stopped. */
  async #run(): Promise<void> {
    while (!this.#isStopped) {
      const next = this.#schedule.next(this.#timers.now());
      if (next === undefined) return;
      if (this.#line.state.kind !== 'open') {
        // Nobody answers through a port that is not there.
        this.#tellAll(false);
        await this.#pause(undefined);
      } else if (next.waitMs > 0) {
        await this.#pause(next.waitMs);
      } else {
        await this.#poll(next.poll);
        if (this.#quietMs > 0) await this.#pause(this.#quietMs);
      }
    }
  }

  async #poll(poll: Poll): Promise<void> {
    const { unit, timeoutMs } = poll.unit.settings;
    const outcome = await this.#line.request(unit, encodeRead(poll.group.request), timeoutMs);
    if (this.#isStopped) return;
    this.#take(poll, outcome);
    this.#tell(poll.unit, !isDead(poll.unit));
    this.#context.intake.publish();
  }

  #take(poll: Poll, outcome: Outcome): void {
    const now = this.#timers.now();
    if (outcome.kind === 'lost' && this.#line.state.kind !== 'open') return;
    if (outcome.kind !== 'answer') {
      this.#counters.error(reasonOf(outcome));
      this.#schedule.unanswered(poll, now);
      return;
    }
    const time = this.#context.clock.now();
    this.#counters.received += 1;
    this.#counters.lastSeen = time;
    const answer = decodeAnswer(outcome.pdu, poll.group.request);
    if (answer.kind === 'mismatch') {
      this.#counters.error('mismatched-answer');
      this.#schedule.unanswered(poll, now);
      return;
    }
    this.#schedule.answered(poll, now);
    if (this.#schedule.missed > 0) this.#counters.errors['missed-read'] = this.#schedule.missed;
    if (answer.kind === 'exception') {
      this.#counters.error(`exception ${answer.name}`);
      if (answer.code === ILLEGAL_DATA_ADDRESS) this.#schedule.split(poll);
      return;
    }
    let isDropped = false;
    this.#points.push(poll.unit.settings, poll.group, answer.data, time, (taken) => {
      if (taken) this.#counters.samples += 1;
      else isDropped = true;
    });
    if (isDropped) this.#counters.dropped += 1;
  }

  #tellAll(isOnline: boolean): void {
    for (const unit of this.#schedule.units) this.#tell(unit, isOnline);
    this.#context.intake.publish();
  }

  /** Whether a unit answers is a sample when it changes. */
  #tell(unit: PolledUnit, isOnline: boolean): void {
    const online = this.#online.get(unit);
    if (online === undefined || online.told === isOnline) return;
    // Before its first answer a unit is neither.
    if (online.told === undefined && isOnline && unit.unanswered > 0) return;
    if (this.#context.intake.push(online.channel, this.#context.clock.now(), isOnline ? 1 : 0)) {
      this.#counters.samples += 1;
      online.told = isOnline;
    }
  }

  /** Resolves after that time, or without one when woken. */
  #pause(waitMs: number | undefined): Promise<void> {
    return new Promise((resolve) => {
      const cancel = waitMs === undefined ? undefined : this.#timers.after(waitMs, () => this.#wake?.());
      this.#wake = () => {
        this.#wake = undefined;
        cancel?.();
        resolve();
      };
    });
  }
}

function reasonOf(outcome: Exclude<Outcome, { kind: 'answer' }>): string {
  if (outcome.kind === 'lost') return 'not-sent';
  return outcome.skippedBytes === 0 ? 'no-answer' : 'garbled-answer';
}

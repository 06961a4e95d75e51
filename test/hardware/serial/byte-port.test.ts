import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import { mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import t from 'tap';
import { absenceOf, type BytePort, type PortState } from '../../../hardware/serial/byte-port.ts';
import { openLogPort } from '../../../hardware/serial/log-port.ts';
import { MemoryWire } from '../../../hardware/serial/memory-port.ts';
import { openPty, type Pty } from '../../../hardware/serial/pty.ts';
import { openSerialPort } from '../../../hardware/serial/serial-port.ts';
import { openTcpPort } from '../../../hardware/serial/tcp-port.ts';
import { freePort } from '../../free-port.ts';
import { waitFor } from '../../wait-for.ts';
import { HurriedTimers } from './hurried-timers.ts';

/** Every byte there is, so that a line discipline that edits any of them is caught. */
const ALL_BYTES = Buffer.from(Array.from({ length: 4096 }, (_, index) => (index * 7 + (index >> 8)) & 0xff));

/** A device of one kind, seen from the far end. */
interface Device {
  readonly port: BytePort;
  /** Makes the device be there; once the port is open, {@link ALL_BYTES} come from it. */
  appear(): Promise<void>;
  /** Called when the port is open. */
  talk(): void | Promise<void>;
  remove(): Promise<void>;
  /** What the port wrote, where the device can hear it. */
  heard?(): Buffer;
}

const kinds: Record<string, (folder: string, timers: HurriedTimers) => Device | Promise<Device>> = {
  'a pseudo terminal': (folder, timers) => {
    const path = join(folder, 'by-id');
    let pty: Pty | undefined;
    let heard: Buffer = Buffer.alloc(0);
    return {
      port: openSerialPort({ path, baudRate: 115_200 }, { timers }),
      async appear() {
        pty = await openPty();
        pty.onData((bytes) => {
          heard = Buffer.concat([heard, bytes]);
        });
        await symlink(pty.path, path);
      },
      talk() {
        pty?.write(ALL_BYTES);
      },
      async remove() {
        await rm(path, { force: true });
        await pty?.close();
      },
      heard: () => heard,
    };
  },
  'a TCP connection': async (_folder, timers) => {
    const number = await freePort();
    const port = openTcpPort({ host: '127.0.0.1', port: number }, { timers });
    const sockets = new Set<Socket>();
    /** Connections that were accepted, and how many of them {@link ALL_BYTES} were said to. */
    let accepted = 0;
    let spokenTo = 0;
    let server: Server | undefined;
    let heard: Buffer = Buffer.alloc(0);
    return {
      port,
      async appear() {
        server = createServer((socket) => {
          accepted += 1;
          sockets.add(socket);
          socket.on('error', () => {});
          socket.on('close', () => sockets.delete(socket));
          socket.on('data', (bytes) => {
            heard = Buffer.concat([heard, bytes]);
          });
        });
        server.listen(number, '127.0.0.1');
        await once(server, 'listening');
      },
      async talk() {
        // The connection before may not have ended here yet.
        if (port.state.kind === 'open') await waitFor('a new connection', () => accepted > spokenTo);
        spokenTo = accepted;
        for (const socket of sockets) socket.write(ALL_BYTES);
      },
      async remove() {
        const closing = server;
        server = undefined;
        for (const socket of sockets) socket.destroy();
        if (closing !== undefined) await new Promise((resolve) => closing.close(resolve));
      },
      heard: () => heard,
    };
  },
  'a recording': (folder, timers) => logDevice(join(folder, 'wire.bin'), ALL_BYTES, timers),
  'a packed recording': (folder, timers) => logDevice(join(folder, 'wire.gz'), gzipSync(ALL_BYTES), timers),
  'a wire in memory': (_folder, timers) => {
    const wire = new MemoryWire();
    wire.unplug();
    return {
      port: wire.port({ timers }),
      async appear() {
        wire.plug();
      },
      async talk() {
        await wire.send(ALL_BYTES);
      },
      async remove() {
        wire.unplug();
      },
      heard: () => Buffer.concat(wire.takeWritten()),
    };
  },
};

function logDevice(path: string, content: Uint8Array, timers: HurriedTimers): Device {
  return {
    port: openLogPort({ path }, { timers }),
    async appear() {
      // Whole at once: who looks again and again must not find the beginning of it.
      await writeFile(`${path}.part`, content);
      await rename(`${path}.part`, path);
    },
    talk() {},
    remove: () => rm(path, { force: true }),
  };
}

/** Listens to a port. */
class Listener {
  readonly states: PortState[] = [];
  bytes: Buffer = Buffer.alloc(0);
  calls = 0;

  readonly onData = (bytes: Uint8Array): void => {
    this.calls += 1;
    this.bytes = Buffer.concat([this.bytes, bytes]);
  };
  readonly onState = (state: PortState): void => {
    this.states.push(state);
  };

  kinds(): string[] {
    return this.states.map((state) => state.kind);
  }
}

for (const [kind, make] of Object.entries(kinds)) {
  t.test(kind, async (t) => {
    let device: Device;
    let timers: HurriedTimers;
    let listener: Listener;
    t.beforeEach(async (t) => {
      const folder = await mkdtemp(join(tmpdir(), 'caisson-port-'));
      timers = new HurriedTimers();
      device = await make(folder, timers);
      listener = new Listener();
      t.teardown(async () => {
        await device.port.close();
        await device.remove();
        await rm(folder, { recursive: true, force: true });
      });
    });

    const openAndTalk = async (): Promise<void> => {
      await device.port.open(listener.onData, listener.onState);
      await waitFor('the port to open', () => listener.kinds().includes('open'));
      await device.talk();
      await waitFor('all bytes', () => listener.bytes.length >= ALL_BYTES.length);
    };

    t.test('carries every byte unchanged and in order', async (t) => {
      await device.appear();
      await openAndTalk();
      t.ok(listener.bytes.equals(ALL_BYTES));
      t.same(listener.kinds().slice(0, 2), ['opening', 'open']);
    });

    t.test('waits for a device that is not there and opens it when it appears', async (t) => {
      await device.port.open(listener.onData, listener.onState);
      t.same(listener.kinds(), ['opening', 'waiting']);
      const waiting = listener.states[1];
      t.ok(waiting?.kind === 'waiting' && waiting.problem.length > 0, 'says what is wrong');
      await waitFor('three attempts', () => timers.waits.length >= 3);
      const again = listener.states.filter((state) => state.kind === 'opening').slice(1);
      t.ok(again.length > 0 && again.every((state) => absenceOf(state) !== undefined), 'also while it is tried again');
      await device.appear();
      await waitFor('the port to open', () => listener.kinds().includes('open'));
      await device.talk();
      await waitFor('all bytes', () => listener.bytes.length >= ALL_BYTES.length);
      t.ok(listener.bytes.equals(ALL_BYTES));
    });

    t.test('waits from one second to thirty, shortened by at most a quarter', async (t) => {
      await device.port.open(listener.onData, listener.onState);
      await waitFor('seven attempts', () => timers.waits.length >= 7);
      for (const [index, longest] of [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000].entries()) {
        const wait = timers.waits[index] ?? 0;
        t.ok(wait <= longest && wait >= longest * 0.75, `wait ${index} of ${wait} ms`);
      }
    });

    t.test('calls no listener after close and can be opened again', async (t) => {
      await device.appear();
      await openAndTalk();
      await device.port.close();
      const calls = listener.calls;
      const states = listener.states.length;
      t.equal(device.port.state.kind, 'closed');
      await device.talk();
      await new Promise(setImmediate);
      t.equal(listener.calls, calls);
      t.equal(listener.states.length, states);
      listener = new Listener();
      await openAndTalk();
      t.ok(listener.bytes.equals(ALL_BYTES));
    });

    t.test('stops retrying after close', async (t) => {
      await device.port.open(listener.onData, listener.onState);
      await device.port.close();
      const attempts = timers.waits.length;
      await device.appear();
      await new Promise((resolve) => setTimeout(resolve, 40));
      t.equal(timers.waits.length, attempts);
      t.equal(device.port.state.kind, 'closed');
    });

    t.test('closes while it is opening', async (t) => {
      await device.appear();
      const opening = device.port.open(listener.onData, listener.onState);
      await device.port.close();
      await opening;
      t.equal(device.port.state.kind, 'closed');
      t.equal(listener.calls, 0);
      await device.port.close();
    });

    t.test('refuses to be opened twice', async (t) => {
      await device.port.open(listener.onData);
      await t.rejects(device.port.open(listener.onData), /open already/);
    });

    t.test('drops and counts what is written while it is not open', async (t) => {
      t.equal(device.port.write(Buffer.from('lost')), false);
      t.equal(device.port.droppedBytes, 4);
    });

    t.test('reads nothing further until the promise of the listener settles', async (t) => {
      await device.appear();
      let release = (): void => {};
      let calls = 0;
      await device.port.open(() => {
        calls += 1;
        return new Promise<void>((resolve) => {
          release = resolve;
        });
      }, listener.onState);
      await waitFor('the port to open', () => listener.kinds().includes('open'));
      void device.talk();
      await waitFor('the first piece', () => calls === 1);
      await new Promise((resolve) => setTimeout(resolve, 20));
      t.equal(calls, 1);
      release();
    });
  });
}

for (const kind of ['a pseudo terminal', 'a wire in memory']) {
  t.test(`${kind} is a device that can vanish`, async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'caisson-port-'));
    const timers = new HurriedTimers();
    const device = await kinds[kind]?.(folder, timers);
    if (device === undefined) return;
    const listener = new Listener();
    t.teardown(async () => {
      await device.port.close();
      await device.remove();
      await rm(folder, { recursive: true, force: true });
    });
    await device.appear();
    await device.port.open(listener.onData, listener.onState);

    for (const round of [1, 2]) {
      await device.talk();
      await waitFor(`bytes of round ${round}`, () => listener.bytes.length === round * ALL_BYTES.length);
      const seen = listener.states.length;
      const waits = timers.waits.length;
      await device.remove();
      await waitFor('the loss to be told', () => listener.states.length > seen);
      t.equal(listener.states[seen]?.kind, 'waiting');
      t.ok((timers.waits[waits] ?? 0) <= 1000, 'the back-off begins anew after data');
      await device.appear();
      await waitFor('the port to open again', () => device.port.state.kind === 'open');
    }
    t.ok(device.port.write(ALL_BYTES));
    let heard: Buffer = Buffer.alloc(0);
    await waitFor('the written bytes', () => {
      const now = device.heard?.() ?? Buffer.alloc(0);
      heard = now.length >= heard.length ? now : heard;
      return heard.length >= ALL_BYTES.length;
    });
    t.ok(heard.equals(ALL_BYTES), 'the device hears every byte unchanged');
  });
}

import { Buffer } from 'node:buffer';
import t from 'tap';
import { mqttClientSettings } from '../../../../collectors/mqtt/client/client-config.ts';
import { findLineSettings, USUAL_BAUD_RATES } from '../../../../collectors/serial/find-line-settings.ts';
import { serialSettings } from '../../../../collectors/serial/serial-config.ts';
import { brokerFindings } from '../../../../gateway/commands/doctor/broker-check.ts';
import { serialFindings } from '../../../../gateway/commands/doctor/serial-findings.ts';
import { sentence } from '../../../../hardware/simulated/nmea.ts';
import { receivedAt } from '../../../collectors/serial/uart.ts';

const NMEA = Buffer.from(sentence('GPGGA,172814.00,3723.4658,N,12202.2695,W,1,08,1.0,18.9,M,-25.7,M,,').repeat(6));

t.test('a device at another baud rate is told with the rate that mends it', async (t) => {
  const settings = serialSettings({ port: { path: '/dev/ttyUSB0', baudRate: 4800 }, protocol: 'nmea' });
  const search = await findLineSettings(async (baudRate) => {
    return { kind: 'bytes', bytes: receivedAt(NMEA, { baudRate: 38_400 }, baudRate) };
  }, USUAL_BAUD_RATES);
  const heard = { units: 0, damaged: 3, bytes: 200, firstLine: '' };
  t.match(serialFindings([{ source: 'gps', settings, heard, search }], [], []).findings, [
    {
      code: 'baud-rate',
      severity: 'broken',
      seen: '200 bytes without sense at 4800 baud; at 38400 baud 6 NMEA 0183 sentences',
      mend: { path: ['sources', 'gps', 'port', 'baudRate'], config: 'baudRate: 38400' },
    },
  ]);
});

t.test('what is proposed for a silent broker with TLS names the authority of its certificate', async (t) => {
  const trial = { problem: undefined, validTo: undefined, refused: [], messages: 0 };
  const command = (tls: object) => {
    const settings = mqttClientSettings({ host: 'plant', clientId: 'pit', subscribe: ['#'], ...tls });
    return brokerFindings({ source: 'plant', settings, trial }, 0).findings[0]?.mend;
  };
  t.match(command({}), { command: /^mosquitto_sub -h plant -p 1883 -v -t '#' -W 10$/ });
  t.match(command({ tls: { ca: 'tls/ca.crt' }, port: 8883 }), { command: /-p 8883 --cafile tls\/ca\.crt -v/ });
});

/**
 * Collectors, from what a wire gives to samples in the ring, on one core. CAN: all frames of the recorded RAV4, two buses with
 * three DBC files, are read into memory once. A round passes them all through a collector of their own with its intake; only the
 * time in which frames become samples in the ring counts, as CPU of this process, and not that in which the ring is emptied again.
 * Each round must give the samples that the decoded frames have, as many as the round before. Reading the recording itself,
 * packed and plain, is measured apart. Against canmatrix, the first frames of the power train are decoded by both, and every value is
 * compared. NMEA 0183: two recordings in pieces as a port hands them over, measured in the same way.
 * Line protocol over HTTP: bodies to a gateway and to InfluxDB, each a process of its own, whose CPU counts whole; afterwards both
 * must hold the same values.
 * MQTT: prepared bytes from a process of their own to a broker with its store, and to mosquitto, whose CPU counts whole; afterwards
 * the store must hold what was sent, in its order.
 */

import { canFigures } from './can-frames.ts';
import type { Findings, Progress } from './figure.ts';
import { httpFigures } from './http-lines.ts';
import { mqttFigures } from './mqtt-messages.ts';
import { nmeaFigures } from './nmea-sentences.ts';

export async function runCollectors(progress: Progress): Promise<Findings> {
  const figures = [
    ...(await canFigures(progress)),
    ...(await nmeaFigures(progress)),
    ...(await httpFigures(progress)),
    ...(await mqttFigures(progress)),
  ];
  return { figures };
}

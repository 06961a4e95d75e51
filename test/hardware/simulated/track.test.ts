import t from 'tap';
import { LONGSHOAL } from '../../../hardware/simulated/circuit.ts';
import { Track } from '../../../hardware/simulated/track.ts';

const track = new Track(LONGSHOAL);
const places = Array.from({ length: 2000 }, (_, i) => (i / 2000) * track.lengthM);

t.test('a lap has the length of a real circuit and ends where it began', async (t) => {
  t.ok(track.lengthM > 4000 && track.lengthM < 5000, `${track.lengthM} m`);
  const end = track.lengthM - 1e-6;
  t.ok(Math.hypot(track.eastAt(end), track.northAt(end)) < 0.01, 'position');
  t.ok(Math.abs(track.headingAt(end) - track.headingAt(0) + 2 * Math.PI) < 1e-4, 'one turn to the right');
  t.ok(Math.abs(track.heightAt(end) - track.heightAt(0)) < 1e-6, 'height');
});

t.test('distance, heading and curvature agree with the positions', async (t) => {
  const step = track.lengthM / places.length;
  for (const place of places) {
    const east = track.eastAt(place + step) - track.eastAt(place);
    const north = track.northAt(place + step) - track.northAt(place);
    const turned = track.headingAt(track.wrap(place + step)) - track.headingAt(place);
    const turnedOnce = turned > 1 ? turned - 2 * Math.PI : turned < -3 ? turned + 2 * Math.PI : turned;
    const chord = Math.hypot(east, north);
    if (Math.abs(chord - step) > 0.02) {
      t.fail(`at ${place} m: ${chord} m for a step of ${step} m`);
      return;
    }
    const along = Math.cos(Math.atan2(north, east) - track.headingAt(place + step / 2));
    if (along < 0.9995) {
      t.fail(`at ${place} m: heading is off, cosine ${along}`);
      return;
    }
    const curvature = (track.curvatureAt(place) + track.curvatureAt(place + step)) / 2;
    if (Math.abs(turnedOnce - curvature * step) > 2e-3) {
      t.fail(`at ${place} m: turned ${turnedOnce}`);
      return;
    }
  }
  t.pass(`${places.length} places`);
});

t.test('no corner is tighter than a car can steer and the road rises gently', async (t) => {
  const tightest = Math.max(...track.curvatures.map(Math.abs));
  t.ok(1 / tightest > 15 && 1 / tightest < 60, `${1 / tightest} m`);
  t.ok(places.every((place) => Math.abs(track.slopeAt(place)) < 0.08));
  const rise = places.map((place) => (track.heightAt(place + 1) - track.heightAt(place - 1)) / 2);
  t.ok(rise.every((slope, i) => Math.abs(slope - track.slopeAt(places[i] ?? 0)) < 1e-5));
});

t.test('the line never comes near itself', async (t) => {
  for (const [i, a] of places.entries()) {
    for (const b of places.slice(i + 1)) {
      const apart = Math.min(b - a, track.lengthM - (b - a));
      if (apart < 120) continue;
      const gap = Math.hypot(track.eastAt(a) - track.eastAt(b), track.northAt(a) - track.northAt(b));
      if (gap < 35) {
        t.fail(`${a} m and ${b} m are ${gap} m apart`);
        return;
      }
    }
  }
  t.pass('at least 35 m of ground between');
});

t.test('sectors begin where the circuit says', async (t) => {
  t.equal(track.sectorAt(0), 1);
  for (const [index, start] of track.sectorStartsM.entries()) {
    t.equal(track.sectorAt(start), index + 1);
    if (start > 0) t.equal(track.sectorAt(start - 0.01), index);
  }
  t.equal(track.sectorAt(track.lengthM - 0.01), track.sectorStartsM.length);
});

t.test('degrees are as long as the earth makes them', async (t) => {
  // Length of a degree at 45.5 degrees on WGS 84: 111 141.6 m north, 78 141.1 m east.
  const { latitude, longitude } = LONGSHOAL;
  t.ok(Math.abs(track.latitudeAt(111_141.6) - latitude - 1) < 2e-4);
  t.ok(Math.abs(track.longitudeAt(78_141.1) - longitude - 1) < 2e-3);
});

t.test('a circuit that cannot close is refused', async (t) => {
  const open = { ...LONGSHOAL, pieces: LONGSHOAL.pieces.map((piece, i) => (i === 10 ? { straight: 6000 } : piece)) };
  t.throws(() => new Track(open), /piece \d+ of the circuit/);
});

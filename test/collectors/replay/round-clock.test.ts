import t from 'tap';
import { RoundClock } from '../../../collectors/replay/round-clock.ts';

/** Plays the rows of a round; returns when. */
function playRound(clock: RoundClock, recorded: readonly number[]): number[] {
  clock.beginRound();
  return recorded.map((row) => {
    const time = clock.playTime(row);
    clock.played(time);
    return time;
  });
}

t.test('the first round has the recorded times, each further one goes on behind it', async (t) => {
  const clock = new RoundClock();
  const rows = [1000, 1100, 1300];
  t.same(playRound(clock, rows), rows);
  t.same(playRound(clock, rows), [1450, 1550, 1750], 'rows are 150 apart on the average');
  t.same(playRound(clock, rows), [1900, 2000, 2200]);
  clock.reset();
  t.same(playRound(clock, rows), rows);
});

t.test('times that go back in a recording do not make rounds overlap', async (t) => {
  const clock = new RoundClock();
  t.same(playRound(clock, [500, 900, 100]), [500, 900, 100]);
  t.same(playRound(clock, [500]), [1100]);
  t.same(playRound(clock, [500]), [1300], 'one row has no distance of its own');
});

t.test('a recording of one row is played every ten milliseconds', async (t) => {
  const clock = new RoundClock();
  t.same([playRound(clock, [7]), playRound(clock, [7])].flat(), [7, 10_007]);
});

t.test('a negative first time is a time', async (t) => {
  const clock = new RoundClock();
  t.same(playRound(clock, [-500, -400]), [-500, -400]);
  t.same(playRound(clock, [-500, -400]), [-300, -200]);
});

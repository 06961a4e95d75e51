import t from 'tap';
import { Acknowledgements } from '../../../../gateway/store/retention/acknowledgements.ts';

t.test('what counts is what the central that is furthest behind has', async (t) => {
  const known = new Acknowledgements(['team', 'maker'], undefined);
  known.take('team', 50);
  t.equal(known.position, 0, 'nobody has heard of the other');
  known.take('maker', 30);
  known.take('stranger', 5);
  t.equal(known.position, 30);
});

t.test('the latest word counts, also where a central has less than before', async (t) => {
  const known = new Acknowledgements(['team'], undefined);
  known.take('team', 50);
  known.take('team', 20);
  t.equal(known.position, 20);
});

t.test('without a central nothing is anywhere else', async (t) => {
  const known = new Acknowledgements([], undefined);
  known.take('team', 50);
  t.equal(known.position, 0);
});

t.test('positions are carried over a restart, of those that are still waited for', async (t) => {
  const first = new Acknowledgements(['team', 'maker'], undefined);
  t.equal(first.takeChanged(), false);
  first.take('team', 50);
  first.take('maker', 70);
  t.equal(first.takeChanged(), true);
  t.equal(first.takeChanged(), false);
  const second = new Acknowledgements(['maker', 'new'], first.text());
  t.equal(second.position, 0);
  second.take('new', 99);
  t.equal(second.position, 70);
  t.notMatch(second.text(), 'team');
});

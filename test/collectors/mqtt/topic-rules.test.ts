import t from 'tap';
import { type MqttConfig, mqttSettings } from '../../../collectors/mqtt/config.ts';
import { matchFilter, TopicRules } from '../../../collectors/mqtt/topic-rules.ts';

type Rule = NonNullable<MqttConfig['topics']>[number];

function rules(topics: Rule[], prefix = ''): TopicRules {
  return new TopicRules(mqttSettings({ topics }).topics, prefix);
}

/** The examples of MQTT 3.1.1, 4.7.1 and 4.7.2. */
const filters: [filter: string, topic: string, matches: boolean][] = [
  ['sport/tennis/player1/#', 'sport/tennis/player1', true],
  ['sport/tennis/player1/#', 'sport/tennis/player1/ranking', true],
  ['sport/tennis/player1/#', 'sport/tennis/player1/score/wimbledon', true],
  ['sport/#', 'sport', true],
  ['#', 'sport/tennis', true],
  ['sport/tennis/+', 'sport/tennis/player1', true],
  ['sport/tennis/+', 'sport/tennis/player1/ranking', false],
  ['sport/+', 'sport', false],
  ['sport/+', 'sport/', true],
  ['+/+', '/finance', true],
  ['/+', '/finance', true],
  ['+', '/finance', false],
  ['#', '$SYS/monitor', false],
  ['+/monitor', '$SYS/monitor', false],
  ['$SYS/#', '$SYS/monitor', true],
  ['a/b', 'a/b', true],
  ['a/b', 'a', false],
  ['a', 'a/b', false],
];
for (const [filter, topic, matches] of filters) {
  t.test(`${filter} ${matches ? 'matches' : 'does not match'} ${topic}`, async (t) => {
    t.equal(matchFilter(filter.split('/'), topic.split('/')) !== undefined, matches);
  });
}

t.test('a topic without a rule is its own channel', async (t) => {
  t.match(rules([]).plan('a/b'), { name: 'a/b', payload: 'auto', unit: '', timestamp: 'arrival' });
  t.equal(rules([], 'plant').plan('a/b').name, 'plant/a/b');
});

t.test('the first rule that matches counts, and names are filled from what its wildcards stood for', async (t) => {
  const all = rules(
    [
      { filter: 'site/+/pump/+/#', channel: 'pumps/{2}/{1}/{#}', unit: 'bar' },
      { filter: 'site/#', channel: 'x/{topic}', payload: 'number' },
      { filter: 'site/north', channel: 'never' },
    ],
    'p',
  );
  t.match(all.plan('site/north/pump/7/in/pressure'), {
    name: 'p/pumps/7/north/in/pressure',
    unit: 'bar',
    payload: 'auto',
  });
  t.match(all.plan('site/north/pump/7'), { name: 'p/pumps/7/north/', unit: 'bar' });
  t.match(all.plan('site/north'), { name: 'p/x/site/north', payload: 'number' });
});

const broken: [rule: Rule, message: RegExp][] = [
  [{ filter: 'a/#/b' }, /filter a\/#\/b/],
  [{ filter: 'a/b+' }, /filter a\/b\+/],
  [{ filter: 'a#' }, /filter a#/],
  [{ filter: '$share/g/a' }, /shared/],
  [{ filter: 'a/+', channel: '{2}' }, /\{2\}/],
  [{ filter: 'a/+', channel: '{#}' }, /\{#\}/],
  [{ filter: 'a/+', channel: '{0}' }, /\{0\}/],
  [{ filter: 'a/+', channel: '{field}' }, /\{field\}/],
];
for (const [rule, message] of broken) {
  t.test(`refuses filter ${rule.filter} with channel ${rule.channel}`, async (t) => {
    t.throws(() => rules([rule]), { code: 'config-invalid', message });
  });
}

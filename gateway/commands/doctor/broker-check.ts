import { type BrokerTrial, tryBroker } from '../../../collectors/mqtt/client/broker-trial.ts';
import {
  type MqttClientConfig,
  type MqttClientSettings,
  mqttClientSettings,
} from '../../../collectors/mqtt/client/client-config.ts';
import { type Examined, type Finding, found, together, well } from './finding.ts';
import { DAY_MS, EXPIRY_SOON_MS } from './tls-findings.ts';

/** What connecting to the broker of a source gave. */
export interface BrokerSighting {
  readonly source: string;
  readonly settings: MqttClientSettings;
  readonly trial: BrokerTrial;
}

/** Connects to the broker of a source, under another client id. */
export async function lookAtBroker(
  source: string,
  config: MqttClientConfig,
  listenMs: number,
): Promise<BrokerSighting> {
  const settings = mqttClientSettings(config);
  return { source, settings, trial: await tryBroker(settings, listenMs) };
}

/** What the broker of a source is found to be. Pure. @param nowMs UTC, milliseconds */
export function brokerFindings({ source, settings, trial }: BrokerSighting, nowMs: number): Examined {
  const { host, port, tls } = settings;
  const { problem, refused, messages, validTo } = trial;
  const about = `source ${source}`;
  const expiry =
    validTo === undefined || validTo - nowMs > EXPIRY_SOON_MS
      ? []
      : [expiring(about, `${host}:${port}`, validTo, nowMs)];
  if (problem !== undefined) return found(unreachable(source, settings, problem), ...expiry);
  if (refused.length > 0) return found(refusal(source, settings, refused), ...expiry);
  const seen = `${host}:${port} accepts the client and its subscriptions; ${messages} messages`;
  if (messages > 0) return together([well(about, seen), found(...expiry)]);
  const silent: Finding = {
    code: 'topics-silent',
    severity: 'note',
    about,
    seen,
    means: 'nobody published to these topics meanwhile, or they are others',
    mend: {
      command: `mosquitto_sub -h ${host} -p ${port}${tls?.ca === undefined ? '' : ` --cafile ${tls.ca}`} -v -t '#' -W 10`,
    },
  };
  return together([found(silent, ...expiry)]);
}

function expiring(about: string, place: string, validTo: number, nowMs: number): Finding {
  return {
    code: 'certificate-expires',
    severity: 'risk',
    about,
    seen: `the certificate of ${place} is valid for ${Math.max(0, Math.floor((validTo - nowMs) / DAY_MS))} more days`,
    means: 'the gateway takes nothing from it after that',
    mend: { byHand: 'have whoever runs the broker renew its certificate' },
  };
}

function unreachable(source: string, { host, port, tls }: MqttClientSettings, problem: string): Finding {
  const about = `source ${source}`;
  const path = ['sources', source];
  const seen = `${host}:${port}: ${problem}`;
  if (/refuses (a client|user)/.test(problem)) {
    return {
      code: 'credentials-refused',
      severity: 'broken',
      about,
      seen,
      means: 'the broker is there and does not let this client in',
      mend: { path: [...path, 'user'], config: 'user: NAME   # and password_file: FILE, as the broker has them' },
    };
  }
  if (tls !== undefined && /certificate|TLS|holds|authority/.test(problem)) {
    const key = /serverName/.test(problem) ? 'serverName' : /tls\.ca/.test(problem) ? 'ca' : undefined;
    return {
      code: 'tls-refused',
      severity: 'broken',
      about,
      seen,
      means: 'both ends do not agree who they are',
      mend:
        key === undefined
          ? { command: `openssl s_client -connect ${host}:${port} -showcerts </dev/null` }
          : {
              path: [...path, 'tls', key],
              config:
                key === 'ca'
                  ? 'ca: FILE   # the authority of its certificate'
                  : 'serverName: NAME   # one that its certificate is for',
            },
    };
  }
  return {
    code: 'host-unreachable',
    severity: 'broken',
    about,
    seen,
    means: 'nothing listens there, the network does not lead there, or what listens is no MQTT broker',
    mend: { command: `nc -vz ${host} ${port}` },
  };
}

function refusal(source: string, { user }: MqttClientSettings, refused: readonly string[]): Finding {
  return {
    code: 'subscription-refused',
    severity: 'broken',
    about: `source ${source}`,
    seen: `the broker does not allow ${refused.join(', ')}`,
    means: `${user === undefined ? 'a client without user' : `user ${user}`} may not read these topics`,
    mend: { byHand: 'give that user the right to read them, in the access list of the broker' },
  };
}

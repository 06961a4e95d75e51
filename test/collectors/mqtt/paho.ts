import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** What `unittest` says of one test. */
export type PahoResults = ReadonlyMap<string, string>;

/** Runs a script as if it had been started with arguments of which unittest is told nothing. */
const START = `
import runpy, sys, unittest
main = unittest.main
unittest.main = lambda: main(argv=['client_test.py', '-v'])
sys.path.insert(0, '.')
runpy.run_path('client_test.py', run_name='__main__')
`;

/** The client tests of paho.mqtt.testing for MQTT 3.1.1 against the broker on `port`, and their whole output. */
export async function runPaho(folder: string, port: number): Promise<{ results: PahoResults; output: string }> {
  const child = spawn('/usr/bin/python3', ['-B', '-c', START, '--hostname=127.0.0.1', `--port=${port}`], {
    cwd: folder,
  });
  let said = '';
  let printed = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    printed += text;
  });
  await once(child, 'close');
  // Between the name of a test and its verdict may stand where it failed.
  const verdicts = said.matchAll(/^(test\w+) \(.*\) \.\.\. (?:[\s\S]*?\n)??(ok|FAIL|ERROR)$/gm);
  return {
    results: new Map([...verdicts].map(([, name = '', verdict = '']) => [name, verdict])),
    output: `${printed}${said}`,
  };
}

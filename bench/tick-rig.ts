/**
 * The rig under measurement of `bench tick`: the whole rig of panda-sim in this process, recording, with a server
 * process and a client at its live stream. argv: workspace, FIFO priority of the loop. Prints one JSON line per
 * second ({p50, p99} of the loop's lateness in s) after `ready`; ends when its standard input closes.
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import { WebSocket } from 'ws';
import { loadRobot } from '../src/config.ts';
import { Rig } from '../src/rig/rig.ts';
import { packageRoot } from '../src/root.ts';

const [workspace, priority] = process.argv.slice(2) as [string, string];
const file = join(packageRoot(), 'robots', 'panda-sim.yaml');
const base = loadRobot(file);
const spec = { ...base, loop: { ...base.loop, fifoPriority: Number(priority) } };
const print = (value: unknown): void => {
  process.stdout.write(`${JSON.stringify(value)}\n`);
};

const rig = await Rig.open({ spec, workspace, log: pino({ level: 'silent' }) });
const main = fileURLToPath(new URL('../src/main.js', import.meta.url));
const server = spawn(process.execPath, [main, 'server', file, '--workspace', workspace, '--port', '0'], {
  stdio: ['ignore', 'pipe', 'inherit'],
});
const url = await new Promise<string>((resolve, reject) => {
  let said = '';
  server.stdout.on('data', (chunk: Buffer) => {
    said += chunk.toString();
    const found = /http:\/\/[\w.:[\]]+/.exec(said);
    if (found) resolve(found[0]);
  });
  server.once('exit', (code) => reject(new Error(`the server ended with code ${code}: ${said}`)));
});
let heard = 0;
const client = new WebSocket(`${url.replace('http', 'ws')}/api/live`, { origin: url });
client.on('message', () => heard++);
client.on('error', (error) => process.stderr.write(`${error.message}\n`));
await rig.session.recording.start({ task: 'bench', operator: 'bench', seed: 1 }, 0);
// A second for the threads to settle.
await new Promise((resolve) => setTimeout(resolve, 1500));
print({ ready: true, fifo: rig.session.state().realTime });
const timer = setInterval(() => {
  const { latenessP50, latenessP99 } = rig.watch.stats;
  print({
    p50: latenessP50,
    p99: latenessP99,
    mode: rig.watch.view.mode,
    heard,
    seconds: rig.metrics().recording.seconds,
  });
}, 1000);

process.stdin.resume();
await new Promise((resolve) => process.stdin.once('end', resolve));
clearInterval(timer);
client.terminate();
server.kill();
await rig.session.recording.stop();
await rig.close();
process.exit(0);

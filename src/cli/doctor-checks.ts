/** The checks of `armloop doctor`. Each is tried, not guessed: a permission counts when using it worked. */
import { execFile } from 'node:child_process';
import { accessSync, constants, existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';

const run = promisify(execFile);

export interface Finding {
  readonly name: string;
  readonly can: boolean;
  /** What was found, in words. */
  readonly detail: string;
  /** What to do when it cannot: a command where one exists. */
  readonly grant: string;
}

export async function diagnose(): Promise<Finding[]> {
  return [
    node(),
    await fifo(),
    cores(),
    await ffmpeg(),
    serialPorts(),
    await ros2(),
    await cuda(),
    chromium(),
  ];
}

function node(): Finding {
  const [major, minor] = process.versions.node.split('.').map(Number);
  const can = major! > 20 || (major === 20 && minor! >= 19);
  return {
    name: 'Node',
    can,
    detail: `version ${process.versions.node}`,
    grant: 'install Node 20.19 or newer',
  };
}

/** Asks the system for SCHED_FIFO on a thread of ours that does nothing else, then lets the thread end. */
async function fifo(): Promise<Finding> {
  const name = 'real-time thread';
  if (process.platform !== 'linux') {
    return {
      name,
      can: false,
      detail: 'SCHED_FIFO exists on Linux only; the rig runs without it',
      grant: '',
    };
  }
  if (which('chrt') === null) {
    return { name, can: false, detail: 'chrt is not installed', grant: 'sudo apt-get install util-linux' };
  }
  const code = `const { parentPort } = require('node:worker_threads');
    parentPort.postMessage(Number(require('node:fs').readlinkSync('/proc/thread-self').split('/').pop()));
    parentPort.once('message', () => {});`;
  const worker = new Worker(code, { eval: true });
  try {
    const tid = await new Promise<number>((done, fail) => {
      worker.once('message', done);
      worker.once('error', fail);
    });
    await run('chrt', ['-f', '-p', '80', String(tid)]);
    const { stdout } = await run('chrt', ['-p', String(tid)]);
    if (!stdout.includes('SCHED_FIFO')) throw new Error('the scheduler did not change');
    return { name, can: true, detail: 'SCHED_FIFO 80 granted to a thread of this process', grant: '' };
  } catch (error) {
    const reason = (error instanceof Error ? error.message : String(error)).trim().split('\n').at(-1)!;
    const user = process.env['USER'] ?? '$USER';
    const grant =
      `echo '${user} - rtprio 99' | sudo tee /etc/security/limits.d/90-armloop.conf, then log in again ` +
      '(in a container: --cap-add SYS_NICE --ulimit rtprio=99)';
    return { name, can: false, detail: `SCHED_FIFO was refused (${reason})`, grant };
  } finally {
    await worker.terminate();
  }
}

function cores(): Finding {
  const n = availableParallelism();
  const can = n >= 4;
  const detail = `${n} cores${can ? '' : '; loop, simulation, cameras and recorder share them'}`;
  return { name: 'cores', can, detail, grant: 'no command: 4 cores or more give the loop one of its own' };
}

async function ffmpeg(): Promise<Finding> {
  const name = 'ffmpeg';
  try {
    const { stdout } = await run('ffmpeg', ['-hide_banner', '-version']);
    return { name, can: true, detail: stdout.split('\n')[0]!.split(' Copyright')[0]!, grant: '' };
  } catch {
    return {
      name,
      can: false,
      detail: 'not found; cameras and video export need it',
      grant: 'sudo apt-get install ffmpeg',
    };
  }
}

function serialPorts(): Finding {
  const name = 'serial ports';
  if (process.platform !== 'linux')
    return { name, can: false, detail: 'looked for on Linux only', grant: '' };
  const ports = readdirSync('/dev').filter((f) => /^tty(USB|ACM|AMA|THS)\d+$/.test(f));
  if (ports.length === 0)
    return { name, can: false, detail: 'none is connected', grant: 'plug an adapter in' };
  const shut = ports.filter((p) => !usable(`/dev/${p}`));
  const user = process.env['USER'] ?? '$USER';
  const detail = `${ports.join(', ')}${shut.length > 0 ? `; no permission for ${shut.join(', ')}` : ''}`;
  return {
    name,
    can: shut.length === 0,
    detail,
    grant: `sudo usermod -aG dialout ${user}, then log in again`,
  };
}

function usable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

async function ros2(): Promise<Finding> {
  const name = 'ROS 2';
  const distro = process.env['ROS_DISTRO'];
  const installed = existsSync('/opt/ros') ? readdirSync('/opt/ros') : [];
  if (distro === undefined || which('ros2') === null) {
    const detail =
      installed.length > 0 ? `installed (${installed.join(', ')}), not sourced` : 'not installed';
    const grant = `source /opt/ros/${installed[0] ?? '<distro>'}/setup.bash`;
    return {
      name,
      can: false,
      detail,
      grant: installed.length > 0 ? grant : `install ROS 2, then: ${grant}`,
    };
  }
  return { name, can: true, detail: `${distro} is sourced`, grant: '' };
}

/** Inference on a graphics card: a card that answers, and an ONNX Runtime that carries the CUDA provider. */
async function cuda(): Promise<Finding> {
  const name = 'CUDA';
  let card: string;
  try {
    const { stdout } = await run('nvidia-smi', ['--query-gpu=name,driver_version', '--format=csv,noheader']);
    card = stdout.trim().split('\n')[0]!;
  } catch {
    return {
      name,
      can: false,
      detail: 'no NVIDIA card or driver answers; everything runs on the CPU',
      grant: '',
    };
  }
  try {
    const entry = createRequire(import.meta.url).resolve('onnxruntime-node');
    const folder = join(dirname(entry), '..', 'bin');
    const files = existsSync(folder) ? readdirSync(folder, { recursive: true }).map(String) : [];
    const can = files.some((f) => f.includes('onnxruntime_providers_cuda'));
    const detail = `${card}; ONNX Runtime ${can ? 'has' : 'lacks'} its CUDA provider`;
    return { name, can, detail, grant: 'npm rebuild onnxruntime-node --ignore-scripts=false' };
  } catch {
    return {
      name,
      can: false,
      detail: `${card}; onnxruntime-node is not installed`,
      grant: 'npm install onnxruntime-node',
    };
  }
}

function chromium(): Finding {
  const name = 'browser tests';
  for (const browser of ['chromium', 'chromium-browser', 'google-chrome']) {
    const path = which(browser);
    if (path !== null) return { name, can: true, detail: path, grant: '' };
  }
  return { name, can: false, detail: 'no chromium found', grant: 'sudo apt-get install chromium' };
}

/** Full path of a program on PATH, or null. */
function which(program: string): string | null {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    const path = join(folder, program);
    if (folder !== '' && existsSync(path)) return path;
  }
  return null;
}

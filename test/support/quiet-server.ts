/** A real server over a scripted rig that holds still: for pages that show what lies in the workspace. */
import { Mode } from '../../src/robot/tick.ts';
import { type RunningServer, startServer } from '../../src/server/app.ts';
import { live, ScriptedRig } from './scripted-rig.ts';

const LIVE_MS = 50;

export interface QuietServer extends AsyncDisposable {
  /** With a slash at the end. */
  readonly url: string;
  readonly workspace: string;
  readonly rig: ScriptedRig;
}

/** A server of that rig's workspace, on the loopback, without a token. */
export const serverOn = (rig: ScriptedRig): Promise<RunningServer> =>
  startServer({ host: '127.0.0.1', port: 0, token: null, socket: rig.path, workspace: rig.folder });

/** Resolves once the server has the rig. */
export async function rigSeen(url: string): Promise<void> {
  const end = performance.now() + 60_000;
  for (;;) {
    const health = (await (await fetch(`${url}/api/health`)).json()) as { rig: boolean };
    if (health.rig) return;
    if (performance.now() > end) throw new Error('the server does not find the rig');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export async function quietServer(): Promise<QuietServer> {
  const rig = await new ScriptedRig().open();
  const server = await serverOn(rig);
  const block = new Float64Array(live.size);
  block[live.at('mode')] = Mode.holding;
  block[live.at('recording')] = -1;
  const timer = setInterval(() => {
    block[live.at('time')] = performance.now() / 1000;
    rig.socket?.live(block);
  }, LIVE_MS);
  return {
    url: `${server.url}/`,
    workspace: rig.folder,
    rig,
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      await server[Symbol.asyncDispose]();
      await rig[Symbol.asyncDispose]();
    },
  };
}

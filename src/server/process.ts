/** The server process: starts the app, says where it is, ends with its supervisor or at a signal. */
import { openLog } from '../log.ts';
import { rigAddress } from '../rig/address.ts';
import { type AccessOptions, checkExposure } from './access.ts';
import { startServer } from './app.ts';

export interface ServerProcessOptions extends AccessOptions {
  readonly rig: string;
  readonly workspace: string;
  readonly port: number;
  readonly print: (line: string) => void;
}

/** What a supervisor is told over the process channel. */
export type ServerMessage = { readonly type: 'listening'; readonly url: string; readonly port: number };

/** Runs until a signal, or until the supervisor that started it is gone. */
export async function runServer(options: ServerProcessOptions): Promise<void> {
  checkExposure(options);
  const { rig, workspace, port, host, token, print } = options;
  const log = openLog(workspace, `server-${rig}`);
  const server = await startServer({
    socket: rigAddress(workspace, rig),
    workspace,
    port,
    host,
    token,
    log,
  });
  log.info({ url: server.url }, 'listening');
  const supervised = process.send !== undefined;
  if (supervised)
    process.send?.({ type: 'listening', url: server.url, port: server.port } satisfies ServerMessage);
  else print(`Console and API of ${rig}: ${server.url}`);
  await new Promise<void>((resolve) => {
    // A supervised server stays until its rig has stopped: Ctrl-C in the terminal reaches it too, and is not for it.
    if (supervised) {
      process.on('SIGINT', () => {});
      process.on('disconnect', resolve);
    } else process.on('SIGINT', resolve);
    process.on('SIGTERM', resolve);
    process.on('SIGHUP', resolve);
  });
  await server[Symbol.asyncDispose]();
  if (supervised && process.connected) process.disconnect();
  log.info('ended');
}

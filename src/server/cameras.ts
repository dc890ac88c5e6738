/**
 * WS /api/cameras/:name: JPEG frames as the rig made them. A frame that finds the client still busy with earlier ones
 * is dropped for that client alone. The rig sends only the cameras that somebody watches.
 */
import Type from 'typebox';
import type { WebSocket } from 'ws';
import type { Parts } from './app.ts';

/** Bytes that may wait for one client before it loses frames: a few frames of 640 × 480. */
const BACKLOG = 256 * 1024;

export const cameraCounts = { clients: 0, sent: 0, dropped: 0 };

export function addCameras({ app, link, listeners }: Parts): void {
  const watchers = new Map<string, Set<WebSocket>>();
  const names = (): string[] => link.hello?.session.cameras.map((c) => c.name) ?? [];
  let asked = '';

  const ask = (): void => {
    const cameras = names().flatMap((name, i) => ((watchers.get(name)?.size ?? 0) > 0 ? [i] : []));
    const wanted = cameras.join();
    if (wanted === asked || !link.connected) return;
    asked = wanted;
    // When the rig goes away meanwhile, it is asked again at its return.
    void link.request('cameras.watch', { cameras }).catch(() => {});
  };

  listeners.state.add(() => {
    asked = '';
    ask();
  });
  listeners.frame.add((camera, data) => {
    const sockets = watchers.get(names()[camera] ?? '');
    if (sockets === undefined || sockets.size === 0) return;
    const message = Buffer.from(data);
    for (const socket of sockets) {
      if (socket.bufferedAmount > BACKLOG) cameraCounts.dropped++;
      else {
        cameraCounts.sent++;
        socket.send(message);
      }
    }
  });
  app.get<{ Params: { name: string } }>(
    '/api/cameras/:name',
    {
      websocket: true,
      schema: { hide: true, params: Type.Object({ name: Type.String({ maxLength: 64 }) }) },
    },
    (socket, request) => {
      const { name } = request.params;
      if (link.hello !== null && !names().includes(name)) {
        socket.close(1008, 'no such camera');
        return;
      }
      const sockets = watchers.get(name) ?? new Set();
      watchers.set(name, sockets.add(socket));
      cameraCounts.clients++;
      socket.on('error', () => socket.terminate());
      socket.on('close', () => {
        sockets.delete(socket);
        cameraCounts.clients--;
        ask();
      });
      ask();
    },
  );
}

/** WS /api/live: what the rig does, 60 times a second. A client that reads too slowly loses messages. */
import type { WebSocket } from 'ws';
import type { Parts } from './app.ts';
import type { ServerText } from './protocol.ts';
import { helloNow } from './routes.ts';

/** Bytes that may wait for one client: half a second of live state of a rich scene. */
const BACKLOG = 256 * 1024;
/** Bytes after which a client that reads nothing is cut off. */
const DEAD_BACKLOG = 32 * 1024 * 1024;

/** Counts for /metrics. */
export const liveCounts = { clients: 0, dropped: 0 };

export function addLive({ app, link, listeners }: Parts): void {
  const clients = new Set<WebSocket>();
  const tell = (socket: WebSocket, text: ServerText): void => socket.send(JSON.stringify(text));
  const tellAll = (text: ServerText): void => {
    if (clients.size === 0) return;
    const data = JSON.stringify(text);
    for (const socket of clients) {
      if (socket.bufferedAmount > DEAD_BACKLOG) socket.terminate();
      else socket.send(data);
    }
  };
  listeners.state.add((connected) => {
    tellAll({ type: 'rig', connected });
    // The rig may be another one by now: everything that was told at first is told again.
    if (connected && link.hello !== null) tellAll(link.hello);
  });
  listeners.session.add((session) => tellAll({ type: 'session', session }));
  listeners.live.add((block) => {
    if (clients.size === 0) return;
    const data = Buffer.from(block);
    for (const socket of clients) {
      if (socket.bufferedAmount > BACKLOG) liveCounts.dropped++;
      else socket.send(data);
    }
  });
  app.get('/api/live', { websocket: true, schema: { hide: true } }, (socket) => {
    clients.add(socket);
    liveCounts.clients = clients.size;
    socket.on('close', () => {
      clients.delete(socket);
      liveCounts.clients = clients.size;
    });
    socket.on('error', () => socket.terminate());
    const hello = helloNow(link.hello, link.connected);
    if (hello !== null) tell(socket, hello);
    if (!link.connected) tell(socket, { type: 'rig', connected: false });
  });
}

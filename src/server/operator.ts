/** WS /api/operator: takes the lease, carries operator input to the rig, brings its answers back. */
import Type from 'typebox';
import type { RawData, WebSocket } from 'ws';
import { schemaProblem } from '../robot/schema-problem.ts';
import type { Parts } from './app.ts';
import type { OperatorReply } from './protocol.ts';

const textSchema = Type.Union([
  Type.Object({ type: Type.Literal('take'), operator: Type.String({ maxLength: 200 }) }),
  Type.Object({ type: Type.Literal('release') }),
]);

export const operatorCounts = { clients: 0 };

export function addOperator({ app, link, listeners }: Parts): void {
  const clients = new Map<number, WebSocket>();
  let next = 1;
  const reply = (socket: WebSocket, message: OperatorReply): void => socket.send(JSON.stringify(message));

  listeners.notice.add((client, message) => clients.get(client)?.send(JSON.stringify(message)));
  listeners.state.add((connected) => {
    if (connected) return;
    for (const socket of clients.values()) reply(socket, { type: 'lost', reason: 'the rig is gone' });
  });

  async function hear(socket: WebSocket, client: number, data: RawData): Promise<void> {
    const text = parse(data.toString());
    const problem = schemaProblem(textSchema, text);
    if (problem !== null) {
      socket.close(1003, 'neither {type: "take", operator} nor {type: "release"}');
      return;
    }
    const message = text as { type: 'take'; operator: string } | { type: 'release' };
    try {
      if (message.type === 'take') {
        const { lease } = (await link.request('lease.take', { client, operator: message.operator })) as {
          lease: number;
        };
        reply(socket, { type: 'lease', granted: true, lease, reason: '' });
      } else {
        await link.request('lease.release', { client });
        reply(socket, { type: 'lost', reason: 'released' });
      }
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (message.type === 'take') reply(socket, { type: 'lease', granted: false, lease: 0, reason });
      else reply(socket, { type: 'lost', reason });
    }
  }

  app.get('/api/operator', { websocket: true, schema: { hide: true } }, (socket) => {
    const client = next++;
    clients.set(client, socket);
    operatorCounts.clients = clients.size;
    socket.on('message', (data, isBinary) => {
      if (isBinary) link.operator(client, data as Buffer);
      else void hear(socket, client, data);
    });
    socket.on('error', () => socket.terminate());
    socket.on('close', () => {
      clients.delete(client);
      operatorCounts.clients = clients.size;
      // The rig may be away; then the lease ended with it.
      void link.request('client.gone', { client }).catch(() => {});
    });
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

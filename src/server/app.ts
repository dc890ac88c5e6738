/**
 * The server: HTTP routes, sockets, console. It owns nothing: what lasts is in the rig and in the workspace, so it may
 * be killed and started again at any time.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import fastifyStatic from '@fastify/static';
import fastifySwagger from '@fastify/swagger';
import fastifySwaggerUi from '@fastify/swagger-ui';
import fastifyWebsocket from '@fastify/websocket';
import { type FastifyBaseLogger, type FastifyInstance, fastify, LogController } from 'fastify';
import type { TSchema } from 'typebox';
import Value from 'typebox/value';
import { ArmloopError } from '../errors.ts';
import { schemaProblem } from '../robot/schema-problem.ts';
import { packageRoot, packageVersion } from '../root.ts';
import { Access, type AccessOptions } from './access.ts';
import { addCalibration } from './calibration.ts';
import { addCameras } from './cameras.ts';
import { addCollections } from './collections.ts';
import { addEpisodes } from './episodes.ts';
import { addEvaluations } from './evaluations.ts';
import { addLive } from './live.ts';
import { addMetrics } from './metrics.ts';
import { addOperator } from './operator.ts';
import { addPolicies } from './policies.ts';
import { sendError } from './replies.ts';
import { type LinkEvents, RigLink } from './rig-link.ts';
import { addRigRoutes } from './routes.ts';
import { addRuns } from './runs.ts';

export interface ServerOptions extends AccessOptions {
  /** Where the rig listens. */
  readonly socket: string;
  readonly workspace: string;
  readonly port: number;
  readonly log?: FastifyBaseLogger;
}

/** Largest message a client may send on a socket: operator input of a rig with very many axes fits. */
const MAX_MESSAGE = 64 * 1024;

/** What the parts of the server share. */
export interface Parts {
  readonly app: FastifyInstance;
  readonly link: RigLink;
  readonly workspace: string;
  /** Told when the rig came or went, said something new, or sent a live block, frame or notice. */
  readonly listeners: RigListeners;
}

export interface RigListeners {
  readonly state: Set<LinkEvents['state']>;
  readonly session: Set<LinkEvents['session']>;
  readonly live: Set<LinkEvents['live']>;
  readonly frame: Set<LinkEvents['frame']>;
  readonly notice: Set<LinkEvents['notice']>;
}

export interface RunningServer extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly app: FastifyInstance;
}

/** Starts to listen; `port` 0 takes a free one. Throws SERVER_PORT. */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const app = fastify({
    ...(options.log === undefined ? {} : { loggerInstance: options.log }),
    // One line per request would fill the disk and tell little: errors are logged where they are answered.
    logController: new LogController({ disableRequestLogging: true }),
    // Requests are small; what is larger is a mistake or an attack.
    bodyLimit: 256 * 1024,
    forceCloseConnections: true,
  });
  const listeners: RigListeners = {
    state: new Set(),
    session: new Set(),
    live: new Set(),
    frame: new Set(),
    notice: new Set(),
  };
  const link = new RigLink(options.socket, {
    state: (connected) => tell(listeners.state, connected),
    session: (session) => tell(listeners.session, session),
    live: (block) => tell(listeners.live, block),
    frame: (camera, data) => tell(listeners.frame, camera, data),
    notice: (client, message) => tell(listeners.notice, client, message),
  });
  app.addHook('onClose', async () => link.close());
  try {
    await build(app, { app, link, workspace: options.workspace, listeners }, options);
    await app.listen({ host: options.host, port: options.port });
  } catch (error) {
    await app.close();
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EADDRINUSE' && code !== 'EACCES' && code !== 'EADDRNOTAVAIL') throw error;
    const reason = code === 'EADDRINUSE' ? 'something listens there already' : code;
    throw new ArmloopError(
      'SERVER_PORT',
      { port: options.port, host: options.host, reason },
      { cause: error },
    );
  }
  const port = portOf(app)!;
  const name = options.host.includes(':') ? `[${options.host}]` : options.host;
  return {
    url: `http://${name === '0.0.0.0' || name === '[::]' ? 'localhost' : name}:${port}`,
    port,
    app,
    [Symbol.asyncDispose]: () => app.close(),
  };
}

async function build(app: FastifyInstance, parts: Parts, options: ServerOptions): Promise<void> {
  // First of all: its hook marks socket upgrades, so that one which the hook below refuses is closed at once.
  await app.register(fastifyWebsocket, { options: { maxPayload: MAX_MESSAGE } });
  let access: Access | null = null;
  app.addHook('onRequest', async (request, reply) => {
    void reply.header('X-Content-Type-Options', 'nosniff');
    // A page that shows this one inside itself could move the emergency stop away under the pointer.
    void reply.header('X-Frame-Options', 'DENY');
    access ??= new Access(options, portOf(app) ?? options.port);
    access.checkAddress(request.headers);
    if (access.checkToken(request.headers, request.url)) void reply.header('Set-Cookie', access.cookie());
  });
  app.setValidatorCompiler<TSchema>(({ schema, httpPart }) => (data) => {
    const value = httpPart === 'querystring' ? Value.Convert(schema, data) : data;
    const problem = schemaProblem(schema, value);
    return problem === null ? { value } : { error: new ArmloopError('REQUEST_INVALID', { ...problem }) };
  });
  app.setErrorHandler(sendError);
  app.setNotFoundHandler((request, reply) =>
    sendError(
      new ArmloopError('REQUEST_UNKNOWN', { method: `${request.method} ${request.url}` }),
      request,
      reply,
    ),
  );
  await app.register(fastifySwagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'armloop',
        version: packageVersion(),
        description:
          'One rig: what it does, what to ask of it, its episodes, what is learnt from them. Errors: {error: {code, message, todo}}.',
      },
    },
  });
  await app.register(fastifySwaggerUi, { routePrefix: '/docs' });
  await addMetrics(parts);
  addRigRoutes(parts);
  addEpisodes(parts);
  addCollections(parts);
  addRuns(parts);
  addPolicies(parts);
  addCalibration(parts);
  addEvaluations(parts);
  addLive(parts);
  addOperator(parts);
  addCameras(parts);
  await addConsole(app);
}

async function addConsole(app: FastifyInstance): Promise<void> {
  const root = join(packageRoot(), 'dist', 'console');
  if (existsSync(join(root, 'index.html'))) {
    await app.register(fastifyStatic, { root });
    return;
  }
  app.get('/', { schema: { hide: true } }, (_request, reply) => reply.type('text/html').send(NO_CONSOLE));
}

const NO_CONSOLE = `<!doctype html><meta charset="utf-8"><title>armloop</title>
<body style="font: 16px/1.5 system-ui; max-width: 40em; margin: 4em auto">
<h1>armloop</h1>
<p>The server runs, but the console is not built yet. Run <code>npm run build</code>, then load this page again.</p>
<p>What can be asked of the rig is listed at <a href="/docs">/docs</a>.</p>
`;

function tell<A extends unknown[]>(listeners: ReadonlySet<(...args: A) => void>, ...args: A): void {
  for (const listener of listeners) listener(...args);
}

function portOf(app: FastifyInstance): number | undefined {
  const address = app.addresses()[0];
  return typeof address === 'object' ? address.port : undefined;
}

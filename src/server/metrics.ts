/** GET /metrics for Prometheus: what the rig counts, asked at each scrape, and what the server itself counts. */
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { RigMetrics } from '../rig/metrics.ts';
import type { Parts } from './app.ts';
import { cameraCounts } from './cameras.ts';
import { liveCounts } from './live.ts';
import { operatorCounts } from './operator.ts';

/** Name, help and value of every gauge that comes from the rig. Values are NaN while the rig is away. */
const RIG: readonly (readonly [string, string, (m: RigMetrics) => number])[] = [
  ['loop_rate_hertz', 'Cycles per second over the last second', (m) => m.loop.rate],
  ['loop_missed_periods_total', 'Periods skipped since the start', (m) => m.loop.missed],
  ['loop_work_seconds', 'Median time of a cycle over the last second', (m) => m.loop.work],
  ['mode', 'Rig mode: 0 off, 1 connected, 2 holding, 3 active, 4 stopping, 5 stopped', (m) => m.mode],
  ['fault', 'Reason bits that latched the stop', (m) => m.fault],
  ['recording_seconds', 'Length of the running recording; -1 when none runs', (m) => m.recording.seconds],
  ['recording_dropped_total', 'Records that full rings refused in this episode', (m) => m.recording.dropped],
  ['recording_backlog_ticks', 'Ticks that wait for the recorder', (m) => m.recording.backlog],
  ['episodes_total', 'Episodes recorded since the start of the rig', (m) => m.recording.episodes],
  ['servers', 'Servers connected to the rig', (m) => m.servers.connected],
  ['live_dropped_total', 'Live messages that slow servers did not get', (m) => m.servers.droppedLive],
  ['operator_refused_total', 'Operator messages refused as malformed', (m) => m.operatorRefused],
  ['process_resident_bytes', 'Resident memory of the rig process', (m) => m.process.rss],
  ['process_cpu_seconds_total', 'Processor time of the rig process', (m) => m.process.cpu],
];

export async function addMetrics({ app, link }: Parts): Promise<void> {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, prefix: 'armloop_server_' });
  const gauge = (name: string, help: string, labelNames: string[] = []): Gauge =>
    new Gauge({ name: `armloop_${name}`, help, labelNames, registers: [registry] });

  const up = gauge('rig_up', '1 when the rig answers');
  const rig = RIG.map(([name, help, read]) => ({ gauge: gauge(`rig_${name}`, help), read }));
  const lateness = gauge('rig_loop_lateness_seconds', 'Lateness of wake-ups, last second', ['quantile']);
  const frames = gauge('rig_camera_frames_total', 'Frames made', ['camera']);
  const fps = gauge('rig_camera_fps', 'Measured frame rate', ['camera']);
  const framesDropped = gauge('rig_camera_dropped_total', 'Frames not made or not kept', ['camera']);
  gaugeOf('websocket_clients', 'Open sockets', {
    live: liveCounts,
    operator: operatorCounts,
    camera: cameraCounts,
  });
  counterOf('live_dropped_total', 'Live messages that slow clients did not get', () => liveCounts.dropped);
  counterOf(
    'camera_dropped_total',
    'Camera frames that slow clients did not get',
    () => cameraCounts.dropped,
  );
  counterOf('camera_sent_total', 'Camera frames sent to clients', () => cameraCounts.sent);

  function gaugeOf(name: string, help: string, kinds: Record<string, { readonly clients: number }>): void {
    new Gauge({
      name: `armloop_server_${name}`,
      help,
      labelNames: ['kind'],
      registers: [registry],
      collect() {
        for (const [kind, counts] of Object.entries(kinds)) this.set({ kind }, counts.clients);
      },
    });
  }

  function counterOf(name: string, help: string, read: () => number): void {
    new Counter({
      name: `armloop_server_${name}`,
      help,
      registers: [registry],
      collect() {
        this.reset();
        this.inc(read());
      },
    });
  }

  app.get(
    '/metrics',
    { schema: { tags: ['rig'], summary: 'Prometheus metrics' } },
    async (_request, reply) => {
      const now = (await link.request('metrics', {}).catch(() => null)) as RigMetrics | null;
      up.set(now === null ? 0 : 1);
      for (const r of rig) r.gauge.set(now === null ? Number.NaN : r.read(now));
      for (const g of [lateness, frames, fps, framesDropped]) g.reset();
      if (now !== null) {
        lateness.set({ quantile: '0.5' }, now.loop.latenessP50);
        lateness.set({ quantile: '0.99' }, now.loop.latenessP99);
        lateness.set({ quantile: '1' }, now.loop.latenessMax);
        for (const c of now.cameras) {
          frames.set({ camera: c.name }, c.frames);
          fps.set({ camera: c.name }, c.measuredFps);
          framesDropped.set({ camera: c.name }, c.dropped);
        }
      }
      return reply.type(registry.contentType).send(await registry.metrics());
    },
  );
}

/** What a rig counts, as it answers the method `metrics`. Seconds, bytes, counts since its start. */
export interface RigMetrics {
  readonly mode: number;
  readonly fault: number;
  readonly loop: {
    readonly rate: number;
    readonly latenessP50: number;
    readonly latenessP99: number;
    readonly latenessMax: number;
    readonly missed: number;
    readonly work: number;
  };
  readonly recording: {
    /** -1 when none runs. */
    readonly seconds: number;
    readonly dropped: number;
    readonly backlog: number;
    readonly episodes: number;
  };
  readonly cameras: readonly {
    readonly name: string;
    readonly frames: number;
    readonly measuredFps: number;
    readonly dropped: number;
  }[];
  readonly servers: {
    readonly connected: number;
    readonly droppedLive: number;
    readonly droppedFrames: number;
  };
  readonly operatorRefused: number;
  readonly process: { readonly rss: number; readonly cpu: number };
}

/**
 * What is measured while an episode is written, and the quality gate that judges it. The same code runs in the live
 * recorder and over the ticks of a repaired file. All times are the data's own stamps, never those of the writer.
 */
import type { RobotSpec } from '../robot/spec.ts';
import { Mode, Source, tickRecordLayout } from '../robot/tick.ts';

/** An axis moves when its speed is above this share of its limit. */
const MOTION = 0.01;

export interface Span {
  /** Seconds since the first tick. */
  readonly at: number;
  readonly length: number;
}

export interface Quality {
  readonly rateHz: number;
  /** Periods that the loop skipped: it recorded that, and nothing is lost. */
  readonly missed: number;
  /** Ticks that the loop ran and the file does not hold. */
  readonly lostTicks: number;
  /** Longer than maxGapMs between ticks; the longest 20. */
  readonly gaps: readonly Span[];
  readonly gapCount: number;
  readonly idle: readonly Span[];
  readonly cameras: readonly CameraQuality[];
  /** Records refused by full rings, per topic; topics without any are left out. */
  readonly overflow: Readonly<Record<string, number>>;
  /** Words for people; empty when the gate is passed. */
  readonly flags: readonly string[];
}

export interface CameraQuality {
  readonly name: string;
  readonly frames: number;
  readonly fps: number;
  readonly maxGap: number;
  /** Frames that the camera numbered and the file does not hold. */
  readonly dropped: number;
}

interface CameraCount {
  frames: number;
  first: number;
  last: number;
  firstSeq: number;
  lastSeq: number;
  maxGap: number;
}

export class QualityMeter {
  readonly #spec: RobotSpec;
  readonly #at: {
    readonly tick: number;
    time: number;
    dt: number;
    missed: number;
    qd: number;
    source: number;
    mode: number;
  }; // prettier-ignore
  readonly #cameras: CameraCount[];
  readonly #gaps: Span[] = [];
  readonly #idle: Span[] = [];
  readonly #sources = new Set<number>();
  #gapCount = 0;
  #ticks = 0;
  #first = 0;
  #firstTick = 0;
  #lastTick = 0;
  #last = 0;
  #missed = 0;
  #moved = Number.NaN;

  constructor(spec: RobotSpec) {
    this.#spec = spec;
    const layout = tickRecordLayout(spec);
    this.#at = {
      tick: layout.at('in.tick'),
      time: layout.at('in.time'),
      dt: layout.at('in.dt'),
      missed: layout.at('in.missed'),
      qd: layout.at('in.qd'),
      source: layout.at('out.source'),
      mode: layout.at('out.mode'),
    };
    this.#cameras = spec.cameras.map(() => ({
      frames: 0,
      first: 0,
      last: 0,
      firstSeq: 0,
      lastSeq: 0,
      maxGap: 0,
    }));
  }

  get ticks(): number {
    return this.#ticks;
  }

  /** Seconds from the first tick to the last. */
  get duration(): number {
    return this.#last - this.#first;
  }

  get firstTime(): number {
    return this.#first;
  }

  get sources(): string[] {
    const names = Object.entries(Source).filter(([, id]) => this.#sources.has(id));
    return names.map(([name]) => name);
  }

  tick(block: Float64Array): void {
    const time = block[this.#at.time]!;
    const tick = block[this.#at.tick]!;
    if (this.#ticks++ === 0) {
      this.#first = time;
      this.#firstTick = tick;
    } else {
      this.#missed += block[this.#at.missed]!;
      const gap = time - this.#last;
      if (gap * 1000 > this.#spec.recording.maxGapMs)
        this.#gap({ at: this.#last - this.#first, length: gap });
    }
    this.#last = time;
    this.#lastTick = tick;
    if (block[this.#at.mode] === Mode.active) this.#sources.add(block[this.#at.source]!);
    if (this.#moving(block)) {
      const idle = time - this.#moved;
      if (idle > this.#spec.recording.idleS) this.#idle.push({ at: this.#moved - this.#first, length: idle });
      this.#moved = time;
    }
  }

  /** A frame with its capture time and its number. */
  frame(camera: number, time: number, seq: number): void {
    const c = this.#cameras[camera]!;
    if (c.frames++ === 0) {
      c.first = time;
      c.firstSeq = seq;
    } else c.maxGap = Math.max(c.maxGap, time - c.last);
    c.last = time;
    c.lastSeq = seq;
  }

  /** `overflow`: records refused by full rings, per topic. */
  result(overflow: Readonly<Record<string, number>>): Quality {
    const rateHz = this.#ticks > 1 ? (this.#ticks - 1) / this.duration : 0;
    const lost = this.#ticks > 0 ? this.#lastTick - this.#firstTick + 1 - this.#ticks : 0;
    const measured = {
      rateHz,
      missed: this.#missed,
      lostTicks: Math.max(0, lost),
      gaps: this.#gaps,
      gapCount: this.#gapCount,
      idle: this.#idle,
      cameras: this.#spec.cameras.map((camera, i) => this.#camera(camera.name, this.#cameras[i]!)),
      overflow: Object.fromEntries(Object.entries(overflow).filter(([, count]) => count > 0)),
    };
    return { ...measured, flags: judge(this.#spec, measured, this.duration) };
  }

  #camera(name: string, c: CameraCount): CameraQuality {
    const fps = c.frames > 1 ? (c.frames - 1) / (c.last - c.first) : 0;
    const dropped = c.frames > 0 ? c.lastSeq - c.firstSeq + 1 - c.frames : 0;
    return { name, frames: c.frames, fps, maxGap: c.maxGap, dropped: Math.max(0, dropped) };
  }

  #gap(gap: Span): void {
    this.#gapCount++;
    this.#gaps.push(gap);
    this.#gaps.sort((a, b) => b.length - a.length);
    this.#gaps.length = Math.min(this.#gaps.length, 20);
  }

  #moving(block: Float64Array): boolean {
    const axes = this.#spec.axes;
    for (let i = 0; i < axes.length; i++) {
      if (Math.abs(block[this.#at.qd + i]!) > MOTION * axes[i]!.velocity) return true;
    }
    return false;
  }
}

/** Rules of the gate. Idle time before the first and after the last motion is not judged. */
function judge(spec: RobotSpec, q: Omit<Quality, 'flags'>, duration: number): string[] {
  const flags: string[] = [];
  const { minRateRatio, maxGapMs, idleS } = spec.recording;
  if (duration === 0) flags.push('the episode is empty');
  else if (q.rateHz < minRateRatio * spec.loop.rateHz) {
    flags.push(`ticks at ${q.rateHz.toFixed(0)} Hz, ${spec.loop.rateHz} Hz wanted`);
  }
  const longest = q.gaps[0];
  if (longest !== undefined) {
    const more = q.gapCount > 1 ? `, the longest of ${q.gapCount}` : '';
    flags.push(
      `no tick for ${ms(longest.length)} at ${longest.at.toFixed(2)} s${more} (limit ${maxGapMs} ms)`,
    );
  }
  if (q.lostTicks > 0) flags.push(`${q.lostTicks} ticks are missing from the file`);
  for (const camera of q.cameras) {
    const wanted = spec.cameras.find((c) => c.name === camera.name)?.fps ?? 0;
    // Short episodes hold too few frames to speak of a rate.
    if (duration * wanted < 3) continue;
    if (camera.frames < 2) flags.push(`camera ${camera.name} delivered ${camera.frames} frames`);
    else if (camera.fps < minRateRatio * wanted) {
      flags.push(`camera ${camera.name} at ${camera.fps.toFixed(1)} fps, ${wanted} wanted`);
    }
    const limit = maxGapMs / 1000 + 1 / wanted;
    if (camera.maxGap > limit) {
      flags.push(`camera ${camera.name} without a frame for ${ms(camera.maxGap)} (limit ${ms(limit)})`);
    }
  }
  for (const span of q.idle) {
    flags.push(`no motion for ${span.length.toFixed(1)} s at ${span.at.toFixed(1)} s (limit ${idleS} s)`);
  }
  for (const [topic, count] of Object.entries(q.overflow)) {
    flags.push(`${count} records of ${topic} were lost: the recorder could not keep up`);
  }
  return flags;
}

const ms = (seconds: number): string => `${(seconds * 1000).toFixed(0)} ms`;

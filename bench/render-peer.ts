/** MuJoCo's own renderer, in Python over software GL, for comparison: bench/render.ts and test/interop use it. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { join } from 'node:path';
import type { CameraEntry } from '../src/robot/spec.ts';
import { packageRoot } from '../src/root.ts';

export interface PeerQuality {
  /** Texels of the shadow map; 0 switches shadows off; null leaves what the model says. */
  readonly shadowSize: number | null;
  /** Samples per pixel; null leaves MuJoCo's default of 4. */
  readonly samples: number | null;
}

export interface PeerPose {
  /** Joint values by name. */
  readonly joints: Readonly<Record<string, number>>;
  /** Poses of free bodies: p x y z, quaternion x y z w. */
  readonly bodies: Readonly<Record<string, readonly number[]>>;
}

interface Answer {
  readonly error?: string;
  readonly bytes?: number;
  readonly renderer?: string;
  readonly ms?: number[];
  readonly geoms?: number;
}

export class MujocoRenderer implements Disposable {
  readonly #child: ChildProcessWithoutNullStreams;
  #buffer = Buffer.alloc(0);
  #wake: (() => void) | null = null;
  #ended = false;
  #stderr = '';
  /** What draws, as OpenGL names it. */
  gl = '';

  private constructor(child: ChildProcessWithoutNullStreams) {
    this.#child = child;
    child.stdout.on('data', (chunk: Buffer) => {
      this.#buffer = Buffer.concat([this.#buffer, chunk]);
      this.#wake?.();
    });
    child.stderr.on('data', (chunk: Buffer) => {
      this.#stderr += chunk.toString();
    });
    child.stdin.on('error', () => {});
    const end = (): void => {
      this.#ended = true;
      this.#wake?.();
    };
    child.on('error', end);
    child.on('exit', end);
  }

  /**
   * Starts Python with OSMesa, or with EGL on Mesa's software driver. Resolves to why not where neither draws.
   */
  static async open(
    python: string,
    model: string,
    cameras: readonly CameraEntry[],
    quality: PeerQuality,
  ): Promise<MujocoRenderer | { readonly absent: string }> {
    let absent = '';
    for (const gl of ['osmesa', 'egl']) {
      const env = { ...process.env, MUJOCO_GL: gl, PYOPENGL_PLATFORM: gl, LIBGL_ALWAYS_SOFTWARE: '1' };
      const child = spawn(python, [join(packageRoot(), 'bench', 'render-peer.py')], { env });
      const peer = new MujocoRenderer(child);
      try {
        const answer = await peer.#ask({ op: 'open', model, cameras, ...quality });
        peer.gl = answer.renderer ?? '';
        if (/llvmpipe|softpipe|swrast/i.test(peer.gl)) return peer;
        absent = `${gl} draws with ${peer.gl}, which is no software renderer`;
      } catch (error) {
        absent = `MuJoCo cannot draw with ${gl}: ${(error as Error).message.split('\n')[0]}`;
      }
      peer[Symbol.dispose]();
    }
    return { absent: `${absent} (Debian: apt-get install libosmesa6)` };
  }

  async pose(pose: PeerPose): Promise<void> {
    await this.#ask({ op: 'pose', ...pose });
  }

  /** Milliseconds of each of `count` pictures, from scene update to pixels in memory. */
  async time(camera: string, width: number, height: number, count: number): Promise<number[]> {
    return (await this.#ask({ op: 'time', camera, width, height, count })).ms ?? [];
  }

  /** RGB bytes, depth float32 or geom numbers int32 (ours: -1 for nothing), rows from the top. */
  async image(
    camera: string,
    width: number,
    height: number,
    kind: 'rgb' | 'depth' | 'segmentation',
  ): Promise<ArrayBuffer> {
    const { bytes } = await this.#ask({ op: 'image', camera, width, height, kind });
    while (this.#buffer.length < (bytes ?? 0)) await this.#more();
    const out = new Uint8Array(this.#buffer.subarray(0, bytes));
    this.#buffer = this.#buffer.subarray(bytes);
    return out.buffer;
  }

  [Symbol.dispose](): void {
    this.#child.kill();
  }

  async #ask(request: object): Promise<Answer> {
    this.#child.stdin.write(`${JSON.stringify(request)}\n`);
    let end = this.#buffer.indexOf(10);
    while (end < 0) {
      await this.#more();
      end = this.#buffer.indexOf(10);
    }
    const answer = JSON.parse(this.#buffer.subarray(0, end).toString()) as Answer;
    this.#buffer = this.#buffer.subarray(end + 1);
    if (answer.error !== undefined) throw new Error(answer.error);
    return answer;
  }

  async #more(): Promise<void> {
    if (this.#ended) throw new Error(this.#stderr.trim().split('\n').at(-1) || 'Python ended');
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
  }
}

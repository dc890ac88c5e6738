/** A camera of a ROS 2 graph: Image or CompressedImage in, with the capture time on the rig's clock; CameraInfo compared. */
import type { CameraContext, CameraSink, CameraSource, Picture } from '../../src/robot/camera.ts';
import { entryOptions } from '../../src/robot/options.ts';
import { type OpenGraph, type RosGraph, type RosSubscription, SENSOR_QOS } from './graph.ts';
import { fileOf, pictureOf } from './image.ts';
import { type CameraInfo, cameraInfo, compressedImage, image, seconds, type Time } from './messages.ts';
import { ros2CameraOptions } from './options.ts';
import { StampClock } from './stamp-clock.ts';

/** Fields of view that differ by more than this are told, degrees. */
const FOV_DEG = 1;

export class Ros2Camera implements CameraSource {
  readonly #context: CameraContext;
  readonly #options;
  readonly #openGraph: OpenGraph;
  readonly #clock: StampClock;
  #graph: RosGraph | null = null;
  #subscriptions: RosSubscription[] = [];
  #sink: CameraSink | null = null;
  #closed = false;
  #said = '';

  constructor(context: CameraContext, openGraph: OpenGraph) {
    this.#context = context;
    this.#options = entryOptions(ros2CameraOptions, context.robot, 'cameras', context.entry);
    this.#openGraph = openGraph;
    this.#clock = new StampClock(this.#options.staleMs / 1000);
  }

  /** Rejects with ROS_MISSING, ROS_FAILED. */
  async open(sink: CameraSink): Promise<void> {
    const { topic, compressed, info } = this.#options;
    this.#sink = sink;
    const graph = await this.#openGraph();
    this.#graph = graph;
    this.#subscriptions.push(
      compressed
        ? graph.subscribe(compressedImage.name, topic, SENSOR_QOS, (m) =>
            this.#take(m, (b) => compressedImage.decode(b), fileOf),
          )
        : graph.subscribe(image.name, topic, SENSOR_QOS, (m) =>
            this.#take(m, (b) => image.decode(b), pictureOf),
          ),
    );
    if (info !== undefined) {
      this.#subscriptions.push(graph.subscribe(cameraInfo.name, info, SENSOR_QOS, (m) => this.#compare(m)));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    for (const subscription of this.#subscriptions.splice(0)) subscription.close();
    const graph = this.#graph;
    this.#graph = null;
    await graph?.[Symbol.asyncDispose]();
  }

  #take<M extends { readonly header: { readonly stamp: Time } }>(
    bytes: Uint8Array,
    decode: (bytes: Uint8Array) => M,
    make: (message: M, time: number) => Picture | string,
  ): void {
    if (this.#closed) return;
    let message: M;
    try {
      message = decode(bytes);
    } catch (error) {
      this.#say(`${this.#options.topic} carries other messages: ${(error as Error).message}`);
      return;
    }
    const stamp = seconds(message.header.stamp);
    const now = this.#context.now();
    // A picture without a stamp was taken before it came: nothing better is known.
    const time = stamp === 0 ? now : this.#clock.take(stamp, now) === 'fresh' ? this.#clock.time : null;
    if (time === null) return;
    const picture = make(message, time);
    if (typeof picture === 'string') this.#say(picture);
    else this.#sink!.picture(picture);
  }

  /** Vertical field of view by the focal length fy (pixels) of k: 2 atan(height / 2 fy). */
  #compare(bytes: Uint8Array): void {
    if (this.#closed) return;
    let info: CameraInfo;
    try {
      info = cameraInfo.decode(bytes);
    } catch (error) {
      this.#say(`${this.#options.info} carries other messages: ${(error as Error).message}`);
      return;
    }
    const fy = info.k[4]!;
    if (!(fy > 0)) return;
    const fov = (2 * Math.atan(info.height / (2 * fy)) * 180) / Math.PI;
    const { fovyDeg } = this.#context.entry;
    if (Math.abs(fov - fovyDeg) <= FOV_DEG) return;
    this.#say(`its camera_info says fovyDeg ${fov.toFixed(1)}; the robot file says ${fovyDeg}`);
  }

  /** Each thing once, until another one is said. */
  #say(message: string): void {
    if (message !== this.#said) this.#sink?.note(message);
    this.#said = message;
  }
}

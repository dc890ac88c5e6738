/** sensor_msgs Image and CompressedImage as pictures. */
import type { Picture, PixelFormat } from '../../src/robot/camera.ts';
import type { CompressedImage, Image } from './messages.ts';

/** Encodings (sensor_msgs/image_encodings.hpp) that are understood: 8 bits a channel, so byte order changes nothing. */
const FORMATS: ReadonlyMap<string, PixelFormat> = new Map([
  ['rgb8', 'rgb'],
  ['bgr8', 'bgr'],
  ['rgba8', 'rgba'],
  ['bgra8', 'bgra'],
  ['mono8', 'gray'],
  ['8UC1', 'gray'],
  ['8UC3', 'bgr'],
]);

/** The picture, or what is wrong with it, in words. Whether there are bytes enough is seen when it is used. */
export function pictureOf(message: Image, time: number): Picture | string {
  const { width, height, step, encoding, data } = message;
  const format = FORMATS.get(encoding);
  if (format === undefined) {
    return `the encoding ${encoding} is not understood; these are: ${[...FORMATS.keys()].join(', ')}`;
  }
  return { time, format, width, height, stride: step, data };
}

/** `format` of the message is free text such as "rgb8; jpeg compressed bgr8": what the bytes begin with decides. */
export function fileOf({ data, format }: CompressedImage, time: number): Picture | string {
  if (data[0] === 0xff && data[1] === 0xd8) return { time, format: 'jpeg', data };
  if (data[0] === 0x89 && data[1] === 0x50) return { time, format: 'png', data };
  return `a compressed picture is neither JPEG nor PNG; its format says “${format}”`;
}

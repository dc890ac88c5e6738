/**
 * Kind `mock`: an asynchronous device in a process of its own, with its own clock, latency, jitter, lost feedback and
 * watchdog. It stands for real hardware wherever that matters, and is the example to read when writing a driver.
 */
import type { DeviceFactory } from '../../src/robot/device.ts';
import { deviceOptions } from '../../src/robot/options.ts';
import { MockDevice } from './device.ts';
import { mockOptions } from './options.ts';

/** Throws CONFIG_INVALID for bad options. */
export const createDevice: DeviceFactory = (context) =>
  new MockDevice(context, deviceOptions(mockOptions, context.robot, context.entry));

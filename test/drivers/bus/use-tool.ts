/** Runs a tool of a driver as `armloop driver` would. */
import type { DriverTool } from '../../../src/robot/device.ts';
import type { RobotSpec } from '../../../src/robot/spec.ts';
import { now } from './arm-stand.ts';

/** Resolves with what it printed. Ctrl-C comes at once. */
export async function useTool(
  tools: Readonly<Record<string, DriverTool>>,
  robot: RobotSpec,
  tool: string,
  args: readonly string[],
): Promise<string> {
  const lines: string[] = [];
  const print = (line: string): void => void lines.push(line);
  await tools[tool]!.run(args, { print, now, robot: () => robot, interrupted: Promise.resolve() });
  return lines.join('\n');
}

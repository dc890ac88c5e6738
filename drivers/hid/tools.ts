/** Tools for the bench: which inputs are connected, and what they say. Nothing moves. */
import { ArmloopError } from '../../src/errors.ts';
import type { DriverTool } from '../../src/robot/device.ts';
import type { OperatorInput } from '../../src/robot/input.ts';
import { GAMEPADS } from './gamepads.ts';
import type { HidPorts } from './ports.ts';
import { SPACEMICE } from './spacemouse.ts';

/** What it calls a device of those numbers; undefined where it is no input. */
function known(
  vendor: number,
  product: number,
): { readonly kind: string; readonly name: string } | undefined {
  const id = vendor * 0x1_0000 + product;
  const mouse = SPACEMICE.get(id);
  if (mouse !== undefined) return { kind: 'spacemouse', name: mouse };
  const pad = GAMEPADS.get(id);
  return pad === undefined ? undefined : { kind: 'gamepad', name: pad.name };
}

/** `make`: an input of that kind with every default. */
export function inputTools(
  ports: HidPorts,
  make: (kind: 'spacemouse' | 'gamepad', now: () => number) => OperatorInput,
): Readonly<Record<string, DriverTool>> {
  return {
    list: {
      summary: 'SpaceMice and gamepads that are connected',
      usage: '',
      run: async (_, { print }) => {
        const lines = new Set<string>();
        for (const { vendor, product, path } of await ports.list()) {
          const what = known(vendor, product);
          if (what !== undefined) lines.add(`${what.kind}: ${what.name} at ${path}`);
        }
        for (const line of lines) print(line);
        if (lines.size === 0) print('no SpaceMouse and no gamepad that is known is connected');
      },
    },
    watch: {
      summary: 'what one says: twist, gripper, deadman and the numbers of its buttons, until Ctrl-C',
      usage: 'spacemouse|gamepad',
      run: async ([kind, ...more], { print, now, interrupted }) => {
        if ((kind !== 'spacemouse' && kind !== 'gamepad') || more.length > 0) {
          throw new ArmloopError('DRIVER_USAGE', {
            kind: 'spacemouse',
            problem: `watch: ${kind ?? 'nothing'} is no kind of input`,
            usage: 'watch spacemouse|gamepad',
          });
        }
        const input = make(kind, now);
        let last = '';
        input.onFound = (words) => print(`there: ${words}`);
        input.onLost = (reason) => print(`not there: ${reason}`);
        input.onReading = ({ twist, gripper, enable, buttons }) => {
          const axes = Array.from(twist, (v) => v.toFixed(2)).join(' ');
          const pressed = Array.from({ length: 31 }, (_, i) => i).filter((i) => (buttons >>> i) & 1);
          const words = `twist ${axes}, gripper ${gripper}, deadman ${enable === 1 ? 'held' : 'free'}, buttons ${pressed.join(' ') || 'none'}`;
          if (words !== last) print(words);
          last = words;
        };
        await input.open();
        await interrupted;
        await input[Symbol.asyncDispose]();
      },
    },
  };
}

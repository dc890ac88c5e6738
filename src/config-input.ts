/** The `input` of a robot file, or of the command line: defaults that follow from its kind, and what relates values. */
import type { Refuse } from './config.ts';
import type { InputFile } from './config-schema.ts';
import type { InputEntry } from './robot/spec.ts';

/** Calls `refuse`, which throws CONFIG_INVALID. */
export function resolveInput(input: InputFile, refuse: Refuse): InputEntry {
  const { kind, options, frame, speed, buttons } = input;
  buttons?.forEach(({ button }, i) => {
    const first = buttons.findIndex((b) => b.button === button);
    if (first !== i)
      refuse(`input.buttons[${i}].button`, button, `input.buttons[${first}] is that one already`);
  });
  const name = input.name ?? (/^[A-Za-z][A-Za-z0-9_-]*$/.test(kind) ? kind : 'input');
  return { name, kind, options, frame, speed, buttons: buttons ?? null };
}

/** What `--input KIND` means: that kind with every default. */
export function plainInput(kind: string): InputEntry {
  const refuse: Refuse = (path) => {
    throw new RangeError(path);
  };
  return resolveInput({ kind, options: {}, frame: 'base', speed: 1 }, refuse);
}

/** Keyboard events of the window → motion and actions. */
import { commands } from './commands.svelte.ts';
import { findAction, findJoint, findMotion } from './keys.ts';
import { operator } from './operator.svelte.ts';

const isField = (t: EventTarget | null): boolean =>
  t instanceof HTMLElement &&
  (t.isContentEditable ||
    t.matches('textarea, select, input:not([type=checkbox], [type=radio], [type=range])'));
/** Takes Enter or Space itself. A slider does not: there Space holds the arm as everywhere. */
const isButton = (t: EventTarget | null): boolean =>
  t instanceof HTMLElement &&
  t.matches('button, a[href], summary, input:not([type=range]), [role=button], [role=tab]');

const isSlider = (t: EventTarget | null): boolean => t instanceof HTMLInputElement && t.type === 'range';

function down(event: KeyboardEvent): void {
  if (event.code === 'Escape') {
    event.preventDefault();
    event.stopPropagation();
    if (!event.repeat) commands.run('estop');
    return;
  }
  // Text goes into fields, arrows to a focused slider, shortcuts with Ctrl, Alt or Meta to the browser.
  if (isField(event.target) || (isSlider(event.target) && /^(Arrow|Page|Home|End)/.test(event.code))) return;
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  if (commands.question) return;
  if ((event.code === 'Enter' || event.code === 'Space') && isButton(event.target)) return;

  const action = findAction(event.code, event.shiftKey);
  if (action && (commands.view === 'live' || action === 'help' || action === 'hold')) {
    event.preventDefault();
    if (!event.repeat || action === 'slower' || action === 'faster') commands.run(action);
    return;
  }
  if (commands.view !== 'live' || event.shiftKey) return;
  if (operator.mode === 'jog') {
    const joint = findJoint(event.code);
    if (joint >= 0) {
      operator.select(joint);
      return;
    }
  }
  if (findMotion(event.code, operator.mode)) {
    event.preventDefault();
    if (!event.repeat) operator.press(event.code);
  }
}

/** Starts to listen, for the life of the page. */
export function startHotkeys(): void {
  addEventListener('keydown', down, { capture: true });
  // Lifted wherever the focus is by now.
  addEventListener(
    'keyup',
    (event) => {
      operator.lift(event.code);
      // macOS reports no keyup of other keys while Meta is down.
      if (event.key === 'Meta') operator.releaseKeys();
    },
    { capture: true },
  );
  addEventListener('focusin', (event) => {
    if (isField(event.target)) operator.releaseKeys();
  });
  // What was clicked with the pointer gives the focus back, so that Enter and Space stay hotkeys.
  addEventListener('click', (event) => {
    const clicked = (event.target as HTMLElement | null)?.closest<HTMLElement>(
      'button, a, summary, input[type=checkbox], input[type=range]',
    );
    if (clicked && event.detail > 0) clicked.blur();
  });
}

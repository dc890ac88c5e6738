/** How the 3D view draws: `?render=low` or `?render=off` in the address lightens it for weak machines. */
import type { Quality } from './viewport.ts';

export function renderChoice(): Quality {
  const choice = new URLSearchParams(location.search).get('render');
  return choice === 'low' || choice === 'off' ? choice : 'full';
}

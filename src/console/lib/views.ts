/** The views of the page and their addresses: `#/training/ID`. No DOM here. */

export const views = [
  'live',
  'episodes',
  'collections',
  'training',
  'policies',
  'evaluations',
  'calibration',
] as const;
export type View = (typeof views)[number];

/** Where an address leads; unknown ones to the live view. */
export function placeOf(hash: string): { readonly view: View; readonly item: string | null } {
  const [, name, id] = hash.split('/');
  const view = views.find((v) => v === name) ?? 'live';
  return { view, item: id ? decodeURIComponent(id) : null };
}

export function addressOf(view: View, item: string | null = null): string {
  const name = view === 'live' ? '' : view;
  return item === null ? `#/${name}` : `#/${name}/${encodeURIComponent(item)}`;
}

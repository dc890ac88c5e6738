/** How drivers ask for a controller. */
import { type ControllerId, RequestKind, requestLayout, type Source } from '../robot/tick.ts';

const REQUEST = {
  kind: requestLayout.at('kind'),
  controller: requestLayout.at('controller'),
  source: requestLayout.at('source'),
  count: requestLayout.at('count'),
  args: requestLayout.at('args'),
};

/** Writes into `out` (requestLayout, zeroed) that `source` wants `controller` with these arguments. */
export function askFor(
  out: Float64Array,
  controller: ControllerId,
  source: Source,
  args: ArrayLike<number>,
): void {
  out[REQUEST.kind] = RequestKind.activate;
  out[REQUEST.controller] = controller;
  out[REQUEST.source] = source;
  out[REQUEST.count] = args.length;
  out.set(args, REQUEST.args);
}

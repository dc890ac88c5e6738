/** Writes one large version of a calibration: store.test.ts kills it meanwhile. */
import { CalibrationStore } from '../../src/calibrate/store.ts';

const part = 'xm540-w270, id 1, ratio 1, mode position';
const date = '2026-01-02T03:04:05.678Z';
const rest = { device: 'arm', quantity: 'zero', unit: 'step', method: 'made up', date, part } as const;
const entries = Array.from({ length: 60_000 }, (_, i) => ({
  ...rest,
  axis: `axis${i}`,
  value: i,
  residual: null,
  residualUnit: 'rad',
}));
new CalibrationStore(process.argv[2]!, 'r', 'real').write('joints', entries);

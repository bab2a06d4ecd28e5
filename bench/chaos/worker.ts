/** Plays the seeds that its parent sends, one after the other, and sends back what came of each. */
import { chaos, type ChaosOptions } from './world.ts';

process.on('message', (options: ChaosOptions) => {
  void chaos(options).then((result) => process.send?.(result));
});
process.once('disconnect', () => process.exit());

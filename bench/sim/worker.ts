/** A process that runs the cells it is sent, one at a time: `Cell` in, `CellResult` out. */
import { runCell, type Cell } from './cell.ts';

process.on('message', (cell) => {
  process.send?.(runCell(cell as Cell));
});

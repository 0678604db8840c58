/** For tests of what memory is held: frees all that nobody holds, now. */
import v8 from 'node:v8';
import vm from 'node:vm';

/** Node offers it behind a flag only; the flag may be set at run time. */
export function collectGarbage(): void {
  v8.setFlagsFromString('--expose-gc');
  const collect = vm.runInNewContext('gc') as () => void;
  // Twice: memory outside of the heap is freed by what the first one finds dead.
  collect();
  collect();
}

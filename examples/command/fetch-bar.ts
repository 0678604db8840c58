/** A progress bar for one image, on a terminal only: a log or a program that reads stderr gets nothing of it. */
import { SingleBar } from 'cli-progress';
import { type FetchProgress, printable } from '../../src/images/index.js';
import { fitted, formatBytes } from './quantities.js';

export class FetchBar {
  #bar: SingleBar | undefined;

  /** Shows nothing when `stream` is no terminal. */
  constructor(name: string, stream: NodeJS.WriteStream) {
    if (!stream.isTTY) return;
    this.#bar = new SingleBar({
      stream,
      format: `${fitted(printable(name), 28)} {bar} {percentage}%  {received}`,
      barCompleteChar: '█',
      barIncompleteChar: '░',
      barsize: 24,
      clearOnComplete: true,
      hideCursor: true,
      // The command ends by its own signal, which stops the bar too.
      gracefulExit: false,
    });
    this.#bar.start(1, 0, { received: '' });
  }

  update({ receivedBytes, totalBytes }: FetchProgress): void {
    this.#bar?.setTotal(Math.max(totalBytes, 1));
    this.#bar?.update(totalBytes === 0 ? 1 : receivedBytes, { received: formatBytes(receivedBytes) });
  }

  /** Removes the bar and gives the cursor back. Idempotent. */
  stop(): void {
    this.#bar?.stop();
    this.#bar = undefined;
  }
}

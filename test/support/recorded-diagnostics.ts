/** Listens to every event that tools can have, and keeps them in their order. */
import { type DiagnosticsEvents, makeDiagnostics } from '../../src/rpc/diagnostics.js';

type Name = keyof DiagnosticsEvents;

export class RecordedDiagnostics {
  readonly events: { readonly name: Name; readonly payload: DiagnosticsEvents[Name] }[] = [];
  /** Runs within `publish`. */
  onEvent: (name: Name) => void = () => undefined;
  isListening = true;

  readonly diagnostics = makeDiagnostics((name) => {
    const isListening = (): boolean => this.isListening;
    return {
      get hasSubscribers() {
        return isListening();
      },
      publish: (payload: DiagnosticsEvents[Name]) => {
        if (!this.isListening) throw new Error(`${name} was made for nobody`);
        this.events.push({ name, payload });
        this.onEvent(name);
      },
    };
  });

  /** Without their common prefix. */
  get names(): string[] {
    return this.events.map(({ name }) => name.replace('udprpc:', ''));
  }

  of<Wanted extends Name>(wanted: Wanted): DiagnosticsEvents[Wanted][] {
    return this.events.flatMap(({ name, payload }) =>
      name === wanted ? [payload as DiagnosticsEvents[Wanted]] : [],
    );
  }
}

/** What `udprpc health` does: asks, or watches, and prints the names of statuses. */
import { HealthCheckResponse_ServingStatus as ServingStatus, HealthDefinition } from '../health/index.js';
import { createClient, RpcError, Status } from '../index.js';
import { type HealthFlags } from './health-command.js';
import { FailureShown } from './run-command.js';
import { type Session, withSession } from './session.js';
import { print } from './shown.js';

/** `service`: empty for the whole server. */
export async function health(
  target: string,
  service: string,
  flags: HealthFlags,
  signal: AbortSignal,
): Promise<void> {
  await withSession(target, flags, signal, async (session) => {
    if (flags.watch === true) return watch(session, service, flags.timeout === undefined);
    const { status } = await createClient(HealthDefinition, session.channel).check(
      { service },
      session.callOptions,
    );
    await print(nameOf(status), signal);
    if (status !== ServingStatus.SERVING) throw new FailureShown(Status.UNAVAILABLE);
  });
}

/** Servers end streams that are silent for long; then they are asked again, unless the time to wait was given. */
async function watch({ channel, callOptions }: Session, service: string, isEndless: boolean): Promise<void> {
  const client = createClient(HealthDefinition, channel);
  let shown: number | undefined;
  do {
    try {
      for await (const { status } of client.watch(
        { service },
        { ...callOptions, idleTimeoutMs: ASK_AGAIN_MS },
      )) {
        if (status !== shown) await print(nameOf(status), callOptions.signal);
        shown = status;
      }
    } catch (error) {
      if (!isEndless || !(error instanceof RpcError) || error.code !== Status.DEADLINE_EXCEEDED) throw error;
    }
  } while (isEndless);
}

function nameOf(status: number): string {
  const [name] = Object.entries(ServingStatus).find(([, value]) => value === status) ?? [];
  return name ?? String(status);
}

/** A day. A call without any limit of time would not keep the process alive. */
const ASK_AGAIN_MS = 86_400_000;

/**
 * What is told of a channel, of its calls and of their attempts. Costs nothing while nobody listens. Payloads are written
 * field by field: an object that is spread from others costs 5 µs.
 */
import { Status } from 'nice-grpc-common';
import { identityOf } from '../diagnostics.js';
import { isRpcError } from '../rpc-error.js';
import { type Attempt } from './attempt.js';
import { type Call } from './call.js';
import { textOf } from './call-message.js';
import { type Channel, type ChannelStateChange, type ServerStateChange } from './channel.js';

export function reportCallStart(call: Call): void {
  const event = call.channel.environment.diagnostics['udprpc:client.call.start'];
  if (!event.hasSubscribers) return;
  event.publish({ call: identityOf(call), path: call.method.descriptor.path, target: call.channel.target });
}

/** `error`: what its caller gets. */
export function reportCallEnd(call: Call, code: Status, details: string, error?: unknown): void {
  const { clock, diagnostics } = call.channel.environment;
  const event = diagnostics['udprpc:client.call.end'];
  if (!event.hasSubscribers) return;
  const { channel, method, attempts, startedAt } = call;
  event.publish({
    call: identityOf(call),
    path: method.descriptor.path,
    target: channel.target,
    code,
    details,
    durationMs: clock.now() - startedAt,
    attempts,
    error,
  });
}

export function reportCallFailure(call: Call, error: unknown): void {
  if (!call.channel.environment.diagnostics['udprpc:client.call.end'].hasSubscribers) return;
  // What is no RpcError is what the caller's request iterable threw: the server was told that the call is cancelled.
  if (isRpcError(error)) reportCallEnd(call, error.code, error.details, error);
  else reportCallEnd(call, Status.CANCELLED, `the request's iterable threw: ${textOf(error)}`, error);
}

export function reportAttemptStart(call: Call, attempt: Attempt): void {
  const event = call.channel.environment.diagnostics['udprpc:client.attempt.start'];
  if (!event.hasSubscribers) return;
  event.publish({
    call: identityOf(call),
    path: call.method.descriptor.path,
    target: call.channel.target,
    attempt: attempt.number,
  });
}

export function reportAttemptEnd(call: Call, attempt: Attempt, code: Status, details: string): void {
  const { clock, diagnostics } = call.channel.environment;
  const event = diagnostics['udprpc:client.attempt.end'];
  if (!event.hasSubscribers) return;
  const record = attempt.record(code, details, clock.now());
  event.publish({
    call: identityOf(call),
    path: call.method.descriptor.path,
    target: call.channel.target,
    attempt: record.attempt,
    peer: record.peer,
    code,
    details,
    maybeExecuted: record.maybeExecuted,
    durationMs: record.durationMs,
    rttMs: record.rttMs,
    packetsSent: record.packetsSent,
    packetsReceived: record.packetsReceived,
    packetsLost: record.packetsLost,
  });
}

export function reportChannelState(channel: Channel, change: ChannelStateChange): void {
  const { target, environment } = channel;
  const event = environment.diagnostics['udprpc:channel.state'];
  if (event.hasSubscribers) event.publish({ channel: identityOf(channel), target, ...change });
}

export function reportServerState(channel: Channel, { address, to, reason }: ServerStateChange): void {
  const { target, environment } = channel;
  const event = environment.diagnostics['udprpc:channel.server'];
  if (event.hasSubscribers) event.publish({ channel: identityOf(channel), target, address, to, reason });
}

export function reportResolverError(channel: Channel, reason: string): void {
  const { target, environment } = channel;
  const event = environment.diagnostics['udprpc:channel.resolver.error'];
  if (event.hasSubscribers) event.publish({ channel: identityOf(channel), target, reason });
}

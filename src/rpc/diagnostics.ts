/**
 * What tools are told of calls, attempts, connections and channels while they happen: names and payloads that stay. The
 * driver publishes each on the `node:diagnostics_channel` of its name. Nothing is made for an event that nobody listens
 * to: whoever tells one asks `hasSubscribers` first, which is a property.
 */
import { type Status } from 'nice-grpc-common';
import { type ConnectionClosed } from '../transport/transport-error.js';
import { type AttemptRecord } from './attempt-record.js';
import { type ChannelStateChange, type ServerStateChange } from './client/channel.js';
import { type CallEnd, type HandlerError } from './server/server-runtime.js';
import { type TransportStats } from './stream-transport.js';

/**
 * The payload of each diagnostics channel, by its name:
 * `subscribe('udprpc:client.call.end', (message) => { const { path, code } = message as DiagnosticsEvents['udprpc:client.call.end']; })`.
 * Fields may be added. Each `start` is followed by one `end`, each `open` by one `close`; who subscribes meanwhile gets
 * only the latter.
 */
export interface DiagnosticsEvents {
  readonly 'udprpc:client.call.start': ClientCallStart;
  /** After the last of its attempts has ended, before its caller is told. */
  readonly 'udprpc:client.call.end': ClientCallEnd;
  readonly 'udprpc:client.attempt.start': ClientAttemptStart;
  readonly 'udprpc:client.attempt.end': ClientAttemptEnd;
  /** A request's header was read; the call may be refused yet. */
  readonly 'udprpc:server.call.start': ServerCallStart;
  /** The stream of the call and its handler are over. */
  readonly 'udprpc:server.call.end': ServerCallEnd;
  /**
   * A handler threw what is no answer: its client is told UNKNOWN, and no more. Before the end of its call. Where nobody listens,
   * the server warns of it.
   */
  readonly 'udprpc:server.handler.error': ServerHandlerError;
  /** A client has a way to send, or a server was asked in: the handshake is not over yet, and may fail. */
  readonly 'udprpc:connection.open': ConnectionOpen;
  readonly 'udprpc:connection.close': ConnectionClose;
  readonly 'udprpc:channel.state': ChannelStateEvent;
  /** One of the servers of a balanced channel is ready, is lost, is ejected. */
  readonly 'udprpc:channel.server': ChannelServerEvent;
  /** A resolver could not answer, or some of its answer cannot be used; what is known holds. */
  readonly 'udprpc:channel.resolver.error': ResolverErrorEvent;
  /** What a person should know who has not said where else it is told (`warn`). Unheard it is a warning of the process. */
  readonly 'udprpc:warning': WarningEvent;
}

/** A call begins, at its caller. */
export interface ClientCallStart {
  /** Stands for the call: the same object in all its events, a key for a Map. */
  readonly call: object;
  /** `/package.Service/Method`. */
  readonly path: string;
  /** Of the channel, as its user wrote it. */
  readonly target: string;
}

/** A call has ended, at its caller. */
export interface ClientCallEnd extends ClientCallStart {
  /** CANCELLED also when the caller left a stream, or the caller's request iterable threw. */
  readonly code: Status;
  readonly details: string;
  readonly durationMs: number;
  /** How many were begun; 0: it was refused before. */
  readonly attempts: number;
  /** What the caller gets: an RpcError, or what the caller's request iterable threw. Undefined with OK, and for who left. */
  readonly error: unknown;
}

/** An attempt of a call begins. */
export interface ClientAttemptStart extends ClientCallStart {
  /** From 1. */
  readonly attempt: number;
}

/** An attempt of a call has ended. */
export type ClientAttemptEnd = ClientAttemptStart & AttemptRecord;

/** A request has come, before its handler starts. */
export interface ServerCallStart {
  /** Stands for the call: the same object in both its events. */
  readonly call: object;
  /** `/package.Service/Method`, as the client has it. */
  readonly path: string;
  /** The server has that method. False: whoever counts by paths lets strangers make as many as they like. */
  readonly isServed: boolean;
  /** `ip:port` of the client. */
  readonly peer: string;
  /** The same for all attempts of a call. */
  readonly requestId: string;
}

/** With what the server's event `call` tells. */
export type ServerCallEnd = ServerCallStart & CallEnd;

/** With what the server's event `handlerError` tells. */
export interface ServerHandlerError extends HandlerError {
  /** As in the call's other events. */
  readonly call: object;
}

/** A connection begins, before its handshake. */
export interface ConnectionOpen {
  /** Stands for the connection: the same object in both its events. */
  readonly connection: object;
  readonly side: 'client' | 'server';
  /** `ip:port` of the other side, as it is now. */
  readonly peer: string;
  /** TLS. */
  readonly isSecure: boolean;
  /** What it has counted so far, for those who ask now and then while it is open. */
  readonly sample: () => TransportStats;
}

/** A connection has ended, or could not be made. */
export interface ConnectionClose extends Omit<ConnectionOpen, 'sample'> {
  /** Who or what ended it. */
  readonly by: ConnectionClosed['by'];
  /** One line for a person. */
  readonly reason: string;
  /** The handshake was confirmed; false: it failed. */
  readonly wasReady: boolean;
  /** One side has broken the protocol, or a limit of the other's. */
  readonly isViolation: boolean;
  readonly durationMs: number;
  /** As of now. */
  readonly stats: TransportStats;
}

export interface ChannelStateEvent extends ChannelStateChange {
  /** Stands for the channel: the same object in all its events. */
  readonly channel: object;
  readonly target: string;
}

/** With what the channel's event `server` tells. */
export interface ChannelServerEvent extends ServerStateChange {
  /** As in the channel's other events. */
  readonly channel: object;
  readonly target: string;
}

/** With what the channel's event `resolverError` tells. */
export interface ResolverErrorEvent {
  /** As in the channel's other events. */
  readonly channel: object;
  readonly target: string;
  /** One line for a person. */
  readonly reason: string;
}

/** A line for a person. */
export interface WarningEvent {
  /** For a person. Of a handler's error it has the stack. */
  readonly message: string;
}

/** As a Channel of `node:diagnostics_channel`. Publishing never throws. */
export interface DiagnosticsEvent<Payload> {
  readonly hasSubscribers: boolean;
  publish(payload: Payload): void;
}

export type Diagnostics = {
  readonly [Name in keyof DiagnosticsEvents]: DiagnosticsEvent<DiagnosticsEvents[Name]>;
};

/** One event for each name. */
export function makeDiagnostics(
  make: <Name extends keyof DiagnosticsEvents>(name: Name) => DiagnosticsEvent<DiagnosticsEvents[Name]>,
): Diagnostics {
  return {
    'udprpc:client.call.start': make('udprpc:client.call.start'),
    'udprpc:client.call.end': make('udprpc:client.call.end'),
    'udprpc:client.attempt.start': make('udprpc:client.attempt.start'),
    'udprpc:client.attempt.end': make('udprpc:client.attempt.end'),
    'udprpc:server.call.start': make('udprpc:server.call.start'),
    'udprpc:server.call.end': make('udprpc:server.call.end'),
    'udprpc:server.handler.error': make('udprpc:server.handler.error'),
    'udprpc:connection.open': make('udprpc:connection.open'),
    'udprpc:connection.close': make('udprpc:connection.close'),
    'udprpc:channel.state': make('udprpc:channel.state'),
    'udprpc:channel.server': make('udprpc:channel.server'),
    'udprpc:channel.resolver.error': make('udprpc:channel.resolver.error'),
    'udprpc:warning': make('udprpc:warning'),
  };
}

/** Where nobody can listen. */
export const NO_DIAGNOSTICS: Diagnostics = makeDiagnostics(() => ({
  hasSubscribers: false,
  publish: () => undefined,
}));

/** What has events. */
export interface EventSubject {
  /** Stands for it in them; made for the first who listens. */
  identity: object | undefined;
}

/** Shows nothing of `subject`: payloads get printed. A field, because a WeakMap costs 0.5 µs each time. */
export function identityOf(subject: EventSubject): object {
  return (subject.identity ??= {});
}

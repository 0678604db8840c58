"""Calls the bytes service of test/e2e/gateway as a gRPC client of another language, without its proto, and prints what came."""
import json
import sys

import grpc

address, prefix = sys.argv[1:]
METADATA = (("text", "v"), ("raw-bin", b"\x00\x01\xff"))


def shown(metadata):
    return {key: value.hex() if isinstance(value, bytes) else value for key, value in metadata or ()}


def outcome(call, messages):
    received = [message.hex() for message in messages]
    header = {key: value for key, value in shown(call.initial_metadata()).items() if "header" in key}
    return {"messages": received, "header": header, "trailer": shown(call.trailing_metadata())}


with grpc.insecure_channel(address) as channel:
    unary = channel.unary_unary(prefix + "Unary")
    response, call = unary.with_call(b"hi", metadata=METADATA, timeout=10)
    results = {"unary": outcome(call, [response])}

    call = channel.unary_stream(prefix + "ServerStream")(b"hi", metadata=METADATA, timeout=10)
    results["serverStream"] = outcome(call, call)

    client_stream = channel.stream_unary(prefix + "ClientStream")
    requests = iter([bytes(500_000), b"ab"])
    response, call = client_stream.with_call(requests, metadata=METADATA, timeout=10)
    results["clientStream"] = outcome(call, [response])

    call = channel.stream_stream(prefix + "Bidi")(iter([b"a", b"", b"b"]), metadata=METADATA, timeout=10)
    results["bidi"] = outcome(call, call)

    try:
        unary(b"hi", metadata=(("fail", "1"),), timeout=10)
    except grpc.RpcError as error:
        trailer = shown(error.trailing_metadata())
        results["failed"] = {"code": error.code().name, "details": error.details(), "trailer": trailer}

    def never():
        yield b"a"
        import time

        time.sleep(1)

    try:
        for _ in channel.stream_stream(prefix + "Bidi")(never(), timeout=0.3):
            pass
    except grpc.RpcError as error:
        results["late"] = {"code": error.code().name}

print(json.dumps(results))

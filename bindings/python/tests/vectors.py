"""Runs the shared test vectors on an engine, as their README says."""

from __future__ import annotations

import base64
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from maskinporten import MaskinportenError
from maskinporten._engine import Engine
from maskinporten._errors import from_json
from maskinporten._secret import Secret

Object = dict[str, Any]

FOLDER = Path(
    os.environ.get("MASKINPORTEN_VECTORS") or Path(__file__).resolve().parents[3] / "core" / "testdata" / "vectors"
)
PLACES = {"abi", "library"}
WHOLE = {"header", "claims", "headers"}
HASHES = {"RS256": hashes.SHA256(), "RS384": hashes.SHA384(), "RS512": hashes.SHA512()}


def read(name: str) -> Object:
    content: Object = json.loads((FOLDER / name).read_text())
    return content


def subjects() -> list[str]:
    return sorted(path.stem for path in FOLDER.glob("*.json") if path.name not in ("schema.json", "keys.json"))


def blob(text: Any) -> bytes:
    """Return the bytes that stand in one of the three forms."""
    if isinstance(text, str):
        return text.encode()
    if "base64" in text:
        return base64.b64decode(text["base64"])
    return b"".join(part.encode() * times for part, times in text["parts"])


def compact(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def unbase64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def match(expect: Object, outcome: Object) -> str:
    """Return what differs, or nothing."""
    for name, want in expect.items():
        got = outcome.get(name)
        if name == "says":
            differs = any(words not in outcome.get("text", "") for words in want)
            got = outcome.get("text")
        elif name == "hides":
            got = json.dumps({**outcome, "requests": None}, ensure_ascii=False)
            differs = any(words in got for words in want)
        elif name == "problems":
            differs = sorted(want) != sorted(got or ())
        elif name.endswith("_at_most"):
            got = outcome.get(name.removesuffix("_at_most"), -1)
            differs = not 0 <= got <= want
        else:
            differs = not equal(want, got, whole=name in WHOLE)
        if differs:
            return f"{name} is {got!r}, want {want!r}"
    return ""


def equal(want: Any, got: Any, *, whole: bool) -> bool:
    if isinstance(want, dict):
        return (
            isinstance(got, dict)
            and (not whole or len(want) == len(got))
            and all(equal(value, got.get(name), whole=whole or name in WHOLE) for name, value in want.items())
        )
    if isinstance(want, list):
        return (
            isinstance(got, list)
            and len(want) == len(got)
            and all(map(lambda a, b: equal(a, b, whole=whole), want, got))
        )
    return bool(want == got and isinstance(want, bool) == isinstance(got, bool))


def failure(error: MaskinportenError) -> Object:
    """Return an error as the outcome of a case, after checking what holds for all of them."""
    assert error.kind in ("local", "remote", "transport")
    assert error.number > 1000
    assert error.remedy.endswith(".")
    assert error.remedy in str(error)
    members = {
        **{name: getattr(error, name) for name in ("kind", "code", "number", "message", "remedy", "retryable")},
        **{name: getattr(error, name) for name in ("mp_code", "status", "trace_id")},
        "text": str(error),
        "error": error.oauth_error,
        "error_description": error.description,
        "attempts": error.attempts or None,
        "problems": [problem.field for problem in error.problems],
    }
    return {name: value for name, value in members.items() if value is not None}


class Flow:
    """A flow, with the signing inputs that were seen of it."""

    def __init__(self, handle: int) -> None:
        self.handle = handle
        self.grants: list[str] = []

    def named(self, body: str) -> str:
        """Write <grant n> for the n-th grant with a signature of zeros."""
        for number, grant in enumerate(self.grants, 1):
            before, found, signature = body.partition(grant + ".")
            if found and not signature.strip("A"):
                return f"{before}<grant {number}>"
        return body


class Runner:
    """Runs one case, with a client of its own."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.clients: list[int] = []
        self.flows: dict[str, Flow] = {}
        self.jtis: set[str] = set()

    def run(self, operation: str, case: Object) -> str:
        """Return what is wrong, or nothing."""
        try:
            if operation == "flow":
                source = self.source(case)
                for number, step in enumerate(case["steps"]):
                    if why := match(step.get("expect", {}), self.step(source, step)):
                        return f"step {number}, {step['do']}: {why}"
                return ""
            return match(case["expect"], self.outcome(operation, case))
        finally:
            for client in self.clients:
                self.engine.client_free(client)

    def outcome(self, operation: str, case: Object) -> Object:
        if operation == "client":
            return self.told(lambda: self.client(case))
        if operation == "source":
            client = self.client(case)
            text = blob(case["request_text"]) if "request_text" in case else compact(case["request"])
            return self.told(lambda: self.engine.source_new(client, Secret(text)))
        if operation == "cache_key":
            keys = [self.engine.source_key(self.source(side)) for side in (case, {**case, **case["other"]})]
            assert all(len(key) == 64 for key in keys)
            return {"same": keys[0] == keys[1]}
        flow = self.flow("a", self.source(case))
        if operation == "grant":
            return self.next(flow)
        if operation == "assertion":
            return self.assertion(flow)
        if operation == "acquire":
            return self.acquire(flow, case.get("signatures") or [{"bytes": 256}], case["answers"])
        raise AssertionError(f"there is no operation {operation}")

    def client(self, case: Object) -> int:
        text = blob(case["config_text"]) if "config_text" in case else compact(case["config"])
        self.clients.append(self.engine.client_new(Secret(text)))
        return self.clients[-1]

    def source(self, case: Object) -> int:
        return self.engine.source_new(self.client(case), Secret(compact(case["request"])))

    def flow(self, name: str, source: int) -> Flow:
        if name not in self.flows:
            self.flows[name] = Flow(self.engine.flow_new(source))
        return self.flows[name]

    def told(self, call: Callable[[], object]) -> Object:
        """Return what a call without a result came to."""
        try:
            call()
        except MaskinportenError as error:
            return failure(error)
        return {}

    def next(self, flow: Flow) -> Object:
        try:
            step: Object = json.loads(self.engine.flow_next(flow.handle))
        except MaskinportenError as error:
            return failure(error)
        if step["step"] == "sign":
            self.grant(flow, step)
        elif step["step"] == "send":
            step["body"] = flow.named(step["body"])
        elif step["step"] == "done":
            token: Object = step["token"]
            step.update(token)
            step["life_s"] = (token["expires_at_ms"] - token["requested_at_ms"]) / 1000
            step["usable_s"] = (token["usable_until_ms"] - token["requested_at_ms"]) / 1000
        elif step["step"] == "failed":
            return {"step": "failed", **failure(from_json(compact(step["error"]), step["error"]["number"]))}
        return step

    def grant(self, flow: Flow, step: Object) -> None:
        """Take a signing input apart, and check the rules of iat, exp and jti."""
        signing_input = step["signing_input"]
        header, claims = (json.loads(unbase64(part)) for part in signing_input.split("."))
        issued, ends, jti = (claims.pop(name) for name in ("iat", "exp", "jti"))
        step.update(header=header, claims=claims, life_s=ends - issued)
        if flow.grants[-1:] == [signing_input]:
            return  # the same step, asked again
        flow.grants.append(signing_input)
        assert -10 <= issued - time.time() <= 0
        assert len(jti) >= 22
        assert jti not in self.jtis
        self.jtis.add(jti)

    def acquire(self, flow: Flow, signatures: list[Object], answers: list[Object]) -> Object:
        requests: list[Object] = []
        signs = 0
        for _ in range(100):
            step = self.next(flow)
            if step["step"] == "sign":
                signature = signatures[min(signs, len(signatures) - 1)]
                signs += 1
                if "fail" in signature:
                    self.failed(flow, signature["fail"])
                else:
                    self.told(lambda size=signature["bytes"]: self.signed(flow, size))  # type: ignore[misc]
            elif step["step"] == "send":
                self.received(flow, answers[min(len(requests), len(answers) - 1)])
                requests.append(step)
            elif step["step"] == "wait":
                time.sleep(step["wait_ms"] / 1000)
            else:
                return {**step, "sent": len(requests), "requests": requests}
        raise AssertionError("the flow does not end")

    def step(self, source: int, step: Object) -> Object:
        """Do one line of a script."""
        name, do = step.get("flow", "a"), step["do"]
        if do == "next":
            return self.next(self.flow(name, source))
        if do == "signed":
            size = max(step.get("bytes", 256), 0)
            return self.told(lambda: self.signed(self.flow(name, source), size))
        if do == "received":
            return self.told(lambda: self.received(self.flow(name, source), step["answer"]))
        if do == "failed":
            return self.told(lambda: self.failed(self.flow(name, source), step["fail"]))
        if do == "wait":
            total = 0
            while (asked := self.next(self.flow(name, source)))["step"] == "wait":
                total += asked["wait_ms"]
                time.sleep(asked["wait_ms"] / 1000)
            return {"wait_ms": total}
        if do == "free":
            self.engine.flow_free(self.flow(name, source).handle)
            return {}
        if do == "peek":
            peeked = self.engine.source_peek(source)
            return {"code": "no_token"} if peeked is None else peeked._asdict()
        if do == "invalidate":
            return self.told(lambda: self.engine.source_invalidate(source, Secret(step["access_token"].encode())))
        raise AssertionError(f"there is no verb {do}")

    def signed(self, flow: Flow, size: int) -> None:
        self.engine.flow_signed(flow.handle, Secret(bytes(size)))

    def failed(self, flow: Flow, reason: Object) -> None:
        self.engine.flow_failed(flow.handle, Secret(compact(reason)))

    def received(self, flow: Flow, answer: Object) -> None:
        if "fail" in answer:
            self.failed(flow, answer["fail"])
            return
        head = compact({"status": answer["status"], "headers": answer.get("headers", {})})
        self.engine.flow_received(flow.handle, Secret(head), Secret(blob(answer.get("body", ""))))

    def assertion(self, flow: Flow) -> Object:
        """Let the library sign, and check its signature with a library that nobody here wrote."""
        sign = self.next(flow)
        self.engine.flow_perform(flow.handle, -1)
        signing_input, _, signature = parse_qs(self.next(flow)["body"])["assertion"][0].rpartition(".")
        assert signing_input == sign["signing_input"]
        signer = "nobody"
        for key in read("keys.json")["keys"]:
            n, e = (int.from_bytes(unbase64(key["public_jwk"][name]), "big") for name in "ne")
            public = rsa.RSAPublicNumbers(e, n).public_key()
            try:
                public.verify(unbase64(signature), signing_input.encode(), padding.PKCS1v15(), HASHES[sign["alg"]])
            except InvalidSignature:
                continue
            signer = key["name"]
        return {"header": sign["header"], "signed_by": signer}

package io.github.maskinportencore;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.math.BigInteger;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.Signature;
import java.security.spec.RSAPublicKeySpec;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Runs one case of the shared vectors on the library, with a client of its own. */
final class VectorRunner implements AutoCloseable {
    private static final byte[] NO_SIGNATURE = new byte[256];

    private static final class Flow {
        final long handle;
        final List<String> grants = new ArrayList<>();
        boolean freed;

        Flow(long handle) {
            this.handle = handle;
        }
    }

    private interface Call {
        void run();
    }

    private final Library library = Library.get();
    private final List<Long> clients = new ArrayList<>(), sources = new ArrayList<>();
    private final Map<String, Flow> flows = new HashMap<>();
    private final Set<String> jtis = new HashSet<>();

    /** What is wrong, or null. */
    static String run(String operation, JsonObject one) {
        try (VectorRunner runner = new VectorRunner()) {
            if (!operation.equals("flow")) {
                return Vectors.differs(one.getAsJsonObject("expect"), runner.outcome(operation, one));
            }
            long source = runner.source(one);
            for (JsonElement line : one.getAsJsonArray("steps")) {
                JsonObject step = line.getAsJsonObject();
                String why = Vectors.differs(step.has("expect") ? step.getAsJsonObject("expect") : new JsonObject(), runner.step(source, step));
                if (why != null) {
                    return step.get("do") + ": " + why;
                }
            }
            return null;
        }
    }

    @Override
    public void close() {
        flows.values().stream().filter(flow -> !flow.freed).forEach(flow -> library.flowFree(flow.handle));
        sources.forEach(library::sourceFree);
        clients.forEach(library::clientFree);
    }

    private JsonObject outcome(String operation, JsonObject one) {
        switch (operation) {
            case "client":
                return told(() -> client(one));
            case "source":
                long client = client(one);
                return told(() -> newSource(client, one.has("request_text") ? Vectors.bytes(one.get("request_text")) : Json.bytes(one.get("request"))));
            case "cache_key":
                JsonObject other = one.deepCopy();
                one.getAsJsonObject("other").entrySet().forEach(member -> other.add(member.getKey(), member.getValue()));
                String key = library.sourceKey(source(one));
                assertTrue(key.matches("[0-9a-f]{64}"), key);
                JsonObject outcome = new JsonObject();
                outcome.addProperty("same", key.equals(library.sourceKey(source(other))));
                return outcome;
            case "grant":
                return next(flow("a", source(one)));
            case "assertion":
                return assertion(flow("a", source(one)));
            case "acquire":
                return acquire(flow("a", source(one)), one.getAsJsonArray("signatures"), one.getAsJsonArray("answers"));
            default:
                throw new AssertionError("there is no operation " + operation);
        }
    }

    private long client(JsonObject one) {
        clients.add(library.clientNew(one.has("config_text") ? Vectors.bytes(one.get("config_text")) : Json.bytes(one.get("config"))));
        return clients.get(clients.size() - 1);
    }

    private long source(JsonObject one) {
        return newSource(client(one), Json.bytes(one.get("request")));
    }

    private long newSource(long client, byte[] request) {
        sources.add(library.sourceNew(client, request));
        return sources.get(sources.size() - 1);
    }

    private Flow flow(String name, long source) {
        return flows.computeIfAbsent(name, none -> new Flow(library.flowNew(source)));
    }

    /** What a call without a result came to. */
    private static JsonObject told(Call call) {
        try {
            call.run();
            return new JsonObject();
        } catch (MaskinportenException e) {
            return failure(e);
        }
    }

    /** An error as the outcome of a case, after checking what holds for all of them. */
    private static JsonObject failure(MaskinportenException e) {
        assertTrue(Set.of("local", "remote", "transport").contains(e.kind()), e.kind());
        assertTrue(e.number() > 1000 && e.remedy().endsWith(".") && e.getMessage().contains(e.remedy()), e.getMessage());
        JsonObject outcome = new JsonObject();
        outcome.addProperty("kind", e.kind());
        outcome.addProperty("code", e.code());
        outcome.addProperty("number", e.number());
        outcome.addProperty("remedy", e.remedy());
        outcome.addProperty("retryable", e.retryable());
        outcome.addProperty("text", e.getMessage());
        outcome.addProperty("error", e.oauthError());
        outcome.addProperty("error_description", e.description());
        outcome.addProperty("mp_code", e.mpCode());
        outcome.addProperty("status", e.status() == 0 ? null : e.status());
        outcome.addProperty("trace_id", e.traceId());
        outcome.addProperty("attempts", e.attempts() == 0 ? null : e.attempts());
        outcome.add("problems", Json.array(e.problems().stream().map(MaskinportenException.Problem::field).toList()));
        return outcome;
    }

    private JsonObject next(Flow flow) {
        JsonObject step;
        try {
            step = library.flowNext(flow.handle);
        } catch (MaskinportenException e) {
            return failure(e);
        }
        switch (step.get("step").getAsString()) {
            case "sign":
                grant(flow, step);
                break;
            case "send":
                step.addProperty("body", named(flow, step.get("body").getAsString()));
                break;
            case "done":
                JsonObject token = step.getAsJsonObject("token");
                token.entrySet().forEach(member -> step.add(member.getKey(), member.getValue()));
                double from = token.get("requested_at_ms").getAsDouble();
                step.addProperty("life_s", (token.get("expires_at_ms").getAsDouble() - from) / 1000);
                step.addProperty("usable_s", (token.get("usable_until_ms").getAsDouble() - from) / 1000);
                break;
            case "failed":
                JsonObject failed = failure(MaskinportenException.of(step.getAsJsonObject("error")));
                failed.addProperty("step", "failed");
                return failed;
            default:
        }
        return step;
    }

    /** Takes a signing input apart, and checks the rules of iat, exp and jti. */
    private void grant(Flow flow, JsonObject step) {
        String input = step.get("signing_input").getAsString();
        String[] parts = input.split("\\.");
        JsonObject claims = decoded(parts[1]);
        long issued = claims.remove("iat").getAsLong(), ends = claims.remove("exp").getAsLong();
        String jti = claims.remove("jti").getAsString();
        step.add("header", decoded(parts[0]));
        step.add("claims", claims);
        step.addProperty("life_s", ends - issued);
        if (!flow.grants.isEmpty() && flow.grants.get(flow.grants.size() - 1).equals(input)) {
            return; // the same step, asked again
        }
        flow.grants.add(input);
        double age = System.currentTimeMillis() / 1000.0 - issued;
        assertTrue(age >= 0 && age <= 10, "iat is " + age + " s old");
        assertTrue(jti.length() >= 22 && jtis.add(jti), "the jti is short or was used before");
    }

    private static JsonObject decoded(String part) {
        return JsonParser.parseString(new String(Base64.getUrlDecoder().decode(part), StandardCharsets.UTF_8)).getAsJsonObject();
    }

    /** Writes <grant n> for the n-th grant with a signature of zeros. */
    private static String named(Flow flow, String body) {
        for (int i = 0; i < flow.grants.size(); i++) {
            int at = body.indexOf(flow.grants.get(i) + ".");
            if (at >= 0 && body.substring(at + flow.grants.get(i).length() + 1).matches("A*")) {
                return body.substring(0, at) + "<grant " + (i + 1) + ">";
            }
        }
        return body;
    }

    private JsonObject acquire(Flow flow, JsonArray signatures, JsonArray answers) {
        JsonArray requests = new JsonArray();
        for (int turn = 0, signs = 0; turn < 100; turn++) {
            JsonObject step = next(flow);
            String kind = step.has("step") ? step.get("step").getAsString() : "none";
            if (kind.equals("sign")) {
                JsonObject signature = signatures == null ? new JsonObject() : signatures.get(Math.min(signs++, signatures.size() - 1)).getAsJsonObject();
                if (signature.has("fail")) {
                    library.flowFailed(flow.handle, Json.bytes(signature.get("fail")));
                } else {
                    told(() -> library.flowSigned(flow.handle, zeros(signature))); // what is wrong with it is the next step's to tell
                }
            } else if (kind.equals("send")) {
                received(flow, answers.get(Math.min(requests.size(), answers.size() - 1)).getAsJsonObject());
                requests.add(step);
            } else if (kind.equals("wait")) {
                SandboxTest.pause(step.get("wait_ms").getAsLong());
            } else {
                step.addProperty("sent", requests.size());
                step.add("requests", requests);
                return step;
            }
        }
        throw new AssertionError("the flow does not end");
    }

    private static byte[] zeros(JsonObject of) {
        return of.has("bytes") ? new byte[Math.max(of.get("bytes").getAsInt(), 0)] : NO_SIGNATURE;
    }

    private void received(Flow flow, JsonObject answer) {
        if (answer.has("fail")) {
            library.flowFailed(flow.handle, Json.bytes(answer.get("fail")));
            return;
        }
        JsonObject head = new JsonObject();
        head.add("status", answer.get("status"));
        head.add("headers", answer.has("headers") ? answer.get("headers") : new JsonObject());
        library.flowReceived(flow.handle, Json.bytes(head), Vectors.bytes(answer.get("body")));
    }

    /** Does one line of a script. */
    private JsonObject step(long source, JsonObject step) {
        String name = step.has("flow") ? step.get("flow").getAsString() : "a";
        switch (step.get("do").getAsString()) {
            case "next":
                return next(flow(name, source));
            case "signed":
                return told(() -> library.flowSigned(flow(name, source).handle, zeros(step)));
            case "received":
                return told(() -> received(flow(name, source), step.getAsJsonObject("answer")));
            case "failed":
                return told(() -> library.flowFailed(flow(name, source).handle, Json.bytes(step.get("fail"))));
            case "wait":
                return wait(flow(name, source));
            case "free":
                flow(name, source).freed = true;
                library.flowFree(flow(name, source).handle);
                return new JsonObject();
            case "peek":
                return peek(source);
            case "invalidate":
                return told(() -> library.sourceInvalidate(source, step.get("access_token").getAsString()));
            default:
                throw new AssertionError("there is no verb " + step.get("do"));
        }
    }

    private JsonObject wait(Flow flow) {
        long total = 0;
        JsonObject step;
        while ((step = next(flow)).has("wait_ms")) {
            total += step.get("wait_ms").getAsLong();
            SandboxTest.pause(step.get("wait_ms").getAsLong());
        }
        JsonObject outcome = new JsonObject();
        outcome.addProperty("wait_ms", total);
        return outcome;
    }

    private JsonObject peek(long source) {
        Library.Peeked peeked = library.sourcePeek(source);
        JsonObject outcome = new JsonObject();
        if (peeked == null) {
            outcome.addProperty("code", "no_token");
        } else {
            outcome.addProperty("access_token", peeked.accessToken());
            outcome.addProperty("usable_ms", peeked.usableMs());
            outcome.addProperty("refresh_due", peeked.refreshDue());
        }
        return outcome;
    }

    /** Lets the library sign, and has Java say whose signature that is. */
    private JsonObject assertion(Flow flow) {
        JsonObject sign = next(flow);
        library.flowPerform(flow.handle, -1);
        String body = next(flow).get("body").getAsString();
        String assertion = List.of(body.split("&")).stream().filter(pair -> pair.startsWith("assertion=")).findFirst().orElseThrow();
        String jws = URLDecoder.decode(assertion.substring("assertion=".length()), StandardCharsets.UTF_8);
        int dot = jws.lastIndexOf('.');
        assertEquals(sign.get("signing_input").getAsString(), jws.substring(0, dot));
        JsonObject outcome = new JsonObject();
        outcome.add("header", sign.get("header"));
        outcome.addProperty("signed_by", "nobody");
        for (JsonElement key : Vectors.read("keys.json").getAsJsonArray("keys")) {
            if (verifies(key.getAsJsonObject().getAsJsonObject("public_jwk"), sign.get("alg").getAsString(), jws.substring(0, dot), jws.substring(dot + 1))) {
                outcome.add("signed_by", key.getAsJsonObject().get("name"));
            }
        }
        return outcome;
    }

    private static boolean verifies(JsonObject jwk, String alg, String signed, String signature) {
        Base64.Decoder base64url = Base64.getUrlDecoder();
        try {
            Signature verifier = Signature.getInstance("SHA" + alg.substring(2) + "withRSA");
            verifier.initVerify(KeyFactory.getInstance("RSA").generatePublic(new RSAPublicKeySpec(
                    new BigInteger(1, base64url.decode(jwk.get("n").getAsString())), new BigInteger(1, base64url.decode(jwk.get("e").getAsString())))));
            verifier.update(signed.getBytes(StandardCharsets.US_ASCII));
            byte[] raw = base64url.decode(signature);
            return raw.length * 8 == new BigInteger(1, base64url.decode(jwk.get("n").getAsString())).bitLength() && verifier.verify(raw);
        } catch (GeneralSecurityException e) {
            throw new AssertionError(e);
        }
    }
}

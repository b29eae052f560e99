package io.github.maskinportencore;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
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
    private final Library library = Library.get();
    private final List<Long> clients = new ArrayList<>(), sources = new ArrayList<>();
    private final Map<String, VectorFlow> flows = new HashMap<>();
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
                String why = Vectors.differs(
                        step.has("expect") ? step.getAsJsonObject("expect") : new JsonObject(),
                        runner.step(source, step));
                if (why != null) {
                    return step.get("do") + ": " + why;
                }
            }
            return null;
        }
    }

    @Override
    public void close() {
        flows.values().forEach(flow -> library.flowFree(flow.handle)); // freeing one twice does no harm
        sources.forEach(library::sourceFree);
        clients.forEach(library::clientFree);
    }

    private JsonObject outcome(String operation, JsonObject one) {
        switch (operation) {
            case "client":
                return Vectors.told(() -> client(one));
            case "source":
                long client = client(one);
                return Vectors.told(() -> newSource(
                        client,
                        one.has("request_text")
                                ? Vectors.bytes(one.get("request_text"))
                                : Json.bytes(one.get("request"))));
            case "cache_key":
                JsonObject other = one.deepCopy();
                one.getAsJsonObject("other")
                        .entrySet()
                        .forEach(member -> other.add(member.getKey(), member.getValue()));
                String key = library.sourceKey(source(one));
                assertTrue(key.matches("[0-9a-f]{64}"), key);
                JsonObject outcome = new JsonObject();
                outcome.addProperty("same", key.equals(library.sourceKey(source(other))));
                return outcome;
            case "grant":
                return flow("a", source(one)).next();
            case "assertion":
                return assertion(flow("a", source(one)));
            case "acquire":
                return flow("a", source(one)).acquire(one.getAsJsonArray("signatures"), one.getAsJsonArray("answers"));
            default:
                throw new AssertionError("there is no operation " + operation);
        }
    }

    private long client(JsonObject one) {
        clients.add(library.clientNew(
                one.has("config_text") ? Vectors.bytes(one.get("config_text")) : Json.bytes(one.get("config"))));
        return clients.get(clients.size() - 1);
    }

    private long source(JsonObject one) {
        return newSource(client(one), Json.bytes(one.get("request")));
    }

    private long newSource(long client, byte[] request) {
        sources.add(library.sourceNew(client, request));
        return sources.get(sources.size() - 1);
    }

    private VectorFlow flow(String name, long source) {
        return flows.computeIfAbsent(name, none -> new VectorFlow(library, source, jtis));
    }

    /** Does one line of a script. */
    private JsonObject step(long source, JsonObject step) {
        String name = step.has("flow") ? step.get("flow").getAsString() : "a";
        switch (step.get("do").getAsString()) {
            case "next":
                return flow(name, source).next();
            case "signed":
                return Vectors.told(() -> library.flowSigned(flow(name, source).handle, VectorFlow.zeros(step)));
            case "received":
                return Vectors.told(() -> flow(name, source).received(step.getAsJsonObject("answer")));
            case "failed":
                return Vectors.told(() -> library.flowFailed(flow(name, source).handle, Json.bytes(step.get("fail"))));
            case "wait":
                return flow(name, source).waitOut();
            case "free":
                library.flowFree(flow(name, source).handle);
                return new JsonObject();
            case "peek":
                return peek(source);
            case "invalidate":
                return Vectors.told(() -> library.sourceInvalidate(
                        source, step.get("access_token").getAsString()));
            default:
                throw new AssertionError("there is no verb " + step.get("do"));
        }
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
    private JsonObject assertion(VectorFlow flow) {
        JsonObject sign = flow.next();
        library.flowPerform(flow.handle, -1);
        String body = flow.next().get("body").getAsString();
        String assertion = List.of(body.split("&")).stream()
                .filter(pair -> pair.startsWith("assertion="))
                .findFirst()
                .orElseThrow();
        String jws = URLDecoder.decode(assertion.substring("assertion=".length()), StandardCharsets.UTF_8);
        int dot = jws.lastIndexOf('.');
        assertEquals(sign.get("signing_input").getAsString(), jws.substring(0, dot));
        JsonObject outcome = new JsonObject();
        outcome.add("header", sign.get("header"));
        outcome.addProperty("signed_by", "nobody");
        for (JsonElement key : Vectors.read("keys.json").getAsJsonArray("keys")) {
            if (verifies(
                    key.getAsJsonObject().getAsJsonObject("public_jwk"),
                    sign.get("alg").getAsString(),
                    jws.substring(0, dot),
                    jws.substring(dot + 1))) {
                outcome.add("signed_by", key.getAsJsonObject().get("name"));
            }
        }
        return outcome;
    }

    private static boolean verifies(JsonObject jwk, String alg, String signed, String signature) {
        Base64.Decoder base64url = Base64.getUrlDecoder();
        try {
            Signature verifier = Signature.getInstance("SHA" + alg.substring(2) + "withRSA");
            verifier.initVerify(KeyFactory.getInstance("RSA")
                    .generatePublic(new RSAPublicKeySpec(
                            new BigInteger(1, base64url.decode(jwk.get("n").getAsString())),
                            new BigInteger(1, base64url.decode(jwk.get("e").getAsString())))));
            verifier.update(signed.getBytes(StandardCharsets.US_ASCII));
            byte[] raw = base64url.decode(signature);
            return raw.length * 8
                            == new BigInteger(1, base64url.decode(jwk.get("n").getAsString())).bitLength()
                    && verifier.verify(raw);
        } catch (GeneralSecurityException e) {
            throw new AssertionError(e);
        }
    }
}

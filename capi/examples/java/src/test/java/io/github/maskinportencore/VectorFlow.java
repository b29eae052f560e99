package io.github.maskinportencore;

import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Set;

/** A flow of a case, with the signing inputs that were seen of it. */
final class VectorFlow {
    private static final byte[] NO_SIGNATURE = new byte[256];

    final Library library;
    final long handle;
    private final Set<String> jtis;
    private final List<String> grants = new ArrayList<>();

    /** The jtis are those of the whole case. */
    VectorFlow(Library library, long source, Set<String> jtis) {
        this.library = library;
        this.handle = library.flowNew(source);
        this.jtis = jtis;
    }

    /** The next step, or the failure, as the outcome of a case. */
    JsonObject next() {
        JsonObject step;
        try {
            step = library.flowNext(handle);
        } catch (MaskinportenException e) {
            return Vectors.failure(e);
        }
        switch (step.get("step").getAsString()) {
            case "sign":
                grant(step);
                break;
            case "send":
                step.addProperty("body", named(step.get("body").getAsString()));
                break;
            case "done":
                JsonObject token = step.getAsJsonObject("token");
                token.entrySet().forEach(member -> step.add(member.getKey(), member.getValue()));
                double from = token.get("requested_at_ms").getAsDouble();
                step.addProperty("life_s", (token.get("expires_at_ms").getAsDouble() - from) / 1000);
                step.addProperty("usable_s", (token.get("usable_until_ms").getAsDouble() - from) / 1000);
                break;
            case "failed":
                JsonObject failed = Vectors.failure(MaskinportenException.of(step.getAsJsonObject("error")));
                failed.addProperty("step", "failed");
                return failed;
            default:
        }
        return step;
    }

    /** Takes a signing input apart, and checks the rules of iat, exp and jti. */
    private void grant(JsonObject step) {
        String input = step.get("signing_input").getAsString();
        String[] parts = input.split("\\.");
        JsonObject claims = decoded(parts[1]);
        long issued = claims.remove("iat").getAsLong(),
                ends = claims.remove("exp").getAsLong();
        String jti = claims.remove("jti").getAsString();
        step.add("header", decoded(parts[0]));
        step.add("claims", claims);
        step.addProperty("life_s", ends - issued);
        if (!grants.isEmpty() && grants.get(grants.size() - 1).equals(input)) {
            return; // the same step, asked again
        }
        grants.add(input);
        double age = System.currentTimeMillis() / 1000.0 - issued;
        assertTrue(age >= 0 && age <= 10, "iat is " + age + " s old");
        assertTrue(jti.length() >= 22 && jtis.add(jti), "the jti is short or was used before");
    }

    private static JsonObject decoded(String part) {
        return JsonParser.parseString(new String(Base64.getUrlDecoder().decode(part), StandardCharsets.UTF_8))
                .getAsJsonObject();
    }

    /** Writes <grant n> for the n-th grant with a signature of zeros. */
    private String named(String body) {
        for (int i = 0; i < grants.size(); i++) {
            int at = body.indexOf(grants.get(i) + ".");
            if (at >= 0 && body.substring(at + grants.get(i).length() + 1).matches("A*")) {
                return body.substring(0, at) + "<grant " + (i + 1) + ">";
            }
        }
        return body;
    }

    /** Drives the flow to its end. */
    JsonObject acquire(JsonArray signatures, JsonArray answers) {
        JsonArray requests = new JsonArray();
        for (int turn = 0, signs = 0; turn < 100; turn++) {
            JsonObject step = next();
            String kind = step.has("step") ? step.get("step").getAsString() : "none";
            if (kind.equals("sign")) {
                JsonObject signature = signatures == null
                        ? new JsonObject()
                        : signatures
                                .get(Math.min(signs++, signatures.size() - 1))
                                .getAsJsonObject();
                if (signature.has("fail")) {
                    library.flowFailed(handle, Json.bytes(signature.get("fail")));
                } else {
                    Vectors.told(() -> library.flowSigned(
                            handle, zeros(signature))); // what is wrong with it is the next step's to tell
                }
            } else if (kind.equals("send")) {
                received(answers.get(Math.min(requests.size(), answers.size() - 1))
                        .getAsJsonObject());
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

    static byte[] zeros(JsonObject of) {
        return of.has("bytes") ? new byte[Math.max(of.get("bytes").getAsInt(), 0)] : NO_SIGNATURE;
    }

    void received(JsonObject answer) {
        if (answer.has("fail")) {
            library.flowFailed(handle, Json.bytes(answer.get("fail")));
            return;
        }
        JsonObject head = new JsonObject();
        head.add("status", answer.get("status"));
        head.add("headers", answer.has("headers") ? answer.get("headers") : new JsonObject());
        library.flowReceived(handle, Json.bytes(head), Vectors.bytes(answer.get("body")));
    }

    JsonObject waitOut() {
        long total = 0;
        JsonObject step;
        while ((step = next()).has("wait_ms")) {
            total += step.get("wait_ms").getAsLong();
            SandboxTest.pause(step.get("wait_ms").getAsLong());
        }
        JsonObject outcome = new JsonObject();
        outcome.addProperty("wait_ms", total);
        return outcome;
    }
}

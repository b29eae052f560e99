package io.github.maskinportencore;

import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.StreamSupport;

/** The files of the shared test vectors, and how an outcome is compared, as their README says. */
final class Vectors {
    private static final Path FOLDER = Path.of(System.getenv("MASKINPORTEN_VECTORS"));
    private static final Set<String> PLACES = Set.of("abi", "library"), WHOLE = Set.of("header", "claims", "headers");

    private Vectors() {}

    static List<String> files() {
        try (var files = Files.list(FOLDER)) {
            return files.map(file -> file.getFileName().toString())
                    .filter(name -> name.endsWith(".json") && !name.equals("schema.json") && !name.equals("keys.json"))
                    .sorted()
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static JsonObject read(String file) {
        try {
            return JsonParser.parseString(Files.readString(FOLDER.resolve(file)))
                    .getAsJsonObject();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The cases of a file with the defaults of the file: those that can run here, or those that cannot. */
    static List<JsonObject> cases(JsonObject file, boolean here) {
        return items(file.get("cases"))
                .filter(item -> items(item.getAsJsonObject().get("runs_on"))
                                .anyMatch(place -> PLACES.contains(place.getAsString()))
                        == here)
                .map(item -> {
                    JsonObject all = item.getAsJsonObject().deepCopy();
                    for (String name : List.of("config", "request")) {
                        if (!all.has(name) && file.has(name)) {
                            all.add(name, file.get(name));
                        }
                    }
                    return all;
                })
                .toList();
    }

    static java.util.stream.Stream<JsonElement> items(JsonElement array) {
        return array == null
                ? java.util.stream.Stream.empty()
                : StreamSupport.stream(array.getAsJsonArray().spliterator(), false);
    }

    /** The bytes that stand in one of the three forms. */
    static byte[] bytes(JsonElement blob) {
        if (blob == null) {
            return new byte[0];
        }
        if (blob.isJsonPrimitive()) {
            return blob.getAsString().getBytes(StandardCharsets.UTF_8);
        }
        if (blob.getAsJsonObject().has("base64")) {
            return Base64.getDecoder()
                    .decode(blob.getAsJsonObject().get("base64").getAsString());
        }
        StringBuilder text = new StringBuilder();
        items(blob.getAsJsonObject().get("parts"))
                .map(JsonElement::getAsJsonArray)
                .forEach(part ->
                        text.append(part.get(0).getAsString().repeat(part.get(1).getAsInt())));
        return text.toString().getBytes(StandardCharsets.UTF_8);
    }

    /** What a call without a result came to. */
    static JsonObject told(Runnable call) {
        try {
            call.run();
            return new JsonObject();
        } catch (MaskinportenException e) {
            return failure(e);
        }
    }

    /** An error as the outcome of a case, after checking what holds for all of them. */
    static JsonObject failure(MaskinportenException e) {
        assertTrue(Set.of("local", "remote", "transport").contains(e.kind()), e.kind());
        assertTrue(
                e.number() > 1000 && e.remedy().endsWith(".") && e.getMessage().contains(e.remedy()), e.getMessage());
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
        outcome.add(
                "problems",
                Json.array(e.problems().stream()
                        .map(MaskinportenException.Problem::field)
                        .toList()));
        return outcome;
    }

    /** What differs, or null. */
    static String differs(JsonObject expect, JsonObject outcome) {
        for (Map.Entry<String, JsonElement> member : expect.entrySet()) {
            String name = member.getKey();
            if (!fits(name, member.getValue(), outcome)) {
                return name + " is not " + member.getValue() + " in " + outcome;
            }
        }
        return null;
    }

    private static boolean fits(String name, JsonElement want, JsonObject outcome) {
        if (name.equals("says")) {
            String text = outcome.has("text") ? outcome.get("text").getAsString() : "";
            return items(want).allMatch(words -> text.contains(words.getAsString()));
        }
        if (name.equals("hides")) {
            JsonObject shown = outcome.deepCopy();
            shown.remove("requests");
            return items(want).noneMatch(words -> shown.toString().contains(words.getAsString()));
        }
        if (name.equals("problems")) {
            return outcome.has(name)
                    && Set.copyOf(want.getAsJsonArray().asList())
                            .equals(new HashSet<>(outcome.getAsJsonArray(name).asList()));
        }
        if (name.endsWith("_at_most")) {
            JsonElement got = outcome.get(name.substring(0, name.length() - "_at_most".length()));
            return got != null && got.getAsDouble() >= 0 && got.getAsDouble() <= want.getAsDouble();
        }
        return equal(want, outcome.get(name), WHOLE.contains(name));
    }

    private static boolean equal(JsonElement want, JsonElement got, boolean whole) {
        if (want.isJsonNull() || got == null || got instanceof JsonNull) {
            return want.isJsonNull() && (got == null || got.isJsonNull());
        }
        if (want instanceof JsonObject object) {
            return got instanceof JsonObject other
                    && (!whole || object.size() == other.size())
                    && object.entrySet().stream()
                            .allMatch(m ->
                                    equal(m.getValue(), other.get(m.getKey()), whole || WHOLE.contains(m.getKey())));
        }
        if (want instanceof JsonArray array) {
            if (!(got instanceof JsonArray other) || array.size() != other.size()) {
                return false;
            }
            for (int i = 0; i < array.size(); i++) {
                if (!equal(array.get(i), other.get(i), whole)) {
                    return false;
                }
            }
            return true;
        }
        if (want.getAsJsonPrimitive().isNumber()) {
            return got.isJsonPrimitive()
                    && got.getAsJsonPrimitive().isNumber()
                    && want.getAsBigDecimal().compareTo(got.getAsBigDecimal()) == 0;
        }
        return want.equals(got);
    }
}

package io.github.maskinportencore;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.gson.Strictness;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** JSON as the library reads and writes it. Nothing is checked here that the library checks itself. */
final class Json {
    private static final Gson GSON =
            new GsonBuilder().disableHtmlEscaping().serializeNulls().create();
    private static final Gson STRICT =
            new GsonBuilder().setStrictness(Strictness.STRICT).create();

    private Json() {}

    /** What a program gives as JSON. */
    static JsonElement parse(String text) {
        return STRICT.fromJson(text, JsonElement.class);
    }

    static JsonObject object(byte[] text) {
        JsonObject object =
                JsonParser.parseString(new String(text, StandardCharsets.UTF_8)).getAsJsonObject();
        Arrays.fill(text, (byte) 0); // it may hold a token
        return object;
    }

    static byte[] bytes(JsonElement value) {
        return utf8(value.toString());
    }

    /** The bytes of a text. Half a surrogate pair is refused; to replace it would change what was meant. */
    static byte[] utf8(String text) {
        try {
            ByteBuffer encoded = StandardCharsets.UTF_8.newEncoder().encode(CharBuffer.wrap(text));
            byte[] bytes = new byte[encoded.remaining()];
            encoded.get(bytes);
            Arrays.fill(encoded.array(), (byte) 0);
            return bytes;
        } catch (CharacterCodingException e) {
            throw MaskinportenException.local(
                    "invalid_argument",
                    1001,
                    "a text is not valid Unicode",
                    "Correct the text: it holds half a surrogate pair.");
        }
    }

    /** Any value that Gson can write: maps, lists, texts, numbers. */
    static JsonElement tree(Object value) {
        return GSON.toJsonTree(value);
    }

    static JsonArray array(Iterable<String> texts) {
        JsonArray array = new JsonArray();
        texts.forEach(array::add);
        return array;
    }

    /** The same object with one more member, or with another value for it. */
    static JsonObject with(JsonObject object, String name, JsonElement value) {
        JsonObject copy = object.deepCopy();
        copy.add(name, value);
        return copy;
    }

    /** A member that is text, or null if there is none. */
    static String text(JsonObject object, String name) {
        JsonElement value = object.get(name);
        return value == null || value.isJsonNull() ? null : value.getAsString();
    }

    /** A member that is a whole number, or 0. */
    static long number(JsonObject object, String name) {
        JsonElement value = object.get(name);
        return value == null || value.isJsonNull() ? 0 : value.getAsLong();
    }

    static boolean flag(JsonObject object, String name) {
        JsonElement value = object.get(name);
        return value != null && !value.isJsonNull() && value.getAsBoolean();
    }

    /** A member in milliseconds since 1970 as a point in time, or null. */
    static Instant instant(JsonObject object, String name) {
        return object.has(name) ? Instant.ofEpochMilli(number(object, name)) : null;
    }

    /** A member in milliseconds as a duration; zero if there is none. */
    static Duration duration(JsonObject object, String name) {
        return Duration.ofMillis(number(object, name));
    }

    static List<String> texts(JsonObject object, String name) {
        List<String> texts = new ArrayList<>();
        if (object.get(name) instanceof JsonArray array) {
            array.forEach(item -> texts.add(item.getAsString()));
        }
        return List.copyOf(texts);
    }

    static List<JsonObject> objects(JsonObject object, String name) {
        List<JsonObject> objects = new ArrayList<>();
        if (object.get(name) instanceof JsonArray array) {
            array.forEach(item -> objects.add(item.getAsJsonObject()));
        }
        return List.copyOf(objects);
    }
}

package io.github.maskinportencore;

import com.google.gson.JsonObject;
import java.io.Serializable;
import java.time.Instant;
import java.util.List;

/**
 * Everything that can go wrong. Programs decide by {@link #code()} and {@link #retryable()}; people read the message,
 * which says what to do. Neither holds a token, a grant or a key.
 */
public final class MaskinportenException extends RuntimeException {
    private static final long serialVersionUID = 1;

    /** One thing that is wrong with a configuration or a token request: where, what, and what to do. */
    public record Problem(String field, String message, String remedy) implements Serializable {}

    private final String kind;
    private final String code;
    private final int number;
    private final String remedy;
    private final boolean retryable;

    @SuppressWarnings("serial") // the lists of the JDK are serializable
    private final List<Problem> problems;

    private final String oauthError;
    private final String description;
    private final String mpCode;
    private final int status;
    private final String traceId;
    private final int attempts;
    private final Instant nextAttempt;

    private MaskinportenException(JsonObject error) {
        super(Json.text(error, "text"));
        kind = Json.text(error, "kind");
        code = Json.text(error, "code");
        number = (int) Json.number(error, "number");
        remedy = Json.text(error, "remedy");
        retryable = Json.flag(error, "retryable");
        problems = Json.objects(error, "problems").stream()
                .map(p -> new Problem(Json.text(p, "field"), Json.text(p, "message"), Json.text(p, "remedy")))
                .toList();
        oauthError = Json.text(error, "error");
        description = Json.text(error, "error_description");
        mpCode = Json.text(error, "mp_code");
        status = (int) Json.number(error, "status");
        traceId = Json.text(error, "trace_id");
        attempts = (int) Json.number(error, "attempts");
        nextAttempt = Json.instant(error, "next_attempt_ms");
    }

    private MaskinportenException(MaskinportenException same) {
        super(same.getMessage());
        kind = same.kind;
        code = same.code;
        number = same.number;
        remedy = same.remedy;
        retryable = same.retryable;
        problems = same.problems;
        oauthError = same.oauthError;
        description = same.description;
        mpCode = same.mpCode;
        status = same.status;
        traceId = same.traceId;
        attempts = same.attempts;
        nextAttempt = same.nextAttempt;
    }

    /** The exception for an error object of maskinporten.h. */
    static MaskinportenException of(JsonObject error) {
        return new MaskinportenException(error);
    }

    /** An error that came without an error object. */
    static MaskinportenException ofNumber(int number) {
        return number == 1005
                ? local("invalid_handle", number, "the library does not know the handle", "Use what is not closed.")
                : local(
                        "internal",
                        number,
                        "the library answered with error " + number,
                        "See maskinporten.h for the number.");
    }

    /** An error that was found before the library was asked. */
    static MaskinportenException local(String code, int number, String message, String remedy) {
        JsonObject error = new JsonObject();
        error.addProperty("kind", "local");
        error.addProperty("code", code);
        error.addProperty("number", number);
        error.addProperty("remedy", remedy);
        error.addProperty("text", "maskinporten: " + message + ". " + remedy);
        error.addProperty("retryable", code.equals("deadline_exceeded") || code.equals("cancelled"));
        return new MaskinportenException(error);
    }

    static MaskinportenException closed() {
        return local("closed", 1009, "the client is closed", "Create a new client.");
    }

    static MaskinportenException cancelled(String why) {
        return local(
                "cancelled", 1013, why, "Call again when the token is needed; the fetch goes on in the background.");
    }

    /** The same error with the stack of this thread, for one of several who waited for the same fetch. */
    MaskinportenException again() {
        return new MaskinportenException(this);
    }

    /** Whose side it is on: "local", "remote" or "transport". */
    public String kind() {
        return kind;
    }

    /** A stable name for programs, such as "key_expired". */
    public String code() {
        return code;
    }

    /** The same as a number of maskinporten.h; 0 for what only Java can find. */
    public int number() {
        return number;
    }

    /** What to do next, in one sentence. */
    public String remedy() {
        return remedy;
    }

    /** Whether the same call may succeed later without any change. */
    public boolean retryable() {
        return retryable;
    }

    /** Everything that is wrong with a configuration or a token request. */
    public List<Problem> problems() {
        return problems;
    }

    /** "error" of the answer (RFC 6749 §5.2), or null. */
    public String oauthError() {
        return oauthError;
    }

    /** "error_description" of the answer, or null. */
    public String description() {
        return description;
    }

    /** Maskinporten's own code, such as "MP-121", or null. */
    public String mpCode() {
        return mpCode;
    }

    /** The HTTP status of the answer, or 0. */
    public int status() {
        return status;
    }

    /** What Digdir's support asks for, or null. */
    public String traceId() {
        return traceId;
    }

    /** How many requests were sent. */
    public int attempts() {
        return attempts;
    }

    /** When the cache will ask again, if it keeps this answer for a while; else null. */
    public Instant nextAttempt() {
        return nextAttempt;
    }
}

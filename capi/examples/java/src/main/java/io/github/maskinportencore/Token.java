package io.github.maskinportencore;

import com.google.gson.JsonObject;
import java.time.Instant;

/**
 * An access token and how long it holds. To a client it is opaque: nothing here is read from inside it. It prints
 * without its secret.
 *
 * @param accessToken the secret text behind "Authorization: Bearer"
 * @param tokenType always "Bearer"
 * @param scope what was granted, separated by spaces; empty if an exchange does not say
 * @param requestedAt when the request for it was sent; its life counts from here
 * @param expiresAt requestedAt plus the life that the server gave
 * @param usableUntil when the cache stops handing it out, a margin before expiresAt
 */
public record Token(
        String accessToken,
        String tokenType,
        String scope,
        Instant requestedAt,
        Instant expiresAt,
        Instant usableUntil) {
    /** The value of the Authorization header. It is a secret. */
    public String header() {
        return "Bearer " + accessToken;
    }

    @Override
    public String toString() {
        return "Token[" + tokenType + " redacted, scope=" + scope + ", expiresAt=" + expiresAt + "]";
    }

    static Token of(JsonObject token) {
        return new Token(
                Json.text(token, "access_token"),
                Json.text(token, "token_type"),
                Json.text(token, "scope"),
                Json.instant(token, "requested_at_ms"),
                Json.instant(token, "expires_at_ms"),
                Json.instant(token, "usable_until_ms"));
    }
}

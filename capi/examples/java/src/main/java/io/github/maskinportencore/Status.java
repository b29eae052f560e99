package io.github.maskinportencore;

import com.google.gson.JsonObject;
import java.time.Duration;
import java.time.Instant;
import java.util.List;

/**
 * How a client stands, for health checks.
 *
 * @param keys in the order in which they are tried
 * @param clockOffset how far our clock is behind Maskinporten's; grants are corrected by it
 * @param tokens how many cache entries are kept
 * @param cacheLimit how many at most
 */
public record Status(List<KeyStatus> keys, Duration clockOffset, int tokens, int cacheLimit) {
    /**
     * One key, without anything secret.
     *
     * @param kid null if it has a certificate
     * @param thumbprint the SHA-256 of its certificate in hexadecimal (x5t#S256); null if it has none
     * @param algorithm "RS256", "RS384" or "RS512"
     * @param notAfter when the key or its certificate ends; null if that is not known
     * @param active whether the next grant is signed with it
     */
    public record KeyStatus(String kid, String thumbprint, String algorithm, Instant notAfter, boolean active) {}

    static Status of(JsonObject status) {
        List<KeyStatus> keys = Json.objects(status, "keys").stream()
                .map(key -> new KeyStatus(
                        Json.text(key, "kid"),
                        Json.text(key, "x5t#S256"),
                        Json.text(key, "alg"),
                        Json.instant(key, "not_after_ms"),
                        Json.flag(key, "active")))
                .toList();
        return new Status(keys, Json.duration(status, "clock_offset_ms"), (int) Json.number(status, "tokens"), (int)
                Json.number(status, "cache_limit"));
    }
}

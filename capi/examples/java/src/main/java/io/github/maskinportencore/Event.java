package io.github.maskinportencore;

import com.google.gson.JsonObject;
import java.time.Duration;
import java.time.Instant;
import java.util.List;

/**
 * Something worth logging, counting or auditing. It holds no secret. What does not apply is null, 0, false or empty.
 *
 * @param event what happened: acquisition_started, acquisition_ended, attempt, retry, served_while_failing, clock_skew,
 *     keys_rotated, key_fallback, key_expiring or store_failed
 * @param time when
 * @param requestId the same for all events of one acquisition
 * @param source the cache key, see {@link Source#key()}
 * @param scopes what the token is for
 * @param consumerOrg on whose behalf
 * @param exchange the hop that this is about
 * @param kid the key that signs: its kid, or its certificate's thumbprint
 * @param jti that of the grant that was sent
 * @param background a renewal ahead of time, for which nobody waits
 * @param attempt counts the requests of this acquisition from 1
 * @param status the HTTP status of an attempt
 * @param duration how long the attempt or the acquisition took
 * @param pause how long before a retry
 * @param offset how far our clock is behind the server's
 * @param until when the token or the key that this is about ends
 * @param error what went wrong
 */
public record Event(
        String event,
        Instant time,
        String requestId,
        String source,
        List<String> scopes,
        String consumerOrg,
        String exchange,
        String kid,
        String jti,
        boolean background,
        int attempt,
        int status,
        Duration duration,
        Duration pause,
        Duration offset,
        Instant until,
        MaskinportenException error) {
    static Event of(JsonObject event) {
        return new Event(
                Json.text(event, "event"),
                Instant.parse(Json.text(event, "time")),
                Json.text(event, "request_id"),
                Json.text(event, "source"),
                Json.texts(event, "scopes"),
                Json.text(event, "consumer_org"),
                Json.text(event, "exchange"),
                Json.text(event, "kid"),
                Json.text(event, "jti"),
                Json.flag(event, "background"),
                (int) Json.number(event, "attempt"),
                (int) Json.number(event, "status"),
                Json.duration(event, "duration_ms"),
                Json.duration(event, "wait_ms"),
                Json.duration(event, "offset_ms"),
                event.has("until") ? Instant.parse(Json.text(event, "until")) : null,
                event.has("error") ? MaskinportenException.of(event.getAsJsonObject("error")) : null);
    }
}

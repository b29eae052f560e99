package io.github.maskinportencore;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.junit.jupiter.api.Test;

/** What can go wrong, and what a program is told. */
class ErrorsTest extends SandboxTest {
    private static final String HANG = "[{\"path\": \"/token\", \"kind\": \"hang\"}]";
    private static final String SLOW = "[{\"path\": \"/token\", \"latency_ms\": 1500, \"times\": 1}]";

    @Test
    void aRefusalCarriesCodeMpCodeRemedyAndTraceId() throws Exception {
        try (Maskinporten client = sandbox.client()) {
            MaskinportenException e = fails("access_not_granted", () -> client.source(sandbox.scope("ungranted"))
                    .token());
            assertEquals("remote", e.kind());
            assertEquals(1218, e.number());
            assertEquals("MP-250", e.mpCode());
            assertEquals("forbidden", e.oauthError());
            assertEquals(403, e.status());
            assertEquals(1, e.attempts());
            assertFalse(e.retryable());
            assertTrue(e.remedy().endsWith(".") && e.getMessage().contains(e.remedy()), e.getMessage());
            assertEquals(
                    sandbox.journal()
                            .getAsJsonArray("requests")
                            .get(0)
                            .getAsJsonObject()
                            .get("trace_id")
                            .getAsString(),
                    e.traceId());
            assertTrue(e.description().contains("not been granted access"), e.description());
            assertNotNull(e.nextAttempt());
            assertNotNull(e.getStackTrace());
            MaskinportenException copy = (MaskinportenException) overTheWire(e);
            assertEquals(
                    e.traceId() + e.getMessage() + e.problems(), copy.traceId() + copy.getMessage() + copy.problems());
        }
    }

    private static Object overTheWire(Object object) throws Exception {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (ObjectOutputStream out = new ObjectOutputStream(bytes)) {
            out.writeObject(object);
        }
        return new ObjectInputStream(new ByteArrayInputStream(bytes.toByteArray())).readObject();
    }

    @Test
    void everythingThatIsWrongIsToldAtOnce() {
        MaskinportenException e = fails("invalid_configuration", () -> Maskinporten.builder()
                .environment(Environment.named("ver2"))
                .grantLife(Duration.ofSeconds(121))
                .build());
        assertEquals(
                "[client_id, environment, grant_life_seconds, key]",
                e.problems().stream()
                        .map(MaskinportenException.Problem::field)
                        .sorted()
                        .toList()
                        .toString());
        try (Maskinporten client = sandbox.client()) {
            MaskinportenException bad = fails(
                    "invalid_token_request",
                    () -> client.source(
                            TokenRequest.scopes("a b").consumerOrg("123").pid("1")));
            assertEquals(3, bad.problems().size());
            assertEquals("local", bad.kind());
            assertNull(bad.mpCode());
            assertEquals(0, bad.status());
            fails("invalid_argument", () -> client.source(TokenRequest.scopes("half\ud800")));
            assertThrows(IllegalArgumentException.class, () -> TokenRequest.scopes("a:b")
                    .extraClaims(Map.of("nan", Double.NaN)));
        }
        fails("invalid_key", () -> sandbox.builder().key(Key.pem("no key")).build());
        String secret = "{\"d\": \"secret\"";
        assertFalse(fails("invalid_key", () -> Key.jwk(secret)).getMessage().contains("secret"));
        assertThrows(IllegalStateException.class, () -> Environment.TEST.metadataUrl("https://example.no"));
        assertEquals(0, sandbox.tokens());
    }

    @Test
    void aServerThatFailsIsRetryable() {
        sandbox.faults("[{\"path\": \"/token\", \"status\": 503}]");
        try (Maskinporten client = sandbox.client()) {
            MaskinportenException e = fails(
                    "server_error", () -> client.source(sandbox.scope("plain")).token());
            assertTrue(e.retryable());
            assertEquals(3, e.attempts());
            assertEquals(503, e.status());
        }
    }

    @Test
    void aTimeoutEndsTheWaitAndNotTheFetch() {
        sandbox.faults(SLOW);
        try (Maskinporten client = sandbox.client()) {
            Source source = client.source(sandbox.scope("plain"));
            fails("deadline_exceeded", () -> source.token(Duration.ZERO));
            assertEquals(0, sandbox.tokens(), "without time nothing is fetched");
            assertTrue(fails("deadline_exceeded", () -> source.token(Duration.ofMillis(50)))
                    .retryable());
            assertThrows(IllegalArgumentException.class, () -> source.token(Duration.ofMillis(-1)));
            source.token();
            assertEquals(1, sandbox.tokens());
            source.token(Duration.ZERO);
        }
    }

    @Test
    void anInterruptEndsTheWaitAndNotTheFetch() throws Exception {
        sandbox.faults(SLOW);
        try (Maskinporten client = sandbox.client()) {
            Source source = client.source(sandbox.scope("plain"));
            CompletableFuture<String> outcome = new CompletableFuture<>();
            Thread thread = new Thread(() -> {
                try {
                    outcome.complete("a token: " + source.token());
                } catch (MaskinportenException e) {
                    outcome.complete(e.code()
                            + (Thread.currentThread().isInterrupted() ? ", and the interrupt status is kept" : ""));
                }
            });
            thread.start();
            until("the thread waits", () -> sandbox.tokens() == 1 && thread.getState() == Thread.State.TIMED_WAITING);
            thread.interrupt();
            assertEquals("cancelled, and the interrupt status is kept", outcome.join());
            source.token();
            assertEquals(1, sandbox.tokens());
        }
    }

    @Test
    void cancelEndsEveryWaitAndNothingElse() {
        sandbox.faults(SLOW);
        try (Maskinporten client = sandbox.client()) {
            Source source = client.source(sandbox.scope("plain")), other = client.source(sandbox.scope("plain"));
            CompletableFuture<Token> first = source.tokenAsync(),
                    second = source.tokenAsync(),
                    elsewhere = other.tokenAsync();
            until("the request is sent", () -> sandbox.tokens() == 1);
            source.cancel();
            assertEquals("cancelled", codeOf(first));
            assertEquals("cancelled", codeOf(second));
            Token token = elsewhere.join();
            assertEquals(token, source.token(), "later calls are not affected");
            source.cancel();
            assertEquals(1, sandbox.tokens());
        }
    }

    private static String codeOf(CompletableFuture<?> future) {
        return ((MaskinportenException)
                        assertThrows(CompletionException.class, future::join).getCause())
                .code();
    }

    @Test
    void closeFreesThoseWhoWait() {
        sandbox.faults(HANG);
        Maskinporten client = sandbox.client();
        CompletableFuture<Token> waiting = client.source(sandbox.scope("plain")).tokenAsync();
        Source other = client.source(sandbox.scope("other"));
        CompletableFuture<Token> freed = other.tokenAsync();
        until("both requests are sent", () -> sandbox.tokens() == 2);
        other.close();
        assertEquals("closed", codeOf(freed));
        long before = System.nanoTime();
        client.close();
        assertEquals("closed", codeOf(waiting));
        assertTrue(System.nanoTime() - before < Duration.ofSeconds(2).toNanos());
    }

    @Test
    void afterCloseEverythingSaysSoAndClosingTwiceIsFine() {
        Maskinporten client = sandbox.client();
        Source source = client.source(sandbox.scope("plain"));
        Source closed = client.source(sandbox.scope("plain"));
        Token token = source.token();
        closed.token();
        closed.close();
        closed.close();
        fails("closed", closed::key);
        client.close();
        client.close();
        assertTrue(client.toString().contains("closed"));
        fails("closed", source::token);
        fails("closed", source::peek);
        fails("closed", source::key);
        fails("closed", source::cancel);
        fails("closed", () -> source.invalidate(token));
        fails("closed", client::status);
        fails("closed", () -> client.rotate(sandbox.key()));
        fails("closed", () -> client.source("a:b"));
        assertEquals("closed", codeOf(source.tokenAsync()));
        source.close();
        assertEquals(1, sandbox.tokens());
    }
}

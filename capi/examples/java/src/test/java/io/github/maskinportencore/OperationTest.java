package io.github.maskinportencore;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.maskinportencore.examples.JcaSigner;
import java.security.KeyPair;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;

/** Keys that change, events, and what is let go of. */
class OperationTest extends SandboxTest {
    @Test
    void eventsTellWhatHappenedAndNoSecret() {
        sandbox.faults("[{\"path\": \"/token\", \"status\": 503, \"times\": 1}]");
        List<Event> events = new CopyOnWriteArrayList<>();
        try (Maskinporten client = sandbox.builder()
                .onEvent(event -> {
                    events.add(event);
                    throw new IllegalStateException("an observer that fails");
                })
                .build()) {
            Source source = client.source(sandbox.scope("plain"));
            Token token = source.token();
            until("the last event came", () -> events.stream()
                    .anyMatch(e -> e.event().equals("acquisition_ended")));
            assertEquals(
                    List.of("acquisition_started", "attempt", "retry", "attempt", "acquisition_ended"),
                    events.stream().map(Event::event).toList());
            Event attempt = events.get(1);
            assertEquals(503, attempt.status());
            assertEquals(1, attempt.attempt());
            assertEquals("server_error", attempt.error().code());
            assertEquals(source.key(), attempt.source());
            assertEquals(List.of(sandbox.scope("plain")), attempt.scopes());
            assertTrue(attempt.kid().contains(sandbox.setting("kid")));
            assertFalse(events.get(2).pause().isZero());
            assertNull(events.get(3).error());
            assertNotEquals(attempt.jti(), events.get(3).jti());
            assertEquals(1, events.stream().map(Event::requestId).distinct().count());
            assertFalse(events.toString().contains(token.accessToken()));
            assertEquals(0, client.droppedEvents());
        }
    }

    @Test
    void eventsThatNobodyTakesInTimeAreCounted() {
        CountDownLatch go = new CountDownLatch(1);
        try (Maskinporten client = sandbox.builder()
                .cacheLimit(2000)
                .onEvent(event -> {
                    try {
                        go.await();
                    } catch (InterruptedException e) {
                        throw new IllegalStateException(e);
                    }
                })
                .build()) {
            for (int i = 0; i < 1100; i++) {
                client.rotate(sandbox.key()); // an event each
            }
            go.countDown();
            until("the loss is known", () -> client.droppedEvents() > 0);
        }
    }

    @Test
    void afterARotationTheNextTokenIsOfTheNewKey() throws Exception {
        KeyPair pair = Keys.generate();
        try (AutoCloseable registration = Keys.register(sandbox, pair, "next-key");
                Maskinporten client = sandbox.client()) {
            assertTrue(registration != null);
            Source source = client.source(sandbox.scope("plain"));
            Token before = source.token();
            client.rotate(Key.pem(Keys.pem(pair)).kid("next-key"), sandbox.key());
            Token after = source.token();
            assertNotEquals(before, after);
            assertEquals("next-key", lastKid());
            assertEquals(
                    List.of("next-key", sandbox.setting("kid")),
                    client.status().keys().stream().map(Status.KeyStatus::kid).toList());
            client.rotate(Key.of(new JcaSigner(sandbox.setting("kid"), Keys.read(sandbox.file("key_pem")))));
            source.token();
            assertEquals(sandbox.setting("kid"), lastKid());
            fails("invalid_key", () -> client.rotate(Key.pem("no key")));
            client.source(sandbox.scope("other")).token();
            assertEquals(4, sandbox.tokens(), "a rotation that failed changes nothing");
            client.rotate(sandbox.key());
            source.token();
        }
    }

    private String lastKid() {
        var requests = sandbox.journal().getAsJsonArray("requests");
        return requests.get(requests.size() - 1).getAsJsonObject().get("kid").getAsString();
    }

    /** The token that Java holds on to ends at once when the library says so, in every source that shares it. */
    @Test
    void anInvalidatedTokenIsNotHandedOutAgain() {
        try (Maskinporten client = sandbox.client()) {
            Source source = client.source(sandbox.scope("plain")), other = client.source(sandbox.scope("plain"));
            Token token = source.token();
            assertEquals(token, other.token());
            source.invalidate(token);
            assertNull(other.peek());
            Token next = other.token();
            assertNotEquals(token, next);
            source.invalidate(token); // an old one: nothing happens
            assertEquals(next, source.token());
            assertEquals(2, sandbox.tokens());
        }
    }

    /** A token that is about to end is renewed while it is handed out, and nobody waits. */
    @Test
    void aDueTokenIsRenewedInTheBackground() {
        sandbox.faults("[{\"path\": \"/token\", \"expires_in\": 8, \"times\": 1},"
                + " {\"path\": \"/token\", \"latency_ms\": 2000, \"times\": 1}]");
        try (Maskinporten client = sandbox.client()) {
            Source source = client.source(sandbox.scope("plain"));
            Token first = source.token();
            until("it is due", () -> {
                assertEquals(first, source.token());
                return sandbox.tokens() == 2;
            });
            assertEquals(first, source.token(), "the next one is being fetched");
            until("the next one is there", () -> !source.token().equals(first));
            assertEquals(2, sandbox.tokens());
        }
    }

    @Test
    void statusTellsOfKeysAndCache() {
        try (Maskinporten client = sandbox.client()) {
            client.source(sandbox.scope("plain")).token();
            Status status = client.status();
            assertEquals(1, status.tokens());
            assertEquals(10_000, status.cacheLimit());
            assertEquals(
                    new Status.KeyStatus(sandbox.setting("kid"), null, "RS256", null, true),
                    status.keys().get(0));
        }
    }

    @Test
    void aDiagnosisTellsWhatIsWrongBeforeAnythingIsSent() {
        TokenRequest request = TokenRequest.scopes(sandbox.scope("plain"));
        Diagnosis good = sandbox.builder().diagnose(request);
        assertTrue(good.ok(), good.report());
        assertTrue(good.report().contains("\"scope\":\"" + sandbox.scope("plain") + "\""), good.report());
        assertFalse(good.report().contains("PRIVATE"));
        Diagnosis bad = sandbox.builder().clientId("not an id").diagnose(null);
        assertFalse(bad.ok());
        Diagnosis.Finding finding = bad.findings().get(0);
        assertEquals("error client_id", finding.severity() + " " + finding.field());
        assertTrue(finding.remedy().endsWith("."));
        assertEquals(0, sandbox.tokens());
    }

    /** A client that was forgotten is collected, with its sources and its thread for events. */
    @Test
    void whatIsForgottenIsFreed() {
        for (int i = 0; i < 10; i++) {
            sandbox.builder()
                    .onEvent(event -> {})
                    .build()
                    .source(sandbox.scope("plain"))
                    .token();
        }
        assertTrue(Library.get().liveHandles() > 0);
        until("the collector has found them", () -> {
            System.gc();
            return Library.get().liveHandles() == 0;
        });
        until("no thread is left", () -> Thread.getAllStackTraces().keySet().stream()
                .noneMatch(t -> t.getName().startsWith("maskinporten")));
    }

    @Test
    void nothingIsLeftOfManyClients() {
        for (int i = 0; i < 300; i++) {
            try (Maskinporten client = sandbox.client()) {
                Source first = client.source(sandbox.scope("plain"));
                client.source(sandbox.scope("other"));
                first.peek();
                first.close();
                assertEquals(2, Library.get().liveHandles());
            }
            assertEquals(0, Library.get().liveHandles());
        }
    }
}

package io.github.maskinportencore;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.maskinportencore.examples.JcaSigner;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;

/** Tokens that several clients share through a store, as processes would. */
class StoreTest extends SandboxTest {
    private final byte[] storeKey = new SecureRandom().generateSeed(32);

    /** What Redis would be. */
    private static final class Shared implements Store {
        final Map<String, String> entries = new ConcurrentHashMap<>();
        final List<Duration> lives = new CopyOnWriteArrayList<>();

        @Override
        public String load(String key) {
            return entries.get(key);
        }

        @Override
        public void save(String key, String entry, Duration life) {
            entries.put(key, entry);
            lives.add(life);
        }
    }

    /** A token of a client of its own, which lives until the store has it. */
    private String token(Maskinporten.Builder builder, Shared shared) {
        try (Maskinporten client = builder.store(shared, storeKey).build()) {
            Source source = client.source(sandbox.scope("plain"));
            Token token = source.token();
            assertEquals(token, source.token());
            until("it is saved", () -> shared.lives.size() == sandbox.tokens());
            return token.accessToken();
        }
    }

    @Test
    void oneFetchesAndTheOthersFindIt() {
        Shared shared = new Shared();
        String token = token(sandbox.builder(), shared);
        assertTrue(token.equals(token(sandbox.builder(), shared)), "another client has the same");
        JcaSigner own = new JcaSigner(sandbox.setting("kid"), Keys.read(sandbox.file("key_pem")));
        assertTrue(token.equals(token(sandbox.builder().signer(own), shared)), "also one that signs with its own key");
        assertEquals(1, sandbox.tokens());
        assertEquals(1, shared.entries.size());
        assertFalse(shared.entries.toString().contains(token), "it is encrypted");
        assertTrue(shared.lives.get(0).compareTo(Duration.ofSeconds(100)) > 0
                && shared.lives.get(0).compareTo(Duration.ofSeconds(120)) <= 0);
        shared.entries.replaceAll((key, entry) -> entry.substring(1));
        assertFalse(token.equals(token(sandbox.builder(), shared)), "a damaged entry is as good as none");
        assertEquals(2, sandbox.tokens());
    }

    @Test
    void aStoreThatFailsIsPassedOver() {
        AtomicBoolean over = new AtomicBoolean();
        Store broken = new Store() {
            @Override
            public String load(String key) {
                throw new IllegalStateException("no connection");
            }

            @Override
            public void save(String key, String entry, Duration life) throws InterruptedException {
                try {
                    Thread.sleep(60_000);
                } finally {
                    over.set(true);
                }
            }
        };
        List<Event> events = new CopyOnWriteArrayList<>();
        try (Maskinporten client =
                sandbox.builder().store(broken, storeKey).onEvent(events::add).build()) {
            Source source = client.source(sandbox.scope("plain"));
            source.token();
            assertFalse(over.get(), "nobody waits for the store to save");
            until(
                    "both failures are told",
                    () -> events.stream()
                                    .filter(event -> event.event().equals("store_failed"))
                                    .count()
                            == 2);
            assertTrue(events.stream()
                    .anyMatch(event ->
                            event.error() != null && event.error().getMessage().contains("no connection")));
        }
        assertEquals(1, sandbox.tokens());
        fails(
                "invalid_configuration",
                () -> sandbox.builder().store(broken, new byte[5]).build());
    }
}

package io.github.maskinportencore;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.maskinportencore.examples.JcaSigner;
import java.security.KeyPair;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

/** Grants that Java signs, step by step. */
class SignerTest extends SandboxTest {
    private final JcaSigner own = new JcaSigner(sandbox.setting("kid"), Keys.read(sandbox.file("key_pem")));

    private interface Signing {
        byte[] sign(byte[] signingInput) throws Exception;
    }

    /** A signer for the registered key that signs in its own way. */
    private Signer signer(Signing signing) {
        return new Signer() {
            @Override
            public String keyId() {
                return sandbox.setting("kid");
            }

            @Override
            public byte[] sign(byte[] signingInput) throws Exception {
                return signing.sign(signingInput);
            }
        };
    }

    private Maskinporten client(Signing signing) {
        return sandbox.builder().signer(signer(signing)).build();
    }

    @Test
    void aKeyThatJavaHoldsIsEnough() throws Exception {
        try (Maskinporten client = sandbox.builder().signer(own).build()) {
            Source source = client.source(sandbox.scope("plain"));
            Token token = source.token();
            assertEquals(token, source.token());
            assertEquals(token, source.peek());
            assertEquals(token, client.source(sandbox.scope("plain")).token(), "also through another source");
            Source customs =
                    client.source(TokenRequest.scopes(sandbox.scope("customs")).exchange(Exchange.customs()));
            assertNotEquals(token, customs.tokenAsync().join());
            assertEquals(2, sandbox.tokens());
            source.invalidate(token);
            assertNotEquals(token, source.token());
            assertEquals(3, sandbox.tokens());
        }
    }

    @Test
    void aThousandCallersAreOneSignature() {
        AtomicInteger signatures = new AtomicInteger();
        try (Maskinporten client = client(input -> {
            signatures.incrementAndGet();
            Thread.sleep(200);
            return own.sign(input);
        })) {
            Source source = client.source(sandbox.scope("plain"));
            CompletableFuture<?>[] calls = new CompletableFuture<?>[1000];
            for (int i = 0; i < calls.length; i++) {
                calls[i] = source.tokenAsync();
            }
            CompletableFuture.allOf(calls).join();
            assertEquals(1, signatures.get());
            assertEquals(1, sandbox.tokens());
        }
    }

    /** A due token is handed out while its renewal is signed and sent. */
    @Test
    void aDueTokenIsRenewedInTheBackground() {
        sandbox.faults("[{\"path\": \"/token\", \"expires_in\": 10, \"times\": 1}]");
        CountDownLatch signing = new CountDownLatch(1);
        AtomicInteger signatures = new AtomicInteger();
        try (Maskinporten client = client(input -> {
            if (signatures.incrementAndGet() > 1) {
                signing.await();
            }
            return own.sign(input);
        })) {
            Source source = client.source(sandbox.scope("plain"));
            Token first = source.token();
            until("it is due", () -> {
                assertEquals(first, source.token(), "nobody waits");
                return signatures.get() == 2;
            });
            assertEquals(first, source.token());
            signing.countDown();
            until("the next one is there", () -> !source.token().equals(first));
            assertEquals(2, sandbox.tokens());
        }
    }

    @Test
    void whatASignerThrowsIsTold() {
        AtomicReference<Exception> thrown = new AtomicReference<>(new IllegalStateException("the HSM is off"));
        AtomicInteger calls = new AtomicInteger();
        Signing signing = input -> {
            calls.incrementAndGet();
            throw thrown.get();
        };
        try (Maskinporten client = client(signing)) {
            MaskinportenException e = fails("signing_failed", () -> client.source(sandbox.scope("plain"))
                    .token());
            assertTrue(e.getMessage().contains("the HSM is off"), e.getMessage());
            assertFalse(e.retryable());
            assertEquals(1, calls.get());
        }
        thrown.set(new Signer.RetryableException("the KMS is busy", null));
        try (Maskinporten client = client(signing)) {
            assertTrue(fails("signing_failed", () -> client.source(sandbox.scope("plain"))
                            .token())
                    .retryable());
            assertTrue(calls.get() > 2, "it was asked again");
        }
        assertEquals(0, sandbox.tokens());
    }

    @Test
    void aSignatureThatIsNoneIsNotSent() {
        byte[][] wrong = {null, {}, new byte[255], new byte[257]};
        for (byte[] signature : wrong) {
            try (Maskinporten client = client(input -> signature)) {
                fails(
                        signature == null ? "signing_failed" : "invalid_signature",
                        () -> client.source(sandbox.scope("plain")).token());
            }
        }
        assertEquals(0, sandbox.tokens());
        try (Maskinporten client = client(input -> new byte[256])) {
            assertEquals(
                    "MP-124",
                    fails("signature_rejected", () -> client.source(sandbox.scope("plain"))
                                    .token())
                            .mpCode());
        }
    }

    @Test
    void aSignerThatHangsIsInterrupted() {
        CompletableFuture<String> ended = new CompletableFuture<>();
        try (Maskinporten client = client(input -> {
            try {
                Thread.sleep(ended.isDone() ? 0 : 60_000); // it hangs once
            } catch (InterruptedException e) {
                ended.complete("interrupted");
            }
            return own.sign(input);
        })) {
            Source source = client.source(sandbox.scope("plain"));
            fails("deadline_exceeded", () -> source.token(Duration.ofMillis(100)));
            assertEquals(0, sandbox.tokens());
            source.token(); // the second attempt of the same flight
            assertEquals("interrupted", ended.join());
            assertEquals(1, sandbox.tokens());
        }
    }

    @Test
    void closeDoesNotWaitForASigner() {
        CountDownLatch asked = new CountDownLatch(1), end = new CountDownLatch(1);
        Maskinporten client = client(input -> {
            asked.countDown();
            end.await();
            return null;
        });
        CompletableFuture<Token> waiting = client.source(sandbox.scope("plain")).tokenAsync();
        until("the signer is asked", () -> asked.getCount() == 0);
        client.close();
        assertTrue(waiting.isCompletedExceptionally());
        end.countDown();
    }

    @Test
    void aSignerThatAsksForATokenOfItsOwnClientIsToldSo() {
        AtomicReference<Source> source = new AtomicReference<>();
        AtomicReference<String> code = new AtomicReference<>();
        try (Maskinporten client = client(input -> {
            try {
                source.get().token();
            } catch (MaskinportenException e) {
                code.set(e.code());
            }
            return own.sign(input);
        })) {
            source.set(client.source(sandbox.scope("plain")));
            source.get().token();
            assertEquals("reentrant", code.get());
        }
    }

    /** Maskinporten does not know the first key; the second is the library's, or Java's. */
    @Test
    void theNextKeySignsWhenTheFirstIsUnknown() {
        KeyPair unknown = Keys.generate();
        JcaSigner first = new JcaSigner("unknown", unknown.getPrivate());
        for (Key second : new Key[] {sandbox.key(), Key.of(own)}) {
            for (Key key : new Key[] {Key.of(first), Key.pem(Keys.pem(unknown)).kid("unknown")}) {
                try (Maskinporten client =
                        sandbox.builder().key(key).nextKeys(second).build()) {
                    client.source(sandbox.scope("plain")).token();
                    assertTrue(client.status().keys().get(1).active());
                }
            }
        }
        assertEquals(8, sandbox.tokens());
    }
}

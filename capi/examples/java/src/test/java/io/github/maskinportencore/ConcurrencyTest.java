package io.github.maskinportencore;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** Many callers, few requests. */
class ConcurrencyTest extends SandboxTest {
    private static final int CALLERS = 1000;

    @Test
    void aThousandThreadsMakeOneRequest() throws Exception {
        thousandCallers(Executors.newFixedThreadPool(CALLERS));
    }

    @Test
    void aThousandVirtualThreadsMakeOneRequest() throws Exception {
        thousandCallers(virtualThreads());
    }

    /** All at once, on one client that has nothing yet; half of them on a source of their own. */
    private void thousandCallers(ExecutorService threads) throws Exception {
        sandbox.faults("[{\"path\": \"/token\", \"latency_ms\": 500}]");
        CountDownLatch ready = new CountDownLatch(CALLERS), go = new CountDownLatch(1);
        try (Maskinporten client = sandbox.client()) {
            Source shared = client.source(sandbox.scope("plain"));
            List<Future<Token>> results = new ArrayList<>();
            for (int i = 0; i < CALLERS; i++) {
                Source source = i % 20 == 0 ? client.source(sandbox.scope("plain")) : shared;
                results.add(threads.submit(() -> {
                    ready.countDown();
                    go.await();
                    return source.token();
                }));
            }
            ready.await();
            go.countDown();
            Set<Token> tokens = new HashSet<>();
            for (Future<Token> result : results) {
                tokens.add(result.get(30, TimeUnit.SECONDS));
            }
            assertEquals(1, tokens.size());
            assertEquals(1, sandbox.tokens(), "requests at Maskinporten");
        } finally {
            threads.shutdownNow();
            assertTrue(threads.awaitTermination(10, TimeUnit.SECONDS));
        }
    }

    /** A failure is shared too: each caller gets it, with its own stack. */
    @Test
    void aFailureIsSharedByThoseWhoWait() throws Exception {
        sandbox.faults("[{\"path\": \"/token\", \"latency_ms\": 500, \"status\": 400}]");
        ExecutorService threads = Executors.newFixedThreadPool(100);
        try (Maskinporten client = sandbox.client()) {
            Source source = client.source(sandbox.scope("plain"));
            Set<MaskinportenException> failures =
                    java.util.Collections.newSetFromMap(new java.util.IdentityHashMap<>());
            List<Callable<MaskinportenException>> calls =
                    java.util.Collections.nCopies(100, () -> fails("unexpected_status", source::token));
            for (Future<MaskinportenException> failure : threads.invokeAll(calls)) {
                failures.add(failure.get());
            }
            assertEquals(100, failures.size());
            assertEquals(1, sandbox.tokens());
        } finally {
            threads.shutdownNow();
        }
    }

    /** A virtual thread that waits does not hold on to its carrier: many more than there are carriers may do so. */
    @Test
    void virtualThreadsThatWaitDoNotHinderOthers() throws Exception {
        sandbox.faults("[{\"path\": \"/token\", \"kind\": \"hang\"}]");
        try (ExecutorServiceCloser threads = new ExecutorServiceCloser(virtualThreads());
                Maskinporten client = sandbox.client()) {
            Source source = client.source(sandbox.scope("plain"));
            for (int i = 0; i < 500; i++) {
                threads.executor.submit(() -> source.token());
            }
            until("the request is sent", () -> sandbox.tokens() == 1);
            assertEquals("ran", threads.executor.submit(() -> "ran").get(5, TimeUnit.SECONDS));
        }
    }

    private record ExecutorServiceCloser(ExecutorService executor) implements AutoCloseable {
        @Override
        public void close() {
            executor.shutdownNow();
        }
    }

    @Test
    void cancellingOneFutureLeavesTheOthersAlone() {
        sandbox.faults("[{\"path\": \"/token\", \"latency_ms\": 300, \"times\": 1}]");
        try (Maskinporten client = sandbox.client()) {
            Source source = client.source(sandbox.scope("plain"));
            CompletableFuture<Token> first = source.tokenAsync(), second = source.tokenAsync();
            assertTrue(first.cancel(true));
            assertEquals(second.join(), source.tokenAsync().join());
            assertEquals(1, sandbox.tokens());
        }
    }

    /** Threads that use, invalidate, rotate and close at the same time: a token or a known code, and nothing else. */
    @Test
    void everythingAtOnce() throws Exception {
        ExecutorService threads = Executors.newCachedThreadPool();
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(Integer.getInteger("soak.seconds", 3));
        Set<String> known = Set.of("closed", "cancelled", "deadline_exceeded");
        List<Future<Integer>> results = new ArrayList<>();
        for (int i = 0; i < 16; i++) {
            int seed = i;
            results.add(threads.submit(() -> {
                int tokens = 0;
                while (System.nanoTime() < end) {
                    Maskinporten client = sandbox.client();
                    Source source = client.source(sandbox.scope(seed % 2 == 0 ? "plain" : "other"));
                    Future<?> disturbance = threads.submit(() -> disturb(client, source, seed));
                    try {
                        for (int j = 0; j < 20; j++) {
                            tokens += source.token().accessToken().isEmpty() ? 0 : 1;
                        }
                    } catch (MaskinportenException e) {
                        assertTrue(known.contains(e.code()), e.getMessage());
                    } finally {
                        client.close();
                        disturbance.cancel(false);
                    }
                }
                return tokens;
            }));
        }
        int tokens = 0;
        for (Future<Integer> result : results) {
            tokens += result.get(Integer.getInteger("soak.seconds", 3) + 30, TimeUnit.SECONDS);
        }
        assertTrue(tokens > 100, "tokens: " + tokens);
        threads.shutdown();
        assertTrue(threads.awaitTermination(10, TimeUnit.SECONDS));
    }

    private void disturb(Maskinporten client, Source source, int how) {
        try {
            switch (how % 4) {
                case 0 -> source.invalidate(source.token());
                case 1 -> client.rotate(sandbox.key());
                case 2 -> source.cancel();
                default -> client.close();
            }
        } catch (MaskinportenException e) {
            // the other thread was first
        }
    }

    private static ExecutorService virtualThreads() throws ReflectiveOperationException {
        assumeTrue(
                Runtime.version().feature() >= 21, "Java " + Runtime.version().feature() + " has no virtual threads");
        return (ExecutorService)
                Executors.class.getMethod("newVirtualThreadPerTaskExecutor").invoke(null);
    }
}

package io.github.maskinportencore;

import java.io.Closeable;
import java.io.IOException;
import java.lang.ref.Cleaner;
import java.lang.ref.Reference;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;

/**
 * A valid token for this, now. Made by {@link Maskinporten#source}; safe for all threads, platform and virtual. Closing
 * it is not necessary: the client does, and so does the garbage collector.
 */
public final class Source implements AutoCloseable {
    private static final Duration DEFAULT_TIMEOUT = Duration.ofSeconds(30);
    private static final long MAX_SECONDS = 365 * 86_400L; // so that it can be counted in nanoseconds

    private final Maskinporten client; // which stays as long as one of its sources is used
    private final ClientHandle state;
    private final Library library;
    private final long handle;
    private final Cleaner.Cleanable freeing;
    private final ReentrantLock boarding = new ReentrantLock();
    private Flight flight; // guarded by boarding
    private volatile Lease lease;
    private volatile Token last;

    Source(Maskinporten client, ClientHandle state, long handle) {
        this.client = client;
        this.state = state;
        this.library = state.library;
        this.handle = handle;
        this.freeing = ClientHandle.CLEANER.register(this, () -> state.freeSource(handle));
    }

    /** A token that need not be asked for again until either clock says so, or the library's epoch moves. */
    private record Lease(Token token, long epoch, long untilNanos, long untilMillis) {}

    /** Returns a token, from the cache or fetched; waits at most 30 s. */
    public Token token() {
        return token(DEFAULT_TIMEOUT);
    }

    /**
     * Returns a token, from the cache or fetched. One fetch runs however many threads wait.
     *
     * @param timeout how long this call may wait; zero neither waits nor fetches. A timeout, or an interrupt of this
     *     thread, ends the waiting only: the fetch goes on and serves the next call.
     * @throws MaskinportenException with the code "deadline_exceeded" after the timeout, "cancelled" after an interrupt
     *     (the thread's interrupt status is then set again), and any other
     */
    public Token token(Duration timeout) {
        if (timeout.isNegative()) {
            throw new IllegalArgumentException("timeout is " + timeout + "; give the time to wait, zero or more");
        }
        Token token = cached();
        return token != null ? token : await(timeout);
    }

    /** The same without blocking. Cancelling the future ends this wait only. */
    public CompletableFuture<Token> tokenAsync() {
        try {
            Token token = cached();
            return token != null
                    ? CompletableFuture.completedFuture(token)
                    : board().landing.copy();
        } catch (MaskinportenException e) {
            return CompletableFuture.failedFuture(e);
        }
    }

    /** The cached token, or null if there is none. Never waits and fetches nothing. */
    public Token peek() {
        Lease held = lease;
        return holds(held) ? held.token : look(false);
    }

    /** Drops the cached token if it is this one: for an API that answered 401 to it. */
    public void invalidate(Token token) {
        library(() -> {
            library.sourceInvalidate(handle, token.accessToken());
            return null;
        });
    }

    /** Ends every wait for a token of this source now, with the code "cancelled". Fetch and later calls go on. */
    public void cancel() {
        disembark(MaskinportenException.cancelled("the wait was cancelled"));
        library(() -> {
            library.sourceCancel(handle);
            return null;
        });
    }

    /** The cache key: 64 hexadecimal digits, equal for sources that share one token, safe to log. */
    public String key() {
        return library(() -> library.sourceKey(handle));
    }

    /** Sends a request with a token; after a 401 once more, with a new one. The body is then published again. */
    public <T> HttpResponse<T> send(HttpClient http, HttpRequest request, HttpResponse.BodyHandler<T> handler)
            throws IOException, InterruptedException {
        Token token = token();
        HttpResponse<T> response = http.send(authorized(request, token), handler);
        if (response.statusCode() != 401) {
            return response;
        }
        invalidate(token);
        Token next = token();
        if (next.accessToken().equals(token.accessToken())) {
            return response; // it is newer than the last complaint: the API means something else
        }
        if (response.body() instanceof Closeable body) {
            body.close();
        }
        return http.send(authorized(request, next), handler);
    }

    private static HttpRequest authorized(HttpRequest request, Token token) {
        return HttpRequest.newBuilder(request, (name, value) -> !name.equalsIgnoreCase("Authorization"))
                .header("Authorization", token.header())
                .build();
    }

    /** Frees the handle; who waits gets an exception with the code "closed". The cached token stays with the client. */
    @Override
    public void close() {
        freeing.clean();
        disembark(closedSource());
    }

    private static MaskinportenException closedSource() {
        return MaskinportenException.local("closed", 1009, "the source is closed", "Make a new one of the client.");
    }

    private Token cached() {
        Lease held = lease;
        return holds(held) ? held.token : look(true);
    }

    private boolean holds(Lease held) {
        return held != null
                && held.epoch == library.leaseEpoch()
                && System.nanoTime() - held.untilNanos < 0
                && System.currentTimeMillis() < held.untilMillis;
    }

    /** The token that needs no waiting for, or null. If it is due, and renew says so, its renewal begins. */
    private Token look(boolean renew) {
        return library(() -> {
            // Before the answer, so that nothing that happens meanwhile is missed.
            long epoch = library.leaseEpoch(), nanos = System.nanoTime(), millis = System.currentTimeMillis();
            Library.Peeked peeked = library.sourcePeek(handle);
            if (peeked == null) {
                return null;
            }
            boolean due = renew && peeked.refreshDue();
            Token known = last;
            if (known == null || !known.accessToken().equals(peeked.accessToken()) || due && !state.driven()) {
                known = state.driven() ? null : ask(due ? 1 : 0);
            } else if (due) {
                board(); // and do not wait
            }
            if (known != null && known.accessToken().equals(peeked.accessToken()) && peeked.leaseMs() > 0) {
                lease = new Lease(
                        known,
                        epoch,
                        nanos + TimeUnit.MILLISECONDS.toNanos(peeked.leaseMs()),
                        millis + peeked.leaseMs());
            }
            return known;
        });
    }

    /** Asks the library once. More than 0 begins what has to be fetched. */
    private Token ask(long timeoutMs) {
        try {
            return last = library.sourceToken(handle, timeoutMs);
        } catch (MaskinportenException e) {
            if (e.code().equals("deadline_exceeded")) {
                return null;
            }
            throw e;
        }
    }

    private Token await(Duration timeout) {
        long end =
                System.nanoTime() + Math.min(timeout.toSeconds(), MAX_SECONDS) * 1_000_000_000 + timeout.toNanosPart();
        while (!timeout.isZero()) {
            try {
                return board().landing.get(Math.max(end - System.nanoTime(), 0), TimeUnit.NANOSECONDS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw MaskinportenException.cancelled("the waiting thread was interrupted");
            } catch (ExecutionException e) {
                MaskinportenException why = (MaskinportenException) e.getCause();
                if (!why.code().equals("deadline_exceeded")) {
                    throw why.again();
                } // the flight's, not ours
            } catch (TimeoutException e) {
                break;
            }
        }
        throw MaskinportenException.local(
                "deadline_exceeded",
                1014,
                "no token within " + timeout.toMillis() + " ms",
                "Call again or allow more time; the fetch goes on in the background.");
    }

    /** Joins the fetch that runs, or begins one. */
    private Flight board() {
        boarding.lock();
        try {
            client.requireOpen();
            if (FlowDriver.isAskedFor(state)) {
                throw MaskinportenException.local(
                        "reentrant",
                        1021,
                        "a signer or store asked for a token of its own client",
                        "Let it do without.");
            }
            long epoch = library.leaseEpoch();
            // What a flight brings may be what an invalidation or rotation after its start was about.
            if (flight == null || flight.epoch != epoch) {
                flight = new Flight(this, state, epoch);
                flight.start();
            }
            return flight;
        } finally {
            boarding.unlock();
        }
    }

    /** Fetches a token, on the flight's own thread. */
    Token fetch(CompletableFuture<Token> landing) {
        return last = library(() -> state.driven()
                ? FlowDriver.drive(state, handle, token -> landing.complete(last = token))
                : library.sourceToken(handle, Flight.LIMIT.toMillis()));
    }

    /** From now on nobody joins this flight. */
    void land(Flight ended) {
        boarding.lock();
        try {
            if (flight == ended) {
                flight = null;
            }
        } finally {
            boarding.unlock();
        }
    }

    private void disembark(MaskinportenException why) {
        for (Flight each : state.flights) {
            if (each.source == this) {
                land(each);
                each.fail(why);
            }
        }
    }

    private <T> T library(Supplier<T> call) {
        client.requireOpen();
        try {
            return call.get();
        } catch (MaskinportenException e) {
            throw !state.isClosed() && e.code().equals("invalid_handle") ? closedSource() : client.closedMeanwhile(e);
        } finally {
            Reference.reachabilityFence(this);
        }
    }

    @Override
    public String toString() {
        return "Source of " + client;
    }
}

package io.github.maskinportencore;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;

/**
 * One fetch of a source's token, for which any number of threads wait. Those in the library cannot be interrupted, and
 * hold on to the carrier of a virtual thread; so one thread of our own waits there, and all others wait here.
 */
final class Flight implements Runnable {
    /** The library ends every fetch well before this, with a token or an error. */
    static final Duration LIMIT = Duration.ofSeconds(60);

    final CompletableFuture<Token> landing = new CompletableFuture<>();
    final long epoch;
    final Source source;
    private final ClientHandle state;

    Flight(Source source, ClientHandle state, long epoch) {
        this.source = source;
        this.state = state;
        this.epoch = epoch;
    }

    void start() {
        Thread thread = new Thread(this, "maskinporten");
        thread.setDaemon(true);
        state.flights.add(this);
        thread.start();
    }

    /** Ends the waiting, not the fetch. */
    void fail(MaskinportenException why) {
        landing.completeExceptionally(why);
    }

    @Override
    public void run() {
        Token token = null;
        MaskinportenException why = null;
        try {
            token = source.fetch(landing);
        } catch (MaskinportenException e) {
            why = e;
        } catch (RuntimeException | Error e) { // whatever it is, those who wait must hear of it
            why = MaskinportenException.local(
                    "internal",
                    1012,
                    "the fetch ended with " + e.getClass().getName(),
                    "Report this as a bug of maskinporten-core.");
        }
        state.flights.remove(this);
        source.land(this);
        if (why == null) {
            landing.complete(token);
        } else {
            landing.completeExceptionally(why);
        }
    }
}

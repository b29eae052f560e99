package io.github.maskinportencore;

import java.lang.ref.Cleaner;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;

/**
 * What a client holds in the library, apart from the object that programs see: when that is closed, or was forgotten
 * and is collected, {@link #run()} lets go of everything.
 */
final class ClientHandle implements Runnable {
    static final Cleaner CLEANER = Cleaner.create();

    final Library library;
    final long handle;
    final Set<Flight> flights = ConcurrentHashMap.newKeySet();
    final AtomicLong droppedEvents = new AtomicLong();
    private final Set<Long> sources = ConcurrentHashMap.newKeySet();
    private volatile boolean closed;
    private volatile List<Key> keys;
    private volatile boolean hostSigns;
    final Store store; // or null

    ClientHandle(Library library, long handle, List<Key> keys, Store store) {
        this.library = library;
        this.handle = handle;
        this.store = store;
        keys(keys, List.of());
    }

    /** Sets the keys, and those before them, with which a flow that began earlier may still have to sign. */
    void keys(List<Key> now, List<Key> before) {
        keys = Stream.concat(now.stream(), before.stream()).toList();
        hostSigns = now.stream().anyMatch(Key::isSigner);
    }

    List<Key> keys() {
        return keys;
    }

    /** Whether the library cannot fetch by itself: a step of a flow is this program's. */
    boolean driven() {
        return hostSigns || store != null;
    }

    boolean isClosed() {
        return closed;
    }

    long newSource(byte[] request) {
        long source = library.sourceNew(handle, request);
        sources.add(source);
        return source;
    }

    void freeSource(long source) {
        if (sources.remove(source)) {
            library.sourceFree(source);
        }
    }

    @Override
    public void run() {
        closed = true;
        library.clientFree(handle); // who waits in the library gets "closed"
        flights.forEach(flight -> flight.fail(MaskinportenException.closed()));
        sources.forEach(this::freeSource);
    }
}

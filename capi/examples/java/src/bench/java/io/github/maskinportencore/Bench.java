package io.github.maskinportencore;

import com.sun.jna.Native;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.IntSupplier;

/**
 * What a cached token costs, against bare calls of the same library through the same backend: rows of a table. Each is
 * timed in turns with the others, and the median of the turns is taken.
 */
final class Bench {
    private static final int TURNS = 31, CALLS = 100_000;

    /** As directly as JNA can. */
    static final class Bare {
        /** Ends in the C shim. */
        static native int mp_abi_version();

        /** Goes on into Go. */
        static native int mp_live_handles(long[] count);
    }

    public static void main(String[] none) throws Exception {
        Library library = Library.get();
        Sandbox sandbox = Sandbox.get();
        try (Maskinporten client = sandbox.client()) {
            Source source = client.source(sandbox.scope("customs"));
            source.token();
            long handle = library.sourceNew(
                    clientOf(source), Json.bytes(TokenRequest.scopes(sandbox.scope("customs")).members));
            Map<String, IntSupplier> calls = new LinkedHashMap<>();
            IntSupplier[] bare = bare();
            calls.put("a bare call", bare[0]);
            calls.put("a bare call into Go", bare[1]);
            calls.put("reading both clocks", () -> (int) (System.nanoTime() ^ System.currentTimeMillis()) | 1);
            calls.put("token()", () -> source.token().accessToken().length());
            calls.put(
                    "peek without a lease",
                    () -> library.sourcePeek(handle).accessToken().length());
            Map<String, Double> medians = medians(calls);
            library.sourceFree(handle);
            String backend = Maskinporten.backend().toUpperCase(Locale.ROOT) + ", Java "
                    + Runtime.version().feature();
            for (String against : List.of("a bare call", "a bare call into Go", "reading both clocks")) {
                row("cached token, " + backend, against, medians.get("token()"), medians.get(against));
            }
            row(
                    "cached token asked of the library each time, " + backend,
                    "a bare call into Go",
                    medians.get("peek without a lease"),
                    medians.get("a bare call into Go"));
        }
        System.exit(0);
    }

    private static long clientOf(Source source) throws ReflectiveOperationException {
        var state = Source.class.getDeclaredField("state");
        state.setAccessible(true);
        return ((ClientHandle) state.get(source)).handle;
    }

    private static IntSupplier[] bare() throws ReflectiveOperationException {
        if (Maskinporten.backend().equals("ffm")) {
            return (IntSupplier[]) Class.forName("io.github.maskinportencore.BareForeign")
                    .getMethod("calls")
                    .invoke(null);
        }
        Native.register(Bare.class, System.getenv("MASKINPORTEN_LIBRARY"));
        long[] count = new long[1];
        return new IntSupplier[] {Bare::mp_abi_version, () -> Bare.mp_live_handles(count) + 1};
    }

    private static Map<String, Double> medians(Map<String, IntSupplier> calls) {
        Map<String, double[]> times = new LinkedHashMap<>();
        calls.keySet().forEach(name -> times.put(name, new double[TURNS]));
        for (int turn = -10; turn < TURNS; turn++) { // the first ones warm up
            int now = turn;
            calls.forEach((name, call) -> {
                long before = System.nanoTime();
                int sum = 0;
                for (int i = 0; i < CALLS; i++) {
                    sum += call.getAsInt();
                }
                double each = (double) (System.nanoTime() - before) / CALLS;
                if (sum == 0) {
                    throw new AssertionError(name);
                }
                if (now >= 0) {
                    times.get(name)[now] = each;
                }
            });
        }
        Map<String, Double> medians = new LinkedHashMap<>();
        times.forEach((name, list) -> {
            Arrays.sort(list);
            medians.put(name, list[TURNS / 2]);
        });
        return medians;
    }

    private static void row(String what, String against, double took, double bare) {
        System.out.printf(
                Locale.ROOT, "| %s | %s (%.0f ns) | %.2f (%.0f ns) | | |%n", what, against, bare, took / bare, took);
    }
}

package io.github.maskinportencore;

import com.google.gson.JsonObject;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.Collectors;

/**
 * The shared library. Everything else in this package goes through here: handles are numbers, texts are bytes of JSON,
 * and errors are exceptions. It is loaded at the first use and never unloaded.
 */
final class Library {
    static final int ABI_VERSION = 1;

    private static final int OK = 0, NO_TOKEN = 1007, BUFFER_TOO_SMALL = 1008;
    private static final VarHandle LONGS = MethodHandles.byteBufferViewVarHandle(long[].class, ByteOrder.nativeOrder());
    private static volatile Library loaded;

    final Backend backend;
    private final NativeCalls calls;
    private final ByteBuffer leaseEpoch;

    private Library(Backend backend) {
        this.backend = backend;
        this.calls = backend.calls();
        this.leaseEpoch = backend.memory(calls.mp_lease_epoch(), Long.BYTES);
    }

    /** The one that the property maskinporten.library or the variable MASKINPORTEN_LIBRARY names, or the system's. */
    static Library get() {
        Library library = loaded;
        return library != null ? library : loadOnce();
    }

    private static synchronized Library loadOnce() {
        if (loaded == null) {
            String file = System.getProperty("maskinporten.library", System.getenv("MASKINPORTEN_LIBRARY"));
            loaded = load(
                    Backend.preferred(),
                    file == null || file.isEmpty()
                            ? System.mapLibraryName("maskinporten")
                            : Path.of(file).toAbsolutePath().toString());
        }
        return loaded;
    }

    static Library load(String backend, String file) {
        String reason;
        try {
            Backend found = Backend.load(backend, file);
            int abi = found.calls().mp_abi_version();
            if (abi == ABI_VERSION) {
                return new Library(found);
            }
            reason = "it has ABI version " + abi + ", and this package needs " + ABI_VERSION;
        } catch (ReflectiveOperationException | LinkageError | IllegalArgumentException e) {
            Throwable cause = e.getCause() != null ? e.getCause() : e;
            reason = String.valueOf(cause.getMessage()).lines().limit(2).collect(Collectors.joining(" "));
        }
        boolean named = file.contains("/") || file.contains("\\");
        throw MaskinportenException.local(
                "library_unavailable",
                0,
                "the shared library " + file + " cannot be loaded through " + backend + ": " + reason,
                named && Files.exists(Path.of(file))
                        ? "Use the library of this version, built for this platform; musl (Alpine) cannot load a"
                                + " library written in Go."
                        : "Install libmaskinporten, or name the file with -Dmaskinporten.library or"
                                + " MASKINPORTEN_LIBRARY.");
    }

    String version() {
        ByteBuffer text = backend.memory(calls.mp_version(), 64);
        byte[] bytes = new byte[64];
        int length = 0;
        while ((bytes[length] = text.get(length)) != 0) {
            length++;
        }
        return new String(bytes, 0, length, StandardCharsets.US_ASCII);
    }

    /** Grows whenever a lease of this process ends early. */
    long leaseEpoch() {
        return (long) LONGS.getAcquire(leaseEpoch, 0);
    }

    long liveHandles() {
        long[] count = new long[1];
        check(calls.mp_live_handles(count), new long[2]);
        return count[0];
    }

    long clientNew(byte[] config) {
        return handle((client, error) -> calls.mp_client_new(config, config.length, client, error));
    }

    void clientFree(long client) {
        calls.mp_client_free(client);
    }

    void clientRotate(long client, byte[] keys) {
        nothing(error -> calls.mp_client_rotate(client, keys, keys.length, error));
    }

    JsonObject clientEvents(long client, long timeoutMs) {
        return Json.object(bytes((events, error) -> calls.mp_client_events(client, timeoutMs, events, error)));
    }

    JsonObject clientStatus(long client) {
        return Json.object(bytes((status, error) -> calls.mp_client_status(client, status, error)));
    }

    long sourceNew(long client, byte[] request) {
        return handle((source, error) -> calls.mp_source_new(client, request, request.length, source, error));
    }

    void sourceFree(long source) {
        calls.mp_source_free(source);
    }

    String sourceKey(long source) {
        return new String(bytes((key, error) -> calls.mp_source_key(source, key, error)), StandardCharsets.US_ASCII);
    }

    /** Blocks at most timeoutMs; 0 asks the cache only. */
    Token sourceToken(long source, long timeoutMs) {
        return Token.of(Json.object(bytes((token, error) -> calls.mp_source_token(source, timeoutMs, token, error))));
    }

    void sourceCancel(long source) {
        nothing(error -> calls.mp_source_cancel(source));
    }

    /** What mp_source_peek says of a cached token. */
    record Peeked(String accessToken, long usableMs, boolean refreshDue, long leaseMs) {
        @Override
        public String toString() {
            return "Peeked[redacted, usableMs=" + usableMs + ", refreshDue=" + refreshDue + ", leaseMs=" + leaseMs
                    + "]";
        }
    }

    /** Never blocks. Null if there is no token that can be used. */
    Peeked sourcePeek(long source) {
        long[] length = new long[1], usable = new long[1], lease = new long[1];
        int[] due = new int[1];
        byte[] text = new byte[4096];
        int status;
        while ((status = calls.mp_source_peek(source, text, text.length, length, usable, due, lease))
                == BUFFER_TOO_SMALL) {
            text = new byte[(int) length[0] + 1];
        }
        if (status == NO_TOKEN) {
            return null;
        }
        check(status, new long[2]);
        String accessToken = new String(text, 0, (int) length[0], StandardCharsets.US_ASCII);
        Arrays.fill(text, (byte) 0);
        return new Peeked(accessToken, usable[0], due[0] != 0, lease[0]);
    }

    void sourceInvalidate(long source, String accessToken) {
        byte[] text = Json.utf8(accessToken);
        nothing(error -> calls.mp_source_invalidate(source, text, text.length, error));
    }

    long flowNew(long source) {
        return handle((flow, error) -> calls.mp_flow_new(source, flow, error));
    }

    JsonObject flowNext(long flow) {
        return Json.object(bytes((step, error) -> calls.mp_flow_next(flow, step, error)));
    }

    void flowSigned(long flow, byte[] signature) {
        nothing(error -> calls.mp_flow_signed(flow, signature, signature.length, error));
    }

    void flowReceived(long flow, byte[] head, byte[] body) {
        nothing(error -> calls.mp_flow_received(flow, head, head.length, body, body.length, error));
    }

    /** Null if the store has nothing. */
    void flowLoaded(long flow, byte[] entry) {
        nothing(error -> calls.mp_flow_loaded(flow, entry, entry == null ? 0 : entry.length, error));
    }

    void flowSaved(long flow) {
        nothing(error -> calls.mp_flow_saved(flow, error));
    }

    void flowFailed(long flow, byte[] reason) {
        nothing(error -> calls.mp_flow_failed(flow, reason, reason.length, error));
    }

    void flowPerform(long flow, long timeoutMs) {
        nothing(error -> calls.mp_flow_perform(flow, timeoutMs, error));
    }

    void flowFree(long flow) {
        calls.mp_flow_free(flow);
    }

    /** Sends nothing. The request may be null. */
    JsonObject diagnose(byte[] config, byte[] request) {
        return Json.object(bytes((report, error) -> calls.mp_diagnose(
                config, config.length, request, request == null ? 0 : request.length, report, error)));
    }

    private interface Call {
        int call(long[] error);
    }

    private interface CallWithResult {
        int call(long[] out, long[] error);
    }

    private void nothing(Call call) {
        long[] error = new long[2];
        try {
            check(call.call(error), error);
        } finally {
            calls.mp_buf_free(error);
        }
    }

    private long handle(CallWithResult call) {
        long[] handle = new long[1];
        nothing(error -> call.call(handle, error));
        return handle[0];
    }

    private byte[] bytes(CallWithResult call) {
        long[] out = new long[2];
        try {
            nothing(error -> call.call(out, error));
            return read(out);
        } finally {
            calls.mp_buf_free(out);
        }
    }

    private byte[] read(long[] buf) {
        byte[] bytes = new byte[(int) buf[1]];
        if (bytes.length > 0) {
            backend.memory(buf[0], buf[1]).get(bytes);
        }
        return bytes;
    }

    private void check(int status, long[] error) {
        if (status != OK) {
            byte[] text = read(error);
            throw text.length > 0
                    ? MaskinportenException.of(Json.object(text))
                    : MaskinportenException.ofNumber(status);
        }
    }
}

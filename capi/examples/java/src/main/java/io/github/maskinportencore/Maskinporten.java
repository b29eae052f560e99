package io.github.maskinportencore;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import java.lang.ref.Cleaner;
import java.lang.ref.Reference;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Objects;
import java.util.function.Consumer;

/**
 * One client registration at Maskinporten: an environment, a client id and a key. It is safe for all threads; one per
 * registration lives as long as the program.
 *
 * <pre>{@code
 * try (Maskinporten client = Maskinporten.builder()
 *         .environment(Environment.TEST)
 *         .clientId("...")
 *         .key(Key.pem(pem).kid("..."))
 *         .build()) {
 *     Token token = client.source("skatteetaten:inntekt").token();
 * }
 * }</pre>
 */
public final class Maskinporten implements AutoCloseable {
    private final ClientHandle state;
    private final Cleaner.Cleanable closing;
    private final String clientId;
    private List<Key> keys;

    private Maskinporten(Builder settings) {
        Library library = Library.get();
        keys = settings.keys();
        byte[] config = settings.json();
        try {
            state = new ClientHandle(library, library.clientNew(config), keys, settings.store);
        } finally {
            Arrays.fill(config, (byte) 0);
        }
        clientId = settings.clientId;
        closing = ClientHandle.CLEANER.register(this, state);
        if (settings.observer != null) {
            EventPump.start(state, settings.observer);
        }
    }

    public static Builder builder() {
        return new Builder();
    }

    /** A client of the variables that NAIS gives an application, and that a sandbox writes into its file env. */
    public static Maskinporten fromEnv() {
        return NaisVariables.builder(System.getenv()).build();
    }

    /**
     * Says what tokens shall be for. Nothing is sent before the first one is asked for. Sources of one client with
     * equal requests share one token; keep the source, it is where the token is found fastest.
     *
     * @throws MaskinportenException whose problems list everything that is wrong
     */
    public Source source(TokenRequest request) {
        requireOpen();
        try {
            return new Source(this, state, state.newSource(Json.bytes(request.members)));
        } catch (MaskinportenException e) {
            throw closedMeanwhile(e);
        } finally {
            Reference.reachabilityFence(this);
        }
    }

    /** A source of tokens with these scopes and nothing else. */
    public Source source(String... scopes) {
        return source(TokenRequest.scopes(scopes));
    }

    /**
     * Signs with other keys from now on. The next token of each source is fetched with them; tokens of the old ones
     * are not handed out any more.
     *
     * @param next keys to fall back to, in order, when Maskinporten does not know the first
     */
    public synchronized void rotate(Key key, Key... next) {
        requireOpen();
        List<Key> now = new ArrayList<>(List.of(key));
        now.addAll(List.of(next));
        JsonObject rotation = new JsonObject();
        addKeys(rotation, now);
        byte[] text = Json.bytes(rotation);
        List<Key> before = state.keys();
        state.keys(now, keys); // first: who fetches next may have to sign with one of them
        try {
            state.library.clientRotate(state.handle, text);
            keys = now;
        } catch (MaskinportenException e) {
            state.keys(keys, before);
            throw closedMeanwhile(e);
        } finally {
            Arrays.fill(text, (byte) 0);
        }
    }

    /** How the client stands: its keys, its clock, its cache. */
    public Status status() {
        requireOpen();
        try {
            return Status.of(state.library.clientStatus(state.handle));
        } catch (MaskinportenException e) {
            throw closedMeanwhile(e);
        } finally {
            Reference.reachabilityFence(this);
        }
    }

    /** How many events were lost because the observer was slower than they came. */
    public long droppedEvents() {
        return state.droppedEvents.get();
    }

    /**
     * Wipes the key and closes all sources; who waits for a token gets an exception with the code "closed". Closing
     * twice is fine.
     */
    @Override
    public void close() {
        closing.clean();
    }

    /** The version of the shared library, such as "0.1.0". */
    public static String libraryVersion() {
        return Library.get().version();
    }

    /** How the library is called: "jna", or "ffm" (java.lang.foreign). */
    public static String backend() {
        return Library.get().backend.name();
    }

    void requireOpen() {
        if (state.isClosed()) {
            throw MaskinportenException.closed();
        }
    }

    /** Handles never leave this package, so one that is unknown was freed by another thread. */
    MaskinportenException closedMeanwhile(MaskinportenException e) {
        return e.code().equals("invalid_handle") ? MaskinportenException.closed() : e;
    }

    @Override
    public String toString() {
        return "Maskinporten[" + clientId + (state.isClosed() ? ", closed]" : "]");
    }

    private static void addKeys(JsonObject to, List<Key> keys) {
        to.add("key", keys.get(0).members());
        if (keys.size() > 1) {
            JsonArray next = new JsonArray();
            keys.subList(1, keys.size()).forEach(key -> next.add(key.members()));
            to.add("next_keys", next);
        }
    }

    /** What a client is made of. Environment, client id and a key are needed. */
    public static final class Builder {
        private static final int EVENTS_KEPT = 1000;

        private final JsonObject config = new JsonObject();
        private String clientId;
        private Key key;
        private List<Key> nextKeys = List.of();
        private Consumer<Event> observer;
        private Store store;

        private Builder() {}

        public Builder environment(Environment environment) {
            config.add("environment", environment.value);
            return this;
        }

        /** The id of the client in Digdir's self-service. */
        public Builder clientId(String clientId) {
            this.clientId = clientId;
            config.addProperty("client_id", clientId);
            return this;
        }

        /** The key that is registered on the client, or its certificate with key. */
        public Builder key(Key key) {
            this.key = Objects.requireNonNull(key);
            return this;
        }

        /** A key that this program signs with itself: in an HSM or KMS. */
        public Builder signer(Signer signer) {
            return key(Key.of(signer));
        }

        /** Keys to fall back to, in order, when Maskinporten does not know the first or says that it has expired. */
        public Builder nextKeys(Key... keys) {
            nextKeys = List.of(keys);
            return this;
        }

        /** For a European business without a registration, which signs with its eSeal. */
        public Builder eseal() {
            config.addProperty("eseal", true);
            return this;
        }

        /** How long a grant is valid, at most 120 s; 60 s if not said. */
        public Builder grantLife(Duration life) {
            config.addProperty("grant_life_seconds", life.toSeconds());
            return this;
        }

        /** How many tokens are kept at most; 10,000 if not said. */
        public Builder cacheLimit(int tokens) {
            config.addProperty("cache_limit", tokens);
            return this;
        }

        /**
         * Shares tokens with other processes.
         *
         * @param storeKey 32 secret bytes that all of them have; what is stored is encrypted with it
         */
        public Builder store(Store store, byte[] storeKey) {
            this.store = Objects.requireNonNull(store);
            config.addProperty("store_key", Base64.getEncoder().encodeToString(storeKey));
            return this;
        }

        /** Told of everything worth logging, one after another, on a thread of its own. What it throws is dropped. */
        public Builder onEvent(Consumer<Event> observer) {
            this.observer = Objects.requireNonNull(observer);
            config.add("events", new JsonPrimitive(EVENTS_KEPT));
            return this;
        }

        /**
         * Checks everything with the library's own rules. Nothing is sent.
         *
         * @throws MaskinportenException whose problems list everything that is wrong
         */
        public Maskinporten build() {
            return new Maskinporten(this);
        }

        /**
         * Says what is wrong or unusual, instead of throwing. Nothing is sent or signed.
         *
         * @param request what a token would be for; may be null
         */
        public Diagnosis diagnose(TokenRequest request) {
            byte[] text = json();
            try {
                return Diagnosis.of(Library.get().diagnose(text, request == null ? null : Json.bytes(request.members)));
            } finally {
                Arrays.fill(text, (byte) 0);
            }
        }

        private List<Key> keys() {
            List<Key> keys = new ArrayList<>(nextKeys);
            if (key != null) {
                keys.add(0, key);
            }
            return keys;
        }

        private byte[] json() {
            JsonObject all = config.deepCopy();
            if (key != null) { // without one the library says so
                addKeys(all, keys());
            }
            return Json.bytes(all);
        }
    }
}

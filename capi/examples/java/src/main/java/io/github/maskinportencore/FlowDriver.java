package io.github.maskinportencore;

import com.google.gson.JsonObject;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Base64;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;

/** Fetches a token step by step, where the signing or the store is this program's. Everything else is the library's. */
final class FlowDriver {
    private static final long SIGNER_LIMIT_S = 5, STORE_LIMIT_S = 2;
    private static final ThreadLocal<ClientHandle> ASKED_FOR = new ThreadLocal<>();

    private final ClientHandle state;
    private final Library library;
    private final long source;
    private final Consumer<Token> early;
    private final long flow;

    private FlowDriver(ClientHandle state, long source, Consumer<Token> early) {
        this.state = state;
        this.library = state.library;
        this.source = source;
        this.early = early;
        this.flow = library.flowNew(source);
    }

    /** Returns the token. Early is told it before it is saved in a store, for those who wait. */
    static Token drive(ClientHandle state, long source, Consumer<Token> early) {
        FlowDriver driver = new FlowDriver(state, source, early);
        try {
            Token token;
            do {
                token = driver.step(driver.library.flowNext(driver.flow));
            } while (token == null);
            return token;
        } finally {
            driver.library.flowFree(driver.flow);
        }
    }

    /** Whether this thread is in a signer or store that was asked for the client. */
    static boolean isAskedFor(ClientHandle state) {
        return ASKED_FOR.get() == state;
    }

    private Token step(JsonObject step) {
        switch (Json.text(step, "step")) {
            case "done":
                return Token.of(step.getAsJsonObject("token"));
            case "failed":
                throw MaskinportenException.of(step.getAsJsonObject("error"));
            case "sign":
                sign(Json.text(step, "signing_input"));
                break;
            case "load":
                load(Json.text(step, "store_key"));
                break;
            case "save":
                landEarly();
                save(Json.text(step, "store_key"), Json.text(step, "entry"), Json.duration(step, "life_ms"));
                break;
            default:
                library.flowPerform(flow, -1);
        }
        return null;
    }

    private void load(String key) {
        Optional<String> entry = askStore(() -> Optional.ofNullable(state.store.load(key)));
        if (entry != null) { // it did not fail
            library.flowLoaded(flow, entry.map(Json::utf8).orElse(null));
        }
    }

    private void save(String key, String entry, Duration life) {
        Boolean saved = askStore(() -> {
            state.store.save(key, entry, life);
            return true;
        });
        if (saved != null) {
            library.flowSaved(flow);
        }
    }

    private <T> T askStore(Callable<T> call) {
        return ask("store", "connection_failed", STORE_LIMIT_S, call);
    }

    /** Hands out the token that is in the cache now: another flow begins, and ends, with it. */
    private void landEarly() {
        long other = library.flowNew(source);
        try {
            JsonObject step = library.flowNext(other);
            if (Json.text(step, "step").equals("done")) {
                early.accept(Token.of(step.getAsJsonObject("token")));
            }
        } finally {
            library.flowFree(other);
        }
    }

    private void sign(String signingInput) {
        JsonObject header =
                Json.object(Base64.getUrlDecoder().decode(signingInput.substring(0, signingInput.indexOf('.'))));
        Signer signer = state.keys().stream()
                .filter(key -> key.isSigner() && key.signs(header))
                .map(Key::signer)
                .findFirst()
                .orElse(null);
        if (signer == null) {
            library.flowPerform(flow, -1); // a key that the library holds
            return;
        }
        byte[] input = signingInput.getBytes(StandardCharsets.US_ASCII);
        byte[] signature = ask("signer", "signing_failed", SIGNER_LIMIT_S, () -> signer.sign(input));
        if (signature == null) {
            return;
        }
        try {
            library.flowSigned(flow, signature);
        } catch (MaskinportenException e) {
            if (!e.code().equals("invalid_signature")) {
                throw e;
            } // the next step says so
        }
    }

    /** What the program answers, or null if it failed, which the flow is then told. On its own thread: it may hang. */
    private <T> T ask(String who, String code, long limitS, Callable<T> call) {
        FutureTask<T> asking = new FutureTask<>(() -> {
            ASKED_FOR.set(state);
            return call.call();
        });
        Thread thread = new Thread(asking, "maskinporten-" + who);
        thread.setDaemon(true);
        thread.start();
        try {
            T answer = asking.get(limitS, TimeUnit.SECONDS);
            if (answer == null) {
                failed(code, "the " + who + " returned null", false);
            }
            return answer;
        } catch (TimeoutException e) {
            failed(code, "the " + who + " took longer than " + limitS + " s", true);
        } catch (ExecutionException e) {
            failed(code, String.valueOf(e.getCause().getMessage()), e.getCause() instanceof Signer.RetryableException);
        } catch (InterruptedException e) { // this thread is ours, and nobody interrupts it
            throw new IllegalStateException(e);
        } finally {
            asking.cancel(true);
        }
        return null;
    }

    private void failed(String code, String message, boolean retryable) {
        JsonObject reason = new JsonObject();
        reason.addProperty("code", code);
        reason.addProperty("message", message);
        reason.addProperty("retryable", retryable);
        library.flowFailed(flow, Json.bytes(reason));
    }
}

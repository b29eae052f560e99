package io.github.maskinportencore;

import com.google.gson.JsonObject;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** Fetches a token step by step, where this program does the signing. Everything else is the library's. */
final class FlowDriver {
    private static final long SIGNER_LIMIT_S = 5;
    private static final ThreadLocal<ClientHandle> SIGNING = new ThreadLocal<>();

    private FlowDriver() {}

    static Token drive(ClientHandle state, long source) {
        Library library = state.library;
        long flow = library.flowNew(source);
        try {
            while (true) {
                JsonObject step = library.flowNext(flow);
                switch (Json.text(step, "step")) {
                    case "done":
                        return Token.of(step.getAsJsonObject("token"));
                    case "failed":
                        throw MaskinportenException.of(step.getAsJsonObject("error"));
                    case "sign":
                        sign(state, flow, Json.text(step, "signing_input"));
                        break;
                    default:
                        library.flowPerform(flow, -1);
                }
            }
        } finally {
            library.flowFree(flow);
        }
    }

    /** Whether this thread is in a signer that signs for the client. */
    static boolean isSigningFor(ClientHandle state) {
        return SIGNING.get() == state;
    }

    private static void sign(ClientHandle state, long flow, String signingInput) {
        Library library = state.library;
        JsonObject header = Json.object(Base64.getUrlDecoder().decode(signingInput.substring(0, signingInput.indexOf('.'))));
        Signer signer = state.keys().stream().filter(key -> key.isSigner() && key.signs(header)).map(Key::signer).findFirst().orElse(null);
        if (signer == null) {
            library.flowPerform(flow, -1); // a key that the library holds
            return;
        }
        byte[] signature;
        try {
            signature = ask(signer, state, signingInput.getBytes(StandardCharsets.US_ASCII));
        } catch (TimeoutException e) {
            library.flowFailed(flow, reason("the signer took longer than " + SIGNER_LIMIT_S + " s", true));
            return;
        } catch (ExecutionException e) {
            library.flowFailed(flow, reason(String.valueOf(e.getCause().getMessage()), e.getCause() instanceof Signer.RetryableException));
            return;
        } catch (InterruptedException e) { // this thread is ours, and nobody interrupts it
            throw new IllegalStateException(e);
        }
        if (signature == null) {
            library.flowFailed(flow, reason("the signer returned null", false));
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

    /** On a thread of its own, because it may hang. */
    private static byte[] ask(Signer signer, ClientHandle state, byte[] signingInput) throws ExecutionException, TimeoutException, InterruptedException {
        FutureTask<byte[]> signing = new FutureTask<>(() -> {
            SIGNING.set(state);
            return signer.sign(signingInput);
        });
        Thread thread = new Thread(signing, "maskinporten-signer");
        thread.setDaemon(true);
        thread.start();
        try {
            return signing.get(SIGNER_LIMIT_S, TimeUnit.SECONDS);
        } finally {
            signing.cancel(true);
        }
    }

    private static byte[] reason(String message, boolean retryable) {
        JsonObject reason = new JsonObject();
        reason.addProperty("code", "signing_failed");
        reason.addProperty("message", message);
        reason.addProperty("retryable", retryable);
        return Json.bytes(reason);
    }
}

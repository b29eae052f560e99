package io.github.maskinportencore;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonPrimitive;
import java.util.Base64;

/** What a client signs with. It is checked when the client is made, and prints without its secret. */
public final class Key {
    private final JsonObject members;
    private final Signer signer;

    private Key(JsonObject members, Signer signer) {
        this.members = members;
        this.signer = signer;
    }

    /** A private key in PEM: PKCS#8 or PKCS#1, and with it the certificate chain if there is one. */
    public static Key pem(String pem) {
        return new Key(new JsonObject(), null).with("pem", pem);
    }

    /** A private key as a JWK, a JSON object. */
    public static Key jwk(String jwk) {
        JsonElement parsed;
        try {
            parsed = Json.parse(jwk);
        } catch (JsonParseException e) { // its message quotes the text
            throw MaskinportenException.local(
                    "invalid_key", 1004, "the JWK is not JSON", "Give the JWK as one JSON object.");
        }
        return new Key(Json.with(new JsonObject(), "jwk", parsed), null);
    }

    /** A PKCS#12 file with key and certificate chain (.p12, .pfx). */
    public static Key pkcs12(byte[] file, String password) {
        return new Key(new JsonObject(), null)
                .with("pkcs12", Base64.getEncoder().encodeToString(file))
                .password(password);
    }

    /** A key that this program signs with itself. */
    public static Key of(Signer signer) {
        JsonObject members = new JsonObject();
        members.addProperty("alg", signer.algorithm());
        members.addProperty("signature_size", signer.signatureSize());
        if (signer.keyId() != null) {
            members.addProperty("kid", signer.keyId());
        }
        if (!signer.certificateChain().isEmpty()) {
            JsonArray chain = new JsonArray();
            signer.certificateChain()
                    .forEach(der -> chain.add(Base64.getEncoder().encodeToString(der)));
            members.add("x5c", chain);
        }
        return new Key(members, signer);
    }

    /** The password of an encrypted PEM. */
    public Key password(String password) {
        return with("password", password);
    }

    /** The kid under which the key is registered, if it does not say so itself. */
    public Key kid(String kid) {
        return with("kid", kid);
    }

    /** "RS256", "RS384" or "RS512". */
    public Key algorithm(String alg) {
        return with("alg", alg);
    }

    /** The certificates of the key in PEM, the leaf first, if they are not in the same text. */
    public Key certificateChain(String pem) {
        return with("certificate_chain", pem);
    }

    private Key with(String name, String value) {
        return new Key(Json.with(members, name, value == null ? null : new JsonPrimitive(value)), signer);
    }

    JsonObject members() {
        return members;
    }

    boolean isSigner() {
        return signer != null;
    }

    Signer signer() {
        return signer;
    }

    /** Whether a grant with this header is to be signed with this key. */
    boolean signs(JsonObject header) {
        return members.has("x5c")
                ? members.get("x5c").equals(header.get("x5c"))
                : members.has("kid") && members.get("kid").equals(header.get("kid"));
    }

    @Override
    public String toString() {
        return signer == null ? "Key[redacted]" : "Key[signer, kid=" + signer.keyId() + "]";
    }
}

package io.github.maskinportencore;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import java.math.BigInteger;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.PrivateKey;
import java.security.interfaces.RSAPublicKey;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;

/** RSA keys that Java holds, and their registration at the sandbox. */
final class Keys {
    private Keys() {}

    static KeyPair generate() {
        try {
            KeyPairGenerator generator = KeyPairGenerator.getInstance("RSA");
            generator.initialize(2048);
            return generator.generateKeyPair();
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
    }

    /** The key of a PEM file (PKCS#8). */
    static PrivateKey read(String pem) {
        try {
            byte[] der = Base64.getMimeDecoder().decode(pem.replaceAll("-----[A-Z ]+-----", ""));
            return KeyFactory.getInstance("RSA").generatePrivate(new PKCS8EncodedKeySpec(der));
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
    }

    static String pem(KeyPair pair) {
        return "-----BEGIN PRIVATE KEY-----\n"
                + Base64.getMimeEncoder().encodeToString(pair.getPrivate().getEncoded())
                + "\n-----END PRIVATE KEY-----\n";
    }

    static JsonObject publicJwk(KeyPair pair, String kid) {
        RSAPublicKey key = (RSAPublicKey) pair.getPublic();
        JsonObject jwk = new JsonObject();
        jwk.addProperty("kty", "RSA");
        jwk.addProperty("use", "sig");
        jwk.addProperty("alg", "RS256");
        jwk.addProperty("kid", kid);
        jwk.addProperty("n", base64url(key.getModulus()));
        jwk.addProperty("e", base64url(key.getPublicExponent()));
        return jwk;
    }

    /** Registers one more key on the client of the sandbox. What is returned takes it away again. */
    static AutoCloseable register(Sandbox sandbox, KeyPair pair, String kid) {
        String keys = "clients/" + sandbox.setting("client_id");
        JsonArray before = sandbox.control("GET", keys, "").getAsJsonObject().getAsJsonArray("keys");
        JsonArray now = before.deepCopy();
        now.add(publicJwk(pair, kid));
        put(sandbox, keys + "/keys", now);
        return () -> put(sandbox, keys + "/keys", before);
    }

    private static void put(Sandbox sandbox, String where, JsonArray keys) {
        JsonObject set = new JsonObject();
        set.add("keys", keys);
        sandbox.control("PUT", where, set.toString());
    }

    private static String base64url(BigInteger number) {
        byte[] bytes = number.toByteArray();
        int from = bytes[0] == 0 ? 1 : 0;
        return Base64.getUrlEncoder()
                .withoutPadding()
                .encodeToString(java.util.Arrays.copyOfRange(bytes, from, bytes.length));
    }
}

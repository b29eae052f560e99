package io.github.maskinportencore.examples;

import io.github.maskinportencore.Signer;
import java.security.GeneralSecurityException;
import java.security.PrivateKey;
import java.security.Signature;
import java.security.interfaces.RSAKey;

/**
 * Signs with java.security. The private key may be one that Java holds, as in a test, or only a reference to one in an
 * HSM or KMS: with the provider SunPKCS11, or that of a cloud, it never leaves the machine that it is in.
 */
public final class JcaSigner implements Signer {
    private final String keyId;
    private final PrivateKey key;

    /**
     * @param keyId the kid under which the public key is registered
     * @param key an RSA key
     */
    public JcaSigner(String keyId, PrivateKey key) {
        this.keyId = keyId;
        this.key = key;
    }

    @Override
    public String keyId() {
        return keyId;
    }

    @Override
    public int signatureSize() {
        return (((RSAKey) key).getModulus().bitLength() + 7) / 8;
    }

    @Override
    public byte[] sign(byte[] signingInput) throws GeneralSecurityException {
        Signature signature = Signature.getInstance("SHA256withRSA");
        signature.initSign(key);
        signature.update(signingInput);
        return signature.sign();
    }
}

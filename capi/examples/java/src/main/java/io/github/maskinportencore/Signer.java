package io.github.maskinportencore;

import java.util.List;

/**
 * A key that this program signs with itself: in an HSM, a KMS, a smart card. The library never sees its private part.
 *
 * <p>It is called on a thread of its own, for each new token, and has five seconds. It is interrupted after that.
 */
public interface Signer {
    /** The signature's name in JOSE: "RS256", "RS384" or "RS512". */
    default String algorithm() {
        return "RS256";
    }

    /** The kid of a key that is registered at Maskinporten; null if the key has a certificate instead. */
    String keyId();

    /** The certificate chain of the key in DER, the leaf first (virksomhetssertifikat); empty if the key has a kid. */
    default List<byte[]> certificateChain() {
        return List.of();
    }

    /** How long a signature is in bytes: as long as the key's modulus. */
    default int signatureSize() {
        return 256;
    }

    /**
     * Signs with RSASSA-PKCS1-v1_5 and the hash of {@link #algorithm()}; "SHA256withRSA" in java.security.Signature.
     *
     * @return the raw signature
     * @throws Exception if that is not possible; what it says must not be secret. A {@link RetryableException} means
     *     that it may work a moment later.
     */
    byte[] sign(byte[] signingInput) throws Exception;

    /** Thrown by a signer that may succeed when it is asked again, such as a KMS that limits its callers. */
    final class RetryableException extends Exception {
        private static final long serialVersionUID = 1;

        public RetryableException(String message, Throwable cause) {
            super(message, cause);
        }
    }
}

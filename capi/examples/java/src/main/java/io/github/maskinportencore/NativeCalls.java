package io.github.maskinportencore;

/**
 * {@code maskinporten.h} in Java: the functions that are used here, with the same names and in the same order. Both
 * backends derive their calls from this interface, so it is the only place that knows the signatures.
 *
 * <p>A {@code byte[]} is a pointer to its bytes, a {@code long[]} or {@code int[]} a pointer to results, and null is
 * NULL. An {@code mp_buf} is a {@code long[2]}: the address of the data, and its length. Handles, {@code size_t} and
 * addresses are {@code long}: the library exists for 64-bit machines only.
 */
interface NativeCalls {
    int mp_abi_version();

    long mp_version();

    void mp_buf_free(long[] buf);

    int mp_live_handles(long[] count);

    int mp_client_new(byte[] config, long configLen, long[] client, long[] error);

    int mp_client_free(long client);

    int mp_client_rotate(long client, byte[] keys, long keysLen, long[] error);

    int mp_client_events(long client, long timeoutMs, long[] events, long[] error);

    int mp_client_status(long client, long[] status, long[] error);

    int mp_source_new(long client, byte[] request, long requestLen, long[] source, long[] error);

    int mp_source_free(long source);

    int mp_source_key(long source, long[] key, long[] error);

    int mp_source_token(long source, long timeoutMs, long[] token, long[] error);

    int mp_source_cancel(long source);

    int mp_source_peek(
            long source,
            byte[] accessToken,
            long capacity,
            long[] length,
            long[] usableMs,
            int[] refreshDue,
            long[] leaseMs);

    long mp_lease_epoch();

    int mp_source_invalidate(long source, byte[] accessToken, long accessTokenLen, long[] error);

    int mp_flow_new(long source, long[] flow, long[] error);

    int mp_flow_next(long flow, long[] step, long[] error);

    int mp_flow_signed(long flow, byte[] signature, long signatureLen, long[] error);

    int mp_flow_received(long flow, byte[] head, long headLen, byte[] body, long bodyLen, long[] error);

    int mp_flow_loaded(long flow, byte[] entry, long entryLen, long[] error);

    int mp_flow_saved(long flow, long[] error);

    int mp_flow_failed(long flow, byte[] reason, long reasonLen, long[] error);

    int mp_flow_perform(long flow, long timeoutMs, long[] error);

    int mp_flow_free(long flow);

    int mp_diagnose(byte[] config, long configLen, byte[] request, long requestLen, long[] report, long[] error);
}

package io.github.maskinportencore;

import java.time.Duration;

/**
 * A cache that several processes share, such as Redis: one of them fetches, the others find the token there. What is
 * stored is encrypted. A store that fails, or takes longer than two seconds, is passed over.
 */
public interface Store {
    /** What was saved under this key, or null. */
    String load(String key) throws Exception;

    /** Keeps an entry under this key, at most so long. */
    void save(String key, String entry, Duration life) throws Exception;
}

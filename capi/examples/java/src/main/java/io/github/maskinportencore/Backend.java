package io.github.maskinportencore;

import java.nio.ByteBuffer;

/** A way to call a C library from Java. */
interface Backend {
    /** "jna" or "ffm". */
    String name();

    NativeCalls calls();

    /** The memory at an address, which stays where it is and as it is as long as the library says so. */
    ByteBuffer memory(long address, long size);

    /** Loads the library. Throws an exception or error that says why that is not possible. */
    static Backend load(String name, String file) throws ReflectiveOperationException {
        Class<?> found = Class.forName(
                Backend.class.getPackageName() + (name.equals("ffm") ? ".ForeignBackend" : ".JnaBackend"));
        return (Backend) found.getDeclaredConstructor(String.class).newInstance(file);
    }

    /** The one that is used unless the property maskinporten.backend names another. */
    static String preferred() {
        String named = System.getProperty("maskinporten.backend");
        if (named != null) {
            return named;
        }
        // The class is in the part of the jar that Java 22 and later see.
        return Backend.class.getResource("ForeignBackend.class") == null ? "jna" : "ffm";
    }
}

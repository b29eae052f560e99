package io.github.maskinportencore;

import com.sun.jna.Native;
import com.sun.jna.NativeLibrary;
import com.sun.jna.Pointer;
import java.lang.reflect.Method;
import java.nio.ByteBuffer;

/** Through JNA, on every Java from 17. */
final class JnaBackend implements Backend {
    /** The same functions, as JNA wants to see them. */
    interface Functions extends NativeCalls, com.sun.jna.Library {}

    private final NativeCalls calls;

    JnaBackend(String file) {
        NativeLibrary library = NativeLibrary.getInstance(file);
        calls = Native.load(file, Functions.class);
        if (calls.mp_abi_version() == Library.ABI_VERSION) {
            for (Method method : NativeCalls.class.getDeclaredMethods()) {
                library.getFunction(method.getName()); // throws if there is none, now and not at the first call
            }
        }
    }

    @Override
    public String name() {
        return "jna";
    }

    @Override
    public NativeCalls calls() {
        return calls;
    }

    @Override
    public ByteBuffer memory(long address, long size) {
        return new Pointer(address).getByteBuffer(0, size);
    }
}

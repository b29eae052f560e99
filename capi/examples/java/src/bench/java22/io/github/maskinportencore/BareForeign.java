package io.github.maskinportencore;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;
import java.util.function.IntSupplier;

/**
 * As directly as java.lang.foreign can: mp_abi_version, which ends in the C shim, and mp_live_handles, which goes on
 * into Go.
 */
public final class BareForeign {
    private static final MemorySegment COUNT = Arena.global().allocate(ValueLayout.JAVA_LONG);
    private static final MethodHandle ABI_VERSION =
            handle("mp_abi_version", FunctionDescriptor.of(ValueLayout.JAVA_INT));
    private static final MethodHandle LIVE_HANDLES =
            handle("mp_live_handles", FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.ADDRESS));

    private BareForeign() {}

    private static MethodHandle handle(String name, FunctionDescriptor shape) {
        SymbolLookup symbols =
                SymbolLookup.libraryLookup(Path.of(System.getenv("MASKINPORTEN_LIBRARY")), Arena.global());
        return Linker.nativeLinker().downcallHandle(symbols.find(name).orElseThrow(), shape);
    }

    public static IntSupplier[] calls() {
        return new IntSupplier[] {BareForeign::abiVersion, BareForeign::liveHandles};
    }

    private static int abiVersion() {
        try {
            return (int) ABI_VERSION.invokeExact();
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    private static int liveHandles() {
        try {
            return (int) LIVE_HANDLES.invokeExact(COUNT) + 1;
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }
}

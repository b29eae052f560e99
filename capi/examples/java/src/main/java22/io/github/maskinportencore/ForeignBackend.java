package io.github.maskinportencore;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.stream.Stream;

/** Through java.lang.foreign, on Java 22 and later: no other library is needed. */
@SuppressWarnings("restricted") // native access is what it is for
final class ForeignBackend implements Backend {
    private final NativeCalls calls;

    ForeignBackend(String file) {
        // The global arena: a Go library cannot be unloaded.
        SymbolLookup symbols = Path.of(file).isAbsolute()
                ? SymbolLookup.libraryLookup(Path.of(file), Arena.global())
                : SymbolLookup.libraryLookup(file, Arena.global());
        Map<String, MethodHandle> handles = new HashMap<>();
        handles.put("mp_abi_version", handle(symbols, "mp_abi_version", JAVA_INT));
        calls = proxy(handles);
        if (calls.mp_abi_version() == Library.ABI_VERSION) {
            for (Method method : NativeCalls.class.getDeclaredMethods()) {
                MemoryLayout[] parameters = Stream.of(method.getParameterTypes())
                        .map(ForeignBackend::layout)
                        .toArray(MemoryLayout[]::new);
                MemoryLayout result = method.getReturnType() == void.class ? null : layout(method.getReturnType());
                handles.put(method.getName(), handle(symbols, method.getName(), result, parameters));
            }
        }
    }

    @Override
    public String name() {
        return "ffm";
    }

    @Override
    public NativeCalls calls() {
        return calls;
    }

    @Override
    public ByteBuffer memory(long address, long size) {
        return MemorySegment.ofAddress(address).reinterpret(size).asByteBuffer();
    }

    private static MethodHandle handle(
            SymbolLookup symbols, String name, MemoryLayout result, MemoryLayout... parameters) {
        MemorySegment function =
                symbols.find(name).orElseThrow(() -> new UnsatisfiedLinkError("it has no function " + name));
        FunctionDescriptor shape =
                result == null ? FunctionDescriptor.ofVoid(parameters) : FunctionDescriptor.of(result, parameters);
        MethodHandle exact = Linker.nativeLinker().downcallHandle(function, shape);
        return exact.asSpreader(Object[].class, parameters.length)
                .asType(exact.type()
                        .dropParameterTypes(0, parameters.length)
                        .appendParameterTypes(Object[].class)
                        .changeReturnType(Object.class));
    }

    private static MemoryLayout layout(Class<?> type) {
        return type == long.class ? JAVA_LONG : type == int.class ? JAVA_INT : ADDRESS;
    }

    /** The interface over the handles. Arrays are copied to native memory for the time of a call, and results back. */
    private static NativeCalls proxy(Map<String, MethodHandle> handles) {
        return (NativeCalls) Proxy.newProxyInstance(
                NativeCalls.class.getClassLoader(), new Class<?>[] {NativeCalls.class}, (self, method, given) -> {
                    if (method.getDeclaringClass() == Object.class) {
                        return method.invoke(handles, given);
                    }
                    Object[] arguments = given == null ? new Object[0] : given;
                    try (Arena arena = Arena.ofConfined()) {
                        Object[] passed = new Object[arguments.length];
                        for (int i = 0; i < passed.length; i++) {
                            passed[i] = passed(arguments[i], method.getParameterTypes()[i], arena);
                        }
                        try {
                            return (Object) handles.get(method.getName()).invokeExact(passed);
                        } finally {
                            for (int i = 0; i < passed.length; i++) {
                                takeBack(passed[i], arguments[i]);
                            }
                        }
                    }
                });
    }

    private static Object passed(Object value, Class<?> type, Arena arena) {
        if (type.isArray() && value == null) {
            return MemorySegment.NULL;
        }
        if (value instanceof byte[] bytes) {
            return arena.allocateFrom(JAVA_BYTE, bytes);
        }
        if (value instanceof long[] numbers) {
            return arena.allocateFrom(JAVA_LONG, numbers);
        }
        return value instanceof int[] numbers ? arena.allocateFrom(JAVA_INT, numbers) : value;
    }

    /** Copies what the call wrote, and wipes the native memory: it may have held a key or a token. */
    private static void takeBack(Object passed, Object given) {
        if (passed instanceof MemorySegment segment && given != null) {
            MemorySegment array = given instanceof byte[] bytes
                    ? MemorySegment.ofArray(bytes)
                    : given instanceof long[] numbers
                            ? MemorySegment.ofArray(numbers)
                            : MemorySegment.ofArray((int[]) given);
            array.copyFrom(segment);
            segment.fill((byte) 0);
        }
    }
}

package io.github.maskinportencore;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Loading the library, and living with it in one process. */
class LibraryTest extends SandboxTest {
    @TempDir
    Path folder;

    private MaskinportenException refused(String file) {
        MaskinportenException e = fails("library_unavailable", () -> Library.load(Maskinporten.backend(), file));
        assertTrue(e.getMessage().contains(file) && e.getMessage().contains(e.remedy()), e.getMessage());
        return e;
    }

    private String compiled(String name, String code) throws IOException, InterruptedException {
        Path source = Files.writeString(folder.resolve(name + ".c"), code), library = folder.resolve(name + ".so");
        String compiler = System.getenv().getOrDefault("CC", "cc");
        Process process = new ProcessBuilder(compiler, "-shared", "-fPIC", "-o", library.toString(), source.toString())
                .inheritIO()
                .start();
        assertTrue(process.waitFor(60, TimeUnit.SECONDS) && process.exitValue() == 0, "the compiler");
        return library.toString();
    }

    @Test
    void aLibraryThatDoesNotFitIsRefusedWithTheReason() throws Exception {
        assertTrue(refused(folder.resolve("none.so").toString()).remedy().contains("MASKINPORTEN_LIBRARY"));
        assertTrue(refused("libnosuchmaskinporten.so").remedy().startsWith("Install"));
        refused(System.getenv("MASKINPORTEN_COMMAND")); // a program, not a library
        String other = compiled("other", "int mp_abi_version(void) { return 2; }");
        assertTrue(refused(other).getMessage().contains("ABI version 2, and this package needs 1"));
        String half = compiled("half", "int mp_abi_version(void) { return 1; }");
        assertTrue(refused(half).getMessage().contains("mp_"));
        refused(compiled("foreign", "int something_else(void) { return 0; }"));
    }

    @Test
    void theVersionIsThatOfTheLibrary() {
        assertEquals("0.1.0", Maskinporten.libraryVersion());
        assertEquals(System.getProperty("expected.backend"), Maskinporten.backend());
    }

    /** Go's runtime takes over the signals that the JVM works with, and must give back those that are the JVM's. */
    @Test
    void theJvmStillGetsItsOwnSignals() throws Exception {
        Runnable both = () -> {
            try (Maskinporten client = sandbox.client()) {
                client.source(sandbox.scope("plain")).token();
                for (int i = 0; i < 50_000; i++) { // compiled on the way: then there is no check but the signal
                    int divisor = i % 2, text = i % 3;
                    assertThrows0(ArithmeticException.class, () -> 1 / (divisor - divisor));
                    assertThrows0(NullPointerException.class, () -> (text < 0 ? "" : null).length());
                }
                assertThrows(StackOverflowError.class, () -> endless(0));
                client.source(sandbox.scope("plain")).token();
            }
        };
        both.run();
        Thread other = new Thread(both);
        Throwable[] failure = new Throwable[1];
        other.setUncaughtExceptionHandler((thread, e) -> failure[0] = e);
        other.start();
        other.join();
        assertNull(failure[0]);
    }

    @Test
    void theSmallestStackIsEnough() throws Exception {
        Throwable[] failure = new Throwable[1];
        Thread small = new Thread(
                null,
                () -> {
                    try (Maskinporten client = sandbox.client()) {
                        client.source(sandbox.scope("plain")).token();
                    }
                },
                "small",
                1);
        small.setUncaughtExceptionHandler((thread, e) -> failure[0] = e);
        small.start();
        small.join();
        assertNull(failure[0]);
    }

    /** A program whose main ends while a token is fetched; it needs neither a close nor an exit. */
    static final class Ending {
        private Ending() {}

        public static void main(String[] none) throws Exception {
            CountDownLatch begun = new CountDownLatch(1);
            Maskinporten client = NaisVariables.builder(System.getenv())
                    .onEvent(event -> begun.countDown())
                    .build();
            client.source("sandbox:plain").tokenAsync();
            begun.await();
            System.out.println("main ends");
        }
    }

    @Test
    void aProgramMayEndDuringAFetch() throws Exception {
        sandbox.faults("[{\"path\": \"/token\", \"kind\": \"hang\"}]");
        ProcessBuilder program = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-cp",
                        System.getProperty("java.class.path"),
                        Ending.class.getName())
                .redirectErrorStream(true);
        program.environment().putAll(sandbox.variables());
        Process process = program.start();
        assertTrue(process.waitFor(20, TimeUnit.SECONDS), "it ends by itself");
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, process.exitValue(), said);
        assertTrue(said.contains("main ends"), said);
    }

    private interface Value {
        int get();
    }

    private static void assertThrows0(Class<? extends RuntimeException> expected, Value value) {
        try {
            value.get();
        } catch (RuntimeException e) {
            if (expected.isInstance(e)) {
                return;
            }
        }
        throw new AssertionError("no " + expected);
    }

    private static int endless(int depth) {
        return endless(depth + 1) + 1;
    }
}

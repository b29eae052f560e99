package io.github.maskinportencore;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.fail;

import java.time.Duration;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.function.Executable;

/** Tests against the sandbox. Each of them must leave no handle alive in the library. */
@Timeout(60)
abstract class SandboxTest {
    final Sandbox sandbox = Sandbox.get();

    @BeforeEach
    void begin() {
        sandbox.reset();
    }

    @AfterEach
    void nothingIsLeft() {
        sandbox.faults("[]");
        until("all handles are freed", () -> Library.get().liveHandles() == 0);
    }

    /** Returns as soon as the condition holds; fails when it does not in time. */
    static void until(String what, BooleanSupplier condition) {
        long end = System.nanoTime() + Duration.ofSeconds(20).toNanos();
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() > end) {
                fail("it did not happen in time: " + what);
            }
            pause(5);
        }
    }

    static void pause(long millis) {
        try {
            Thread.sleep(millis);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    static MaskinportenException fails(String code, Executable call) {
        MaskinportenException e = assertThrows(MaskinportenException.class, call);
        assertEquals(code, e.code(), e.getMessage());
        return e;
    }
}

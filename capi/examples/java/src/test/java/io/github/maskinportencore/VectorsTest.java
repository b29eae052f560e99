package io.github.maskinportencore;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The cases that every language runs. */
class VectorsTest extends SandboxTest {
    private static final Map<String, Integer> RAN = new TreeMap<>(), LEFT_OUT = new TreeMap<>();
    private static final Pattern GIVEN =
            Pattern.compile("\"(now_ms|jti|random|at_ms|wall_ms|waits_ms|again_in_ms|clock_offset_ms|iat_s)\":");

    static List<String> files() {
        return Vectors.files();
    }

    @ParameterizedTest
    @MethodSource("files")
    void everyCaseOf(String name) {
        JsonObject file = Vectors.read(name);
        String operation = file.get("operation").getAsString();
        ExecutorService threads = Executors.newFixedThreadPool(32); // so that their pauses overlap
        try {
            List<CompletableFuture<String>> running = new ArrayList<>();
            for (JsonObject one : Vectors.cases(file, true)) {
                running.add(CompletableFuture.supplyAsync(
                        () -> {
                            String why = VectorRunner.run(operation, one);
                            return why == null ? null : one.get("name") + ": " + why;
                        },
                        threads));
            }
            List<String> wrong = running.stream()
                    .map(CompletableFuture::join)
                    .filter(Objects::nonNull)
                    .toList();
            assertEquals(List.of(), wrong);
            RAN.put(name, running.size());
            for (JsonObject one : Vectors.cases(file, false)) {
                String reason = GIVEN.matcher(one.toString()).find()
                        ? "sets the clock, the random numbers or the jti"
                        : "only a Go program can say this: " + one.get("name").getAsString();
                LEFT_OUT.merge(name + ", " + reason, 1, Integer::sum);
            }
        } finally {
            threads.shutdown();
        }
    }

    @Test
    void thereAreVectors() {
        assertTrue(Vectors.files().stream()
                        .mapToInt(
                                name -> Vectors.cases(Vectors.read(name), true).size())
                        .sum()
                >= 700);
    }

    @AfterAll
    static void tell() {
        StringBuilder told = new StringBuilder("Shared vectors through " + Maskinporten.backend() + ": " + sum(RAN)
                + " ran. Not expressible through the ABI: " + sum(LEFT_OUT));
        LEFT_OUT.forEach((what, count) ->
                told.append("\n  ").append(count).append(" of ").append(what));
        System.out.println(told);
    }

    private static int sum(Map<String, Integer> counts) {
        return counts.values().stream().mapToInt(Integer::intValue).sum();
    }
}

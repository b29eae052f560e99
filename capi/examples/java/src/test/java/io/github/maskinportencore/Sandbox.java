package io.github.maskinportencore;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;

/** A strict Maskinporten on this machine, run by the command of MASKINPORTEN_COMMAND. It ends with this process. */
final class Sandbox {
    private static Sandbox running;

    final JsonObject settings;
    final Path folder;
    private final Process process;
    private final HttpClient http = HttpClient.newHttpClient();

    private Sandbox() throws IOException {
        folder = Files.createTempDirectory("maskinporten-java-");
        process = new ProcessBuilder(
                        System.getenv().getOrDefault("MASKINPORTEN_COMMAND", "maskinporten"),
                        "sandbox",
                        "--until-stdin-closes",
                        "--out",
                        folder.toString())
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
        Runtime.getRuntime().addShutdownHook(new Thread(this::end));
        BufferedReader said =
                new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
        String line = said.readLine();
        if (line == null || !line.startsWith("ready ")) {
            throw new IllegalStateException("the sandbox did not start: " + line);
        }
        settings = JsonParser.parseString(Files.readString(folder.resolve("settings.json")))
                .getAsJsonObject();
    }

    static synchronized Sandbox get() {
        if (running == null) {
            try {
                running = new Sandbox();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
        return running;
    }

    private void end() {
        try {
            process.getOutputStream().close();
            process.waitFor();
            try (var files = Files.list(folder)) {
                for (Path file : files.toList()) {
                    Files.delete(file);
                }
            }
            Files.delete(folder);
        } catch (IOException | InterruptedException e) {
            process.destroy();
        }
    }

    String setting(String name) {
        return settings.get(name).getAsString();
    }

    String scope(String use) {
        return settings.getAsJsonObject("scopes").get(use).getAsString();
    }

    String file(String name) {
        try {
            return Files.readString(Path.of(setting(name)));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    Environment environment() {
        return Environment.of(setting("issuer"), setting("token_endpoint"))
                .metadataUrl(setting("metadata_url"))
                .customsTokenEndpoint(setting("customs_token_endpoint"))
                .customsTestAuth(setting("customs_test_auth"))
                .allowLoopbackHttp();
    }

    Key key() {
        return Key.pem(file("key_pem")).kid(setting("kid"));
    }

    Maskinporten.Builder builder() {
        return Maskinporten.builder()
                .environment(environment())
                .clientId(setting("client_id"))
                .key(key());
    }

    Maskinporten client() {
        return builder().build();
    }

    JsonObject journal() {
        return control("GET", "journal", "").getAsJsonObject();
    }

    /** How many requests came for a path, such as "/token". */
    int count(String path) {
        JsonElement count = journal().getAsJsonObject("counts").get(path);
        return count == null ? 0 : count.getAsInt();
    }

    int tokens() {
        return count("/token");
    }

    void reset() {
        control("DELETE", "journal", "");
        faults("[]");
    }

    /** Replaces all faults, such as [{"path": "/token", "latency_ms": 2000, "times": 1}]. */
    void faults(String json) {
        control("PUT", "faults", json);
    }

    JsonElement control(String method, String what, String body) {
        HttpRequest request = HttpRequest.newBuilder(URI.create(setting("control") + "/" + what))
                .timeout(Duration.ofSeconds(10))
                .header("Content-Type", "application/json")
                .method(method, BodyPublishers.ofString(body))
                .build();
        try {
            HttpResponse<String> answer = http.send(request, BodyHandlers.ofString());
            if (answer.statusCode() >= 300) {
                throw new IllegalStateException(method + " " + what + ": " + answer.statusCode() + " " + answer.body());
            }
            return JsonParser.parseString(answer.body());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    /** The variables that NAIS would give. */
    Map<String, String> variables() {
        return Map.of(
                "MASKINPORTEN_CLIENT_ID", setting("client_id"),
                "MASKINPORTEN_CLIENT_JWK", file("key_jwk"),
                "MASKINPORTEN_ISSUER", setting("issuer"),
                "MASKINPORTEN_TOKEN_ENDPOINT", setting("token_endpoint"),
                "MASKINPORTEN_WELL_KNOWN_URL", setting("metadata_url"),
                "MASKINPORTEN_CUSTOMS_TOKEN_ENDPOINT", setting("customs_token_endpoint"),
                "MASKINPORTEN_ALLOW_LOOPBACK_HTTP", "true");
    }
}

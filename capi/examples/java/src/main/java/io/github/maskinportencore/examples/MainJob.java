package io.github.maskinportencore.examples;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.github.maskinportencore.Environment;
import io.github.maskinportencore.Exchange;
import io.github.maskinportencore.Key;
import io.github.maskinportencore.Maskinporten;
import io.github.maskinportencore.MaskinportenException;
import io.github.maskinportencore.Source;
import io.github.maskinportencore.Token;
import io.github.maskinportencore.TokenRequest;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;

/**
 * The whole job: a token, its exchange at Norwegian Customs, and a call with the result through java.net.http.
 *
 * <p>Its argument is the path of a settings.json, written by {@code maskinporten sandbox --out DIR}, or by hand for
 * Maskinporten's test environment. Prints one line of JSON and no secret.
 */
public final class MainJob {
    private MainJob() {}

    public static void main(String[] arguments) throws Exception {
        if (arguments.length != 1) {
            System.err.println("usage: java -jar maskinporten.jar settings.json");
            System.exit(2);
        }
        JsonObject settings =
                JsonParser.parseString(Files.readString(Path.of(arguments[0]))).getAsJsonObject();
        JsonObject done = new JsonObject();
        done.addProperty("grant", false);
        done.addProperty("token", false);
        done.addProperty("customs", false);
        done.addProperty("test_auth", 0);
        done.addProperty("expires_in_s", 0);
        try {
            run(settings, done);
        } catch (MaskinportenException e) {
            System.err.println(e.getMessage()); // says what to do, and holds no secret
        }
        System.out.println(done);
        System.exit(done.get("test_auth").getAsInt() == 200 ? 0 : 1);
    }

    private static void run(JsonObject settings, JsonObject done) throws Exception {
        try (Maskinporten client = client(settings)) {
            String scope = settings.getAsJsonObject("scopes").get("customs").getAsString();
            // The grant is signed here and accepted there; the answer is the token.
            Token token = client.source(scope).token();
            done.addProperty("grant", true);
            done.addProperty("token", token.expiresAt().isAfter(Instant.now()));
            // The same again, with the second hop. The first token comes from the cache.
            Source customs = client.source(TokenRequest.scopes(scope).exchange(Exchange.customs()));
            Token exchanged = customs.token();
            done.addProperty("customs", !exchanged.accessToken().equals(token.accessToken()));
            done.addProperty(
                    "expires_in_s",
                    Duration.between(Instant.now(), exchanged.expiresAt()).toSeconds());
            // If the API answered 401, this would fetch a new token and ask once more.
            HttpRequest request = HttpRequest.newBuilder(
                            URI.create(settings.get("customs_test_auth").getAsString()))
                    .timeout(Duration.ofSeconds(10))
                    .build();
            done.addProperty(
                    "test_auth",
                    customs.send(HttpClient.newHttpClient(), request, BodyHandlers.discarding())
                            .statusCode());
            done.addProperty("backend", Maskinporten.backend());
        }
    }

    private static Maskinporten client(JsonObject settings) throws Exception {
        Environment environment = Environment.of(
                        settings.get("issuer").getAsString(),
                        settings.get("token_endpoint").getAsString())
                .customsTokenEndpoint(settings.get("customs_token_endpoint").getAsString())
                .customsTestAuth(settings.get("customs_test_auth").getAsString());
        if (settings.get("issuer").getAsString().startsWith("http://")) {
            environment = environment.allowLoopbackHttp(); // a sandbox on this machine
        }
        return Maskinporten.builder()
                .environment(environment)
                .clientId(settings.get("client_id").getAsString())
                .key(Key.pem(Files.readString(Path.of(settings.get("key_pem").getAsString())))
                        .kid(settings.get("kid").getAsString()))
                .build();
    }
}

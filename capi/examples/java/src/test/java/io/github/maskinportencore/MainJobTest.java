package io.github.maskinportencore;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonObject;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** What programs do with a client, from the key to the API. */
class MainJobTest extends SandboxTest {
    @Test
    void aTokenIsFetchedOnceAndThenCached() {
        try (Maskinporten client = sandbox.client()) {
            Source source = client.source(sandbox.scope("plain"));
            assertNull(source.peek());
            assertEquals(0, sandbox.tokens(), "peek fetches nothing");
            Token token = source.token();
            assertEquals("Bearer", token.tokenType());
            assertEquals(sandbox.scope("plain"), token.scope());
            assertEquals(Duration.ofSeconds(120), Duration.between(token.requestedAt(), token.expiresAt()));
            assertTrue(token.usableUntil().isBefore(token.expiresAt())
                    && token.usableUntil().isAfter(Instant.now()));
            assertEquals("Bearer " + token.accessToken(), token.header());
            assertSame(token, source.token());
            assertSame(token, source.peek());
            assertEquals(
                    token,
                    client.source(sandbox.scope("plain")).token(),
                    "sources with equal requests share one token");
            assertEquals(1, sandbox.tokens());
        }
    }

    @Test
    void aTokenIsExchangedAtCustomsAndOpensTheApi() throws Exception {
        HttpRequest request = HttpRequest.newBuilder(URI.create(sandbox.setting("customs_test_auth")))
                .build();
        try (Maskinporten client = sandbox.client()) {
            TokenRequest plain = TokenRequest.scopes(sandbox.scope("customs"));
            Source customs = client.source(plain.exchange(Exchange.customs()));
            HttpClient http = HttpClient.newHttpClient();
            assertEquals(401, http.send(request, BodyHandlers.discarding()).statusCode(), "the API wants a token");
            assertEquals(
                    200, customs.send(http, request, BodyHandlers.discarding()).statusCode());
            assertFalse(client.source(plain)
                    .token()
                    .accessToken()
                    .equals(customs.token().accessToken()));
            assertNotEquals(client.source(plain).key(), customs.key());
            assertEquals(1, sandbox.tokens());
        }
    }

    @Test
    void after401TheTokenIsFetchedAnewOnce() throws Exception {
        URI api = URI.create(sandbox.setting("customs_test_auth"));
        HttpRequest request =
                HttpRequest.newBuilder(api).header("X-Own", "kept").build();
        try (Maskinporten client = sandbox.client()) {
            Source customs =
                    client.source(TokenRequest.scopes(sandbox.scope("customs")).exchange(Exchange.customs()));
            Token before = customs.token();
            HttpClient http = HttpClient.newHttpClient();
            sandbox.faults("[{\"path\": \"" + api.getPath() + "\", \"status\": 401, \"times\": 1}]");
            assertEquals(
                    200,
                    customs.send(http, request, BodyHandlers.ofInputStream()).statusCode());
            assertEquals(2, sandbox.count(api.getPath()));
            assertFalse(before.accessToken().equals(customs.token().accessToken()));
            // An API that refuses every token gets one more request, and no storm.
            sandbox.faults("[{\"path\": \"" + api.getPath() + "\", \"status\": 401}]");
            assertEquals(
                    401, customs.send(http, request, BodyHandlers.discarding()).statusCode());
            assertTrue(sandbox.count(api.getPath()) <= 4);
        }
    }

    @Test
    void whatIsAskedForReachesMaskinporten() {
        JsonObject user = sandbox.settings.getAsJsonObject("system_user");
        JsonObject consent = sandbox.settings.getAsJsonObject("consent");
        try (Maskinporten client = sandbox.client()) {
            String customer = sandbox.setting("customer_organization");
            client.source(TokenRequest.scopes(sandbox.scope("delegated")).consumerOrg(customer))
                    .token();
            client.source(TokenRequest.scopes(sandbox.scope("system_user"))
                            .systemUser(
                                    user.get("org").getAsString(),
                                    user.get("external_ref").getAsString()))
                    .token();
            client.source(TokenRequest.scopes(sandbox.scope("consent"))
                            .consent(
                                    consent.get("id").getAsString(),
                                    consent.get("from").getAsString()))
                    .token();
            client.source(TokenRequest.scopes(sandbox.scope("plain"), sandbox.scope("other"))
                            .resource("https://api.example.no", "https://b.example.no"))
                    .token();
            Token altinn = client.source(TokenRequest.scopes(sandbox.scope("plain"))
                            .exchange(Exchange.altinnAt(sandbox.setting("altinn_exchange"))))
                    .token();
            assertEquals(5, sandbox.tokens());
            assertFalse(altinn.accessToken().isEmpty());
            assertEquals(
                    customer,
                    sandbox.journal()
                            .getAsJsonArray("requests")
                            .get(0)
                            .getAsJsonObject()
                            .get("consumer_org")
                            .getAsString());
        }
    }

    @Test
    void everyKindOfKey() throws Exception {
        byte[] p12 = Files.readAllBytes(Path.of(sandbox.setting("certificate_p12")));
        byte[] seal = Files.readAllBytes(
                Path.of(sandbox.settings.getAsJsonObject("eseal").get("p12").getAsString()));
        String sealPassword =
                sandbox.settings.getAsJsonObject("eseal").get("password").getAsString();
        Maskinporten.Builder certificate = Maskinporten.builder()
                .environment(sandbox.environment())
                .clientId(sandbox.setting("certificate_client_id"))
                .key(Key.pkcs12(p12, sandbox.setting("certificate_password")));
        Maskinporten.Builder eseal = Maskinporten.builder()
                .environment(sandbox.environment())
                .clientId("any-name")
                .eseal()
                .key(Key.pkcs12(seal, sealPassword));
        try (Maskinporten jwk = sandbox.builder()
                        .key(Key.jwk(sandbox.file("key_jwk")))
                        .grantLife(Duration.ofSeconds(30))
                        .cacheLimit(5)
                        .build();
                Maskinporten virksomhet = certificate.build();
                Maskinporten european = eseal.build()) {
            jwk.source(sandbox.scope("plain")).token();
            assertEquals(5, jwk.status().cacheLimit());
            virksomhet.source(sandbox.scope("plain")).token();
            assertTrue(virksomhet.status().keys().get(0).notAfter().isAfter(Instant.now()));
            european.source(sandbox.scope("eseal")).token();
        }
    }

    @Test
    void theVariablesOfNaisAreEnough() {
        try (Maskinporten client = NaisVariables.builder(sandbox.variables()).build()) {
            client.source(TokenRequest.scopes(sandbox.scope("customs")).exchange(Exchange.customs()))
                    .token();
        }
        Map<String, String> half = new HashMap<>(sandbox.variables());
        half.remove("MASKINPORTEN_ISSUER");
        MaskinportenException e = fails("invalid_configuration", () -> NaisVariables.builder(half));
        assertTrue(e.getMessage().contains("not set: MASKINPORTEN_ISSUER."), e.getMessage());
    }

    @Test
    void nothingThatPrintsShowsASecret() {
        String pem = sandbox.file("key_pem");
        try (Maskinporten client = sandbox.client()) {
            Source source =
                    client.source(TokenRequest.scopes(sandbox.scope("plain")).extraClaims(Map.of()));
            Token token = source.token();
            String all =
                    client + " " + source + " " + token + " " + sandbox.key() + " " + Key.jwk(sandbox.file("key_jwk"))
                            + " " + client.status() + new Library.Peeked(token.accessToken(), 1, false, 1);
            assertFalse(all.contains(token.accessToken())
                    || all.contains(pem.lines().toList().get(1)));
            assertTrue(all.contains("redacted"));
        }
    }
}

package io.github.maskinportencore;

import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * MASKINPORTEN_CLIENT_ID, MASKINPORTEN_CLIENT_JWK, MASKINPORTEN_ISSUER and MASKINPORTEN_TOKEN_ENDPOINT;
 * MASKINPORTEN_WELL_KNOWN_URL may be absent. A sandbox gives two more: MASKINPORTEN_CUSTOMS_TOKEN_ENDPOINT, and
 * MASKINPORTEN_ALLOW_LOOPBACK_HTTP=true, which permits plain http to this machine.
 */
final class NaisVariables {
    private NaisVariables() {}

    static Maskinporten.Builder builder(Map<String, String> variables) {
        String missing = Stream.of("CLIENT_ID", "CLIENT_JWK", "ISSUER", "TOKEN_ENDPOINT")
                .map(name -> "MASKINPORTEN_" + name)
                .filter(name -> given(variables, name) == null)
                .collect(Collectors.joining(", "));
        if (!missing.isEmpty()) {
            throw MaskinportenException.local(
                    "invalid_configuration",
                    1002,
                    "variables that are not set: " + missing,
                    "Set the variables that NAIS gives an application with maskinporten enabled.");
        }
        Environment environment =
                Environment.of(variables.get("MASKINPORTEN_ISSUER"), variables.get("MASKINPORTEN_TOKEN_ENDPOINT"));
        String metadata = given(variables, "MASKINPORTEN_WELL_KNOWN_URL");
        if (metadata != null) {
            environment = environment.metadataUrl(metadata);
        }
        String customs = given(variables, "MASKINPORTEN_CUSTOMS_TOKEN_ENDPOINT");
        if (customs != null) {
            environment = environment.customsTokenEndpoint(customs);
        }
        if ("true".equals(variables.get("MASKINPORTEN_ALLOW_LOOPBACK_HTTP"))) {
            environment = environment.allowLoopbackHttp();
        }
        return Maskinporten.builder()
                .environment(environment)
                .clientId(variables.get("MASKINPORTEN_CLIENT_ID"))
                .key(Key.jwk(variables.get("MASKINPORTEN_CLIENT_JWK")));
    }

    private static String given(Map<String, String> variables, String name) {
        String value = variables.get(name);
        return value == null || value.isEmpty() ? null : value;
    }
}

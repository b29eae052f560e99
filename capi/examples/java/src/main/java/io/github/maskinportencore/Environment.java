package io.github.maskinportencore;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;

/** An installation of Maskinporten. */
public final class Environment {
    /** Digdir's test environment, test.maskinporten.no. */
    public static final Environment TEST = new Environment(new JsonPrimitive("test"));

    /** Maskinporten itself. */
    public static final Environment PRODUCTION = new Environment(new JsonPrimitive("production"));

    /** Skyporten's test environment. */
    public static final Environment SKYPORTEN_TEST = new Environment(new JsonPrimitive("skyporten-test"));

    /** Skyporten. */
    public static final Environment SKYPORTEN = new Environment(new JsonPrimitive("skyporten"));

    final JsonElement value;

    private Environment(JsonElement value) {
        this.value = value;
    }

    /** One of the above by its name: "test", "production", "skyporten-test" or "skyporten". */
    public static Environment named(String name) {
        return new Environment(new JsonPrimitive(name));
    }

    /**
     * Another installation, such as a sandbox.
     *
     * @param issuer exactly as in its metadata, trailing slash included; it becomes the grant's aud
     * @param tokenEndpoint where grants are sent
     */
    public static Environment of(String issuer, String tokenEndpoint) {
        return new Environment(new JsonObject())
                .with("issuer", new JsonPrimitive(issuer))
                .with("token_endpoint", new JsonPrimitive(tokenEndpoint));
    }

    /** The RFC 8414 document. */
    public Environment metadataUrl(String url) {
        return with("metadata_url", new JsonPrimitive(url));
    }

    /** Norwegian Customs' installation that trusts it. */
    public Environment customsTokenEndpoint(String url) {
        return with("customs_token_endpoint", new JsonPrimitive(url));
    }

    /** The API that Customs has for trying a token out. */
    public Environment customsTestAuth(String url) {
        return with("customs_test_auth", new JsonPrimitive(url));
    }

    /** Permits plain http to this machine, for a sandbox. */
    public Environment allowLoopbackHttp() {
        return with("allow_loopback_http", new JsonPrimitive(true));
    }

    private Environment with(String name, JsonElement member) {
        if (!(value instanceof JsonObject object)) {
            throw new IllegalStateException("a built-in environment is as it is; begin with Environment.of");
        }
        return new Environment(Json.with(object, name, member));
    }

    @Override
    public String toString() {
        return "Environment" + value;
    }
}

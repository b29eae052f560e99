package io.github.maskinportencore;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import java.util.List;

/** A second hop that turns a token into another one. */
public final class Exchange {
    final JsonObject members;

    private Exchange(JsonObject members) {
        this.members = members;
    }

    private static Exchange type(String type) {
        return new Exchange(new JsonObject()).with("type", new JsonPrimitive(type));
    }

    /** At Norwegian Customs, at the endpoint of the environment. */
    public static Exchange customs() {
        return type("customs");
    }

    /** At Norwegian Customs, at another endpoint. */
    public static Exchange customs(String tokenEndpoint) {
        return customs().with("token_endpoint", new JsonPrimitive(tokenEndpoint));
    }

    /** At Altinn: "prod", "tt02", "at21" to "at24" or "yt01". */
    public static Exchange altinn(String environment) {
        return type("altinn").with("environment", new JsonPrimitive(environment));
    }

    /** At Altinn, at another endpoint. */
    public static Exchange altinnAt(String endpoint) {
        return type("altinn").with("endpoint", new JsonPrimitive(endpoint));
    }

    /** RFC 8693, without client authentication. */
    public static Exchange tokenExchange(String tokenEndpoint) {
        return type("token_exchange").with("token_endpoint", new JsonPrimitive(tokenEndpoint));
    }

    /** At Altinn: makes the test organization ttd of Digdir's token. */
    public Exchange test() {
        return with("test", new JsonPrimitive(true));
    }

    /** RFC 8693 §2.1. */
    public Exchange audience(String... audience) {
        return with("audience", Json.array(List.of(audience)));
    }

    /** RFC 8693 §2.1. */
    public Exchange resource(String... resource) {
        return with("resource", Json.array(List.of(resource)));
    }

    /** RFC 8693 §2.1. */
    public Exchange scopes(String... scopes) {
        return with("scopes", Json.array(List.of(scopes)));
    }

    /** RFC 8693 §3. */
    public Exchange subjectTokenType(String type) {
        return with("subject_token_type", new JsonPrimitive(type));
    }

    /** RFC 8693 §3. */
    public Exchange requestedTokenType(String type) {
        return with("requested_token_type", new JsonPrimitive(type));
    }

    /** What errors call it. */
    public Exchange name(String name) {
        return with("name", new JsonPrimitive(name));
    }

    private Exchange with(String name, JsonElement value) {
        return new Exchange(Json.with(members, name, value));
    }

    @Override
    public String toString() {
        return "Exchange" + members;
    }
}

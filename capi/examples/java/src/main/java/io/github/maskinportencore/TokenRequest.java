package io.github.maskinportencore;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import java.util.List;
import java.util.Map;

/** What a token shall be for. Each method returns another request; all that is wrong is told when a source is made. */
public final class TokenRequest {
    final JsonObject members;

    private TokenRequest(JsonObject members) {
        this.members = members;
    }

    /** One scope, or several for one token. */
    public static TokenRequest scopes(String... scopes) {
        return new TokenRequest(new JsonObject()).with("scopes", Json.array(List.of(scopes)));
    }

    /** Absolute URIs of the APIs; they become the token's aud (RFC 8707). */
    public TokenRequest resource(String... resource) {
        return with("resource", Json.array(List.of(resource)));
    }

    /** The nine-digit number of the customer on whose behalf you act. */
    public TokenRequest consumerOrg(String organization) {
        return with("consumer_org", new JsonPrimitive(organization));
    }

    /** Restricts the token to one person, by eleven digits. */
    public TokenRequest pid(String pid) {
        return with("pid", new JsonPrimitive(pid));
    }

    /** Deprecated by Digdir; excludes consumerOrg. */
    public TokenRequest issOnbehalfof(String clientId) {
        return with("iss_onbehalfof", new JsonPrimitive(clientId));
    }

    /** For a system user of Altinn: the nine-digit number of its owner. */
    public TokenRequest systemUser(String org) {
        JsonObject user = new JsonObject();
        user.addProperty("org", org);
        return with("system_user", user);
    }

    /** The same for a system user that was created with an external reference. */
    public TokenRequest systemUser(String org, String externalRef) {
        JsonObject user = new JsonObject();
        user.addProperty("org", org);
        user.addProperty("external_ref", externalRef);
        return with("system_user", user);
    }

    /**
     * For a consent that somebody gave in Altinn.
     *
     * @param id its UUID
     * @param from who gave it: urn:altinn:person:identifier-no:… or urn:altinn:organization:identifier-no:…
     */
    public TokenRequest consent(String id, String from) {
        JsonObject consent = new JsonObject();
        consent.addProperty("id", id);
        consent.addProperty("from", from);
        return with("consent", consent);
    }

    /** Claims that this library does not know: texts, finite numbers, booleans, lists and maps. */
    public TokenRequest extraClaims(Map<String, ?> claims) {
        return with("extra_claims", Json.tree(claims));
    }

    /** One more hop behind those that there are. */
    public TokenRequest exchange(Exchange exchange) {
        JsonArray exchanges =
                members.get("exchanges") instanceof JsonArray before ? before.deepCopy() : new JsonArray();
        exchanges.add(exchange.members);
        return with("exchanges", exchanges);
    }

    private TokenRequest with(String name, JsonElement value) {
        return new TokenRequest(Json.with(members, name, value));
    }

    @Override
    public String toString() {
        return "TokenRequest" + members.get("scopes");
    }
}

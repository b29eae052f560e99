package io.github.maskinportencore;

import com.google.gson.JsonObject;
import java.util.List;

/**
 * What is wrong with a configuration, what is unusual about it, and what to do. It holds no secret.
 *
 * @param ok no finding is an error
 * @param findings what was found
 * @param report all of it in JSON, with the environment, the key and the claims of a grant; see mp_diagnose
 */
public record Diagnosis(boolean ok, List<Finding> findings, String report) {
    /**
     * One finding.
     *
     * @param severity "error", "warning" or "note"
     * @param field what it is about
     * @param message what is wrong
     * @param remedy what to do
     */
    public record Finding(String severity, String field, String message, String remedy) {}

    static Diagnosis of(JsonObject report) {
        List<Finding> findings = Json.objects(report, "findings").stream()
                .map(f -> new Finding(
                        Json.text(f, "severity"),
                        Json.text(f, "field"),
                        Json.text(f, "message"),
                        Json.text(f, "remedy")))
                .toList();
        return new Diagnosis(Json.flag(report, "ok"), findings, report.toString());
    }
}

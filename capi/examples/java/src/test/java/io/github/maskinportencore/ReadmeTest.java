package io.github.maskinportencore;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The example of README.md, as it stands there but for what is the sandbox's. */
class ReadmeTest extends SandboxTest {
    @Test
    void theExampleDoesItsJob(@TempDir Path folder) throws Exception {
        String example = Files.readString(Path.of("README.md"))
                .split("```java\n")[1]
                .split("```")[0]
                .replace("Environment.TEST", "sandbox")
                .replaceFirst("clientId\\(\"…\"\\)", "clientId(\"" + sandbox.setting("client_id") + "\")")
                .replaceFirst("kid\\(\"…\"\\)", "kid(\"" + sandbox.setting("kid") + "\")")
                .replace("key.pem", sandbox.setting("key_pem"))
                .replace("https://api.example.no/", sandbox.setting("customs_test_auth"))
                .replace("\n}\n", "\n    status = answer.statusCode();\n}\n");
        Path source = Files.writeString(
                folder.resolve("Example.java"),
                "import io.github.maskinportencore.*;\n"
                        + "import java.net.*;\n"
                        + "import java.net.http.*;\n"
                        + "import java.net.http.HttpResponse.BodyHandlers;\n"
                        + "import java.nio.file.*;\n"
                        + "public class Example {\n"
                        + "public static int run(Environment sandbox) throws Exception {\n"
                        + "int status;\n" + example
                        + "return status;\n}\n}\n");
        int compiled = ToolProvider.getSystemJavaCompiler()
                .run(
                        null,
                        null,
                        null,
                        "-encoding",
                        "UTF-8",
                        "-cp",
                        System.getProperty("java.class.path"),
                        source.toString());
        assertEquals(0, compiled, example);
        try (URLClassLoader classes =
                new URLClassLoader(new URL[] {folder.toUri().toURL()})) {
            assertEquals(
                    200,
                    classes.loadClass("Example")
                            .getMethod("run", Environment.class)
                            .invoke(null, sandbox.environment()));
        }
        assertTrue(sandbox.tokens() == 1);
    }
}

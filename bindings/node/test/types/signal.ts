// Compiled where the platform's own types are there.
import { Client } from "maskinporten";

export async function use(client: Client, signal: AbortSignal): Promise<Response> {
  const source = client.source({ scope: "a:b" });
  await source.token({ signal: AbortSignal.timeout(1000) });
  const answer: Response = await source.fetch(new Request("https://api.example.no"), { signal });
  new Client({ environment: "test", clientId: "x", key: { pem: "" }, fetch });
  using other = client.source({ scope: "a:c" });
  return other.fetch(answer.url);
}

// A program that uses an engine and then ends in the way it is told to. As a
// worker it reports what it got.
import { isMainThread, parentPort, workerData } from "node:worker_threads";

const { entry, config, scope, way } = isMainThread ? JSON.parse(process.argv[2]) : workerData;
const { Client } = await import(entry);
const hang = () => {
  parentPort?.postMessage("asked");
  if (way === "exit") process.exit(7);
  return new Promise(() => {});
};
const client = new Client({ ...config, ...(way === "use" ? {} : { fetch: hang }) });
const token = client.source({ scope }).token();
if (way === "use") {
  const { expiresAt } = await token;
  parentPort.postMessage(expiresAt > new Date());
} else {
  setInterval(() => {}, 1000); // stays until it is ended from outside
}

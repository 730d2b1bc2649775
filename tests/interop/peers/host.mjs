// A host application of Sparkplug B on npm mqtt and sparkplug-payload: prints what it hears as lines of JSON, publishes
// what lines on standard input say: {"topic": "...", "payload": {...}} or {"topic": "...", "text": "..."}.
import readline from "node:readline";
import mqtt from "mqtt";
import payloads from "sparkplug-payload";

const config = JSON.parse(process.argv[2]);
const sparkplug = (payloads.get ?? payloads.default.get)("spBv1.0");
const plain = (_, value) => (value && typeof value === "object" && "low" in value && "high" in value
  ? Number(BigInt.asUintN(64, (BigInt(value.high) << 32n) | BigInt(value.low >>> 0))) : value);
const client = mqtt.connect(`mqtt://127.0.0.1:${config.port}`, { clientId: `host-${process.pid}`, protocolVersion: 4 });

client.on("connect", () => client.subscribe("spBv1.0/#", { qos: 1 }, () => process.stdout.write('{"ready":true}\n')));
client.on("message", (topic, bytes) => {
  let payload = null;
  if (topic.includes("/STATE/")) payload = bytes.toString();
  else try { payload = sparkplug.decodePayload(bytes); } catch (error) { payload = { broken: String(error) }; }
  process.stdout.write(JSON.stringify({ topic, payload }, plain) + "\n");
});
readline.createInterface({ input: process.stdin }).on("line", (line) => {
  const order = JSON.parse(line);
  client.publish(order.topic, order.text ?? sparkplug.encodePayload(order.payload), { retain: !!order.retain });
});

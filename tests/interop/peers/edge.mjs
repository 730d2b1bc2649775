// An edge node of Sparkplug B, by Eclipse Tahu's own client (npm sparkplug-client). Told what to do by lines of JSON on
// standard input, tells what it hears on standard output:
//     {"data": "pot01", "metrics": [...]}  {"death": "pot01"}  {"birth": true}  {"unit": "mV", "device": "pot01", "of": "voltage"}
//     {"skip": 2}  {"raw": "hex", "type": "NDATA"}
import readline from "node:readline";
import sparkplug from "sparkplug-client";

const config = JSON.parse(process.argv[2]);
const say = (what) => process.stdout.write(JSON.stringify(what, (_, v) => (typeof v === "bigint" ? Number(v) : v)) + "\n");
const client = (sparkplug.newClient ?? sparkplug.default.newClient)({
  serverUrl: `mqtt://127.0.0.1:${config.port}`, username: "", password: "", groupId: config.group, edgeNode: config.edge,
  clientId: `edge-${config.edge}`, version: "spBv1.0", publishDeath: true, keepalive: 5,
});
const values = {}; // of the devices' metrics, by alias: what a birth says is what there is

function birth() {
  const now = Date.now();
  client.publishNodeBirth({ timestamp: now, metrics: [
    { name: "Node Control/Rebirth", type: "Boolean", value: false }, { name: "Health/load", alias: 1, type: "Float", value: 0.5 }] });
  for (const [device, metrics] of Object.entries(config.devices)) {
    for (const metric of metrics) values[metric.alias] ??= metric.value;
    client.publishDeviceBirth(device, { timestamp: now, metrics: metrics.map((m) => ({ ...m, value: values[m.alias], timestamp: m.timestamp ?? now })) });
  }
  say({ born: true });
}

client.on("birth", birth);
client.on("ncmd", (payload) => {
  for (const metric of payload.metrics ?? [])
    if (metric.name === "Node Control/Rebirth" && metric.value) birth();
  say({ ncmd: payload.metrics?.map((m) => [m.name, m.value]) });
});
client.on("dcmd", (device, payload) => {
  for (const metric of payload.metrics) {
    const known = config.devices[device]?.find((m) => m.name === metric.name);
    if (!known || config.deaf) continue;
    values[known.alias] = metric.value;
    client.publishDeviceData(device, { timestamp: Date.now(), metrics: [{ alias: known.alias, type: known.type, value: metric.value, timestamp: Date.now() }] });
  }
  say({ dcmd: device, metrics: payload.metrics.map((m) => [m.name, m.value, m.type]), at: Date.now() });
});
client.on("error", (error) => say({ error: String(error) }));

readline.createInterface({ input: process.stdin }).on("line", (line) => {
  const order = JSON.parse(line);
  if (order.data !== undefined) {
    for (const metric of order.metrics) if (metric.alias !== undefined) values[metric.alias] = metric.value;
    const payload = { timestamp: Date.now(), metrics: order.metrics };
    if (order.data) client.publishDeviceData(order.data, payload);
    else client.publishNodeData(payload);
  }
  if (order.death) client.publishDeviceDeath(order.death, { timestamp: Date.now() });
  if (order.unit) { // it is born again, with a metric in another unit
    config.devices[order.device].find((m) => m.name === order.of).properties.engUnit.value = order.unit;
    birth();
  }
  if (order.birth) birth();
  for (let i = 0; i < (order.skip ?? 0); i++) client.incrementSeqNum ? client.incrementSeqNum() : (client.seq = (client.seq + 1) % 256);
  say({ done: line });
});

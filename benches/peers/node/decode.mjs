// From a trigger's records to the items of inserts, as AWS's samples read Kinesis.
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

const payload = readFileSync(process.argv[2], "utf8");
const REPEATS = 40;

function plan(text) {
  const event = JSON.parse(text);
  const commits = new Map();
  for (const record of event.Records) {
    const batch = JSON.parse(Buffer.from(record.kinesis.data, "base64").toString("utf8"));
    for (const one of batch.events) {
      const known = commits.get(one.subject);
      if (known) known.push(one);
      else commits.set(one.subject, [one]);
    }
  }
  let bytes = 0;
  for (const events of commits.values()) bytes += JSON.stringify(events).length;
  return { bytes, records: event.Records.length };
}

// Warm before the first round.
for (let nth = 0; nth < 200; nth++) plan(payload);
for await (const _ of createInterface({ input: process.stdin })) {
  const before = process.cpuUsage();
  let records = 0;
  for (let nth = 0; nth < REPEATS; nth++) records += plan(payload).records;
  const { user, system } = process.cpuUsage(before);
  console.log((user + system) / records);
}

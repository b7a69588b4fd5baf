// A function with a client of DynamoDB, on the Lambda Runtime API.
import { createRequire } from "node:module";
const { DynamoDBClient } = createRequire(import.meta.url)("@aws-sdk/client-dynamodb");

const client = new DynamoDBClient({ region: "us-east-1" });
const api = `http://${process.env.AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime/invocation`;
for (;;) {
  const next = await fetch(`${api}/next`);
  const event = await next.json();
  const id = next.headers.get("lambda-runtime-aws-request-id");
  await fetch(`${api}/${id}/response`, { method: "POST", body: JSON.stringify({ is: Boolean(client && event) }) });
}

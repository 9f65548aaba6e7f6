// openai-node: chat completions with a tool, as a stream; the Responses API.
import OpenAI from "openai";

const client = new OpenAI({ baseURL: process.env.CHAT_TUI_URL + "/v1", apiKey: process.env.CHAT_TUI_TOKEN });
const parameters = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
const runner = client.chat.completions.runTools({
  model: "gpt-4o",
  stream: true,
  messages: [{ role: "user", content: "Weather?" }],
  tools: [
    {
      type: "function",
      function: { name: "weather", parameters, parse: JSON.parse, function: ({ city }) => `sunny in ${city}` },
    },
  ],
});
const text = await runner.finalContent();
if (!text.includes("sunny in Paris")) throw new Error(text);
const first = await client.responses.create({
  model: "gpt-4o",
  input: "Weather?",
  tools: [{ type: "function", name: "weather", parameters, strict: false }],
  store: true,
});
const second = await client.responses.create({
  model: "gpt-4o",
  previous_response_id: first.id,
  input: [{ type: "function_call_output", call_id: first.output[0].call_id, output: "sunny" }],
});
if (!second.output_text) throw new Error(JSON.stringify(second));

// The official OpenAI SDK for Node, see checks.py.
import assert from 'node:assert/strict';
import OpenAI from 'openai';
import {
  clientOptions, inputs, maxTokens, question, refusal, run, said, script, tool, toolsSaid, unknownModel,
} from './checks.mjs';

const connect = (url) => new OpenAI({ baseURL: `${url}/v1`, ...clientOptions });
const request = (model, fields) => ({ model, max_tokens: maxTokens, messages: question, ...fields });
const described = { name: tool.name, description: tool.description, parameters: tool.schema };
const tools = [{ type: 'function', function: described }];

function costs(models, usage) {
  assert.equal(usage.total_tokens, usage.prompt_tokens + usage.completion_tokens);
  if (models.isScripted) {
    const cached = usage.prompt_tokens_details.cached_tokens;
    const got = { fresh: usage.prompt_tokens - cached, cached, output: usage.completion_tokens };
    assert.deepEqual(got, script.usage);
  } else assert.ok(usage.prompt_tokens > 0 && usage.completion_tokens > 0, JSON.stringify(usage));
}

function calls(choice) {
  assert.equal(choice.finish_reason, 'tool_calls');
  const functions = choice.message.tool_calls.map((call) => call.function);
  return functions.map((called) => ({ name: called.name, input: JSON.parse(called.arguments) }));
}

async function whole(client, models) {
  const completion = await client.chat.completions.create(request(models.of('speaker')));
  said(models, completion.choices[0].message.content);
  costs(models, completion.usage);
}

async function streamed(client, models) {
  const fields = { stream: true, stream_options: { include_usage: true } };
  let text = '';
  let last;
  for await (const chunk of await client.chat.completions.create(request(models.of('speaker'), fields))) {
    text += chunk.choices[0]?.delta?.content ?? '';
    last = chunk;
  }
  said(models, text);
  assert.deepEqual(last.choices, []);
  costs(models, last.usage);
}

async function tool_calls_whole(client, models) {
  const completion = await client.chat.completions.create(request(models.of('toolsmith'), { tools }));
  assert.deepEqual(calls(completion.choices[0]), script.tool_calls);
}

async function tool_calls_streamed(client, models) {
  let nPieces = 0;
  const stream = client.chat.completions.stream(request(models.of('toolsmith'), { tools }));
  stream.on('tool_calls.function.arguments.delta', () => (nPieces += 1));
  const completion = await stream.finalChatCompletion();
  assert.deepEqual(calls(completion.choices[0]), script.tool_calls);
  assert.ok(nPieces > inputs.length, 'the arguments came in one piece');
}

async function tool_runner(client, models) {
  const asked = [];
  const weather = (input) => {
    asked.push(input);
    return `rain in ${input.city}`;
  };
  const runnable = { type: 'function', function: { ...described, parse: JSON.parse, function: weather } };
  const runner = client.chat.completions.runTools(request(models.of('toolsmith'), { tools: [runnable] }));
  assert.equal(await runner.finalContent(), toolsSaid);
  assert.deepEqual(asked, inputs);
}

async function model_list(client, models) {
  const ids = [];
  for await (const model of client.models.list()) ids.push(model.id);
  assert.ok(ids.includes(models.of('speaker')), ids.join());
}

async function refused_by_the_model_server(client, models) {
  const call = () => client.chat.completions.create(request(models.of('refuser')));
  const error = await refusal(call, {
    constructor: OpenAI.BadRequestError, status: 400, type: 'invalid_request_error',
  });
  assert.ok(error.message.includes(script.refusal), error.message);
}

async function unknown_model(client) {
  for (const stream of [false, true]) {
    const call = () => client.chat.completions.create(request(unknownModel, { stream }));
    const error = await refusal(call, { constructor: OpenAI.NotFoundError, status: 404 });
    assert.ok(error.message.includes(unknownModel), error.message);
  }
}

await run(connect, {
  forAnyModel: [whole, streamed, model_list, unknown_model],
  scripted: [tool_calls_whole, tool_calls_streamed, tool_runner, refused_by_the_model_server],
});

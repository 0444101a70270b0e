// What the checks of both SDKs for Node share; the same command line and lines as checks.py.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

export const script = JSON.parse(readFileSync(new URL('script.json', import.meta.url), 'utf8'));
export const question = [{ role: 'user', content: 'Say hello.' }];
export const maxTokens = 64;
export const unknownModel = 'no-such-model';
// No retries: each check is one call, and a retry would hide a failure.
export const clientOptions = { apiKey: 'unused', maxRetries: 0, timeout: 300_000 };
export const tool = {
  name: script.tool_calls[0].name,
  description: 'The weather of a city.',
  schema: {
    type: 'object',
    properties: { city: { type: 'string' }, days: { type: 'integer' } },
    required: ['city', 'days'],
  },
};
export const inputs = script.tool_calls.map((call) => call.input);
export const toolsSaid = script.tools_said + inputs.map(({ city }) => `rain in ${city}`).join('; ');

// Some text, or the script's where there is one.
export function said(models, text) {
  if (models.isScripted) assert.equal(text, script.text);
  else assert.ok(text, 'no text');
}

// The error that `call` ends in, with these fields.
export async function refusal(call, expected) {
  let answer;
  try {
    answer = await call();
  } catch (error) {
    for (const [field, value] of Object.entries(expected)) {
      if (field === 'constructor') assert.ok(error instanceof value, `${error.name}, not ${value.name}`);
      else assert.equal(error[field], value, field);
    }
    return error;
  }
  throw new assert.AssertionError({ message: `no error but ${JSON.stringify(answer)}` });
}

// Runs the checks on `connect(url)`: those of `forAnyModel`, and the others where the models follow the script.
export async function run(connect, { forAnyModel, scripted }) {
  const [url, mode, name] = process.argv.slice(2);
  const isScripted = mode === 'scripted';
  const models = { isScripted, of: (role) => (isScripted ? `${role}-${name}` : name) };
  const client = connect(url);
  let nFailed = 0;
  for (const check of isScripted ? [...forAnyModel, ...scripted] : forAnyModel) {
    try {
      await check(client, models);
      console.log(`ok ${check.name}`);
    } catch (error) {
      nFailed += 1;
      console.log(`FAIL ${check.name}: ${String(error.stack ?? error).split('\n').slice(0, 6).join(' | ')}`);
    }
  }
  process.exitCode = nFailed ? 1 : 0;
}

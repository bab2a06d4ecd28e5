import { describe, expect, it, vi } from 'vitest';
import { demoCommand } from '../../src/cli/demo.ts';
import { call } from '../support/http-call.ts';
import { testIo } from '../support/test-io.ts';

describe('demo', () => {
  it('shows for each prompt the category, the model, the server and why, and ends with 0', async () => {
    const io = testIo();
    expect(await demoCommand(['--once'], io), io.stderr()).toBe(0);
    expect(io.stderr()).toBe('');
    const out = io.stdout();
    expect(out).toMatch(/SIMULATED/);
    const url = /^ {2}proxy +(http:\/\/127\.0\.0\.1:\d+)$/m.exec(out)?.[1] ?? '';
    expect(out).toMatch(/^ {2}admin +http:\/\/127\.0\.0\.1:\d+$/m);

    const prompts = out.match(/^> .+$/gm) ?? [];
    expect(prompts.length).toBeGreaterThanOrEqual(5);
    const routed = [
      ...out.matchAll(/^> (.+)\n {2}category (\S+) → (\S+) on (\S+)\n {2}why +(\S.*)\n {2}answer +(\d+) tokens: \S/gm),
    ];
    expect(routed).toHaveLength(prompts.length);
    const servers = [...out.matchAll(/^ {2}(sim-\S+) +http/gm)].map(([, name]) => name);
    expect(servers).toHaveLength(3);
    for (const [, , category, model, server, , tokens] of routed) {
      expect(servers).toContain(server);
      expect(Number(tokens)).toBeGreaterThan(0);
      // The preferences that the demonstration sets out with.
      expect(model).toBe(/^(documentation|unknown)$/.test(category ?? '') ? 'llama3.2:3b' : 'qwen2.5-coder:7b');
    }
    expect(new Set(routed.map(([, , category]) => category)).size).toBeGreaterThanOrEqual(4);
    // Nothing is left behind.
    await expect(call(`${url}/api/version`)).rejects.toThrow(/ECONNREFUSED/);
  });

  it('stays up until it is stopped, and says how to use it', async () => {
    const io = testIo();
    const code = demoCommand([], io);
    const url = await vi.waitFor(() => {
      const found = /OLLAMA_HOST=(\S+) ollama run auto/.exec(io.stdout())?.[1];
      return found ?? expect.fail('it has not said yet how to use it');
    }, 15_000);
    // What `ollama run auto` does first, and then.
    const shown = await call(`${url}/api/show`, { body: { model: 'auto' } });
    expect(shown.status).toBe(200);
    const answer = await call(`${url}/api/chat`, {
      body: { model: 'auto', messages: [{ role: 'user', content: 'fix my bug' }], stream: false },
    });
    expect(answer.status).toBe(200);
    await io.stop();
    expect(await code).toBe(0);
  });

  it('refuses what it does not know', async () => {
    const io = testIo();
    expect(await demoCommand(['--twice'], io)).toBe(2);
    expect(io.stderr()).toMatch(/^demo: Unknown option '--twice'[\s\S]*usage: ollama-task-router demo/);
  });
});

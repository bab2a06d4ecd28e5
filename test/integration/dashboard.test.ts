import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { startSim, type SimServer } from '../../src/sim/http/server.ts';
import { chromiumPath, isLive, openBrowser, openPage, type WatchedPage } from '../support/browser.ts';
import { until } from '../support/faulty.ts';
import { configText, startProxy, type TestProxy } from '../support/proxy.ts';

const MODEL = 'llama3.2:3b';
const TOKEN = 'a-long-and-secret-word';

const path = chromiumPath();

describe.skipIf(path === undefined)('the dashboard in a browser', () => {
  let browser: Browser;
  let sims: readonly SimServer[];
  let folder: string;
  let file: string;
  let proxy: TestProxy;
  let shown: WatchedPage;
  let page: Page;

  const config = (more = '') => {
    const backends = sims.map(({ url }, i) => ({ name: `box-${i + 1}`, url }));
    // A breaker closes by hand here, and not by trials of the proxy's own meanwhile.
    const rest = `circuit_breaker: { adaptive: false, heal: false, timeout: 10m }\n${more}`;
    return writeFile(file, configText({ backends, config: rest }));
  };

  beforeAll(async () => {
    browser = await openBrowser(path ?? '');
    sims = await Promise.all([1, 2].map(() => startSim({ timeScale: 0.001, models: [MODEL], outputTokens: 5 })));
    folder = await mkdtemp(join(tmpdir(), 'router-dashboard-'));
    file = join(folder, 'router.yaml');
    await config();
    proxy = await startProxy({ file });
    shown = await openPage(browser, `${proxy.adminUrl}/`);
    ({ page } = shown);
    await isLive(page);
  });
  afterAll(async () => {
    await proxy.stop();
    await browser.close();
    await Promise.all(sims.map((sim) => sim.close()));
    await rm(folder, { recursive: true });
  });
  /** Faults of the page before the test that runs. */
  let before = 0;
  beforeEach(() => {
    before = shown.faults.length;
  });
  afterEach(async () => {
    // One page serves all: each test leaves it as it found it.
    await page.evaluate(
      "document.querySelectorAll('dialog').forEach((each) => each.close()); document.activeElement.blur()",
    );
    await page.mouse.move(0, 0);
    for (const sim of sims) sim.faults.clear();
    for (const name of ['box-1', 'box-2']) {
      await proxy.admin('PATCH', `backends/${name}`, { enabled: true, drain: false, weight: 1 });
      await proxy.admin('POST', `backends/${name}/recover`);
    }
  });

  const backend = async (name: string) =>
    (await proxy.admin('GET', `backends/${name}`)).body as Record<string, unknown>;
  const dialog = (title: string | RegExp) => page.getByRole('dialog', { name: title });
  const press = (name: string | RegExp, within = page.locator('dialog').last()) =>
    within.getByRole('button', { name, exact: true }).click();
  const manage = async (name: string) => {
    await page.getByRole('button', { name: `Manage ${name}` }).click();
    await dialog(name).waitFor();
  };
  const row = (name: string) => page.locator('.server', { has: page.getByText(name, { exact: true }) });
  const toast = (text: string | RegExp) => page.locator('#toast').getByText(text).waitFor();
  /** The test that runs has brought the page no fault, those with this part aside. */
  const clean = (allowed?: string) => {
    const faults = shown.faults.slice(before);
    expect(faults.filter((fault) => allowed === undefined || !fault.includes(allowed))).toEqual([]);
  };
  const chat = (id: string, prompt = 'hello') =>
    proxy.call('/api/chat', {
      body: { model: MODEL, messages: [{ role: 'user', content: prompt }] },
      headers: { 'x-request-id': id },
    });

  it('shows the servers, and what they say', async () => {
    await chat('shown');
    await row('box-1').getByText('Up', { exact: true }).waitFor();
    await page.locator('#vitals').getByText('2 of 2').waitFor();
    await page.locator('.chip', { hasText: MODEL }).first().waitFor();
    clean();
  });

  it('drains a server after a question, and resumes it', async () => {
    await manage('box-1');
    await press('Drain');
    await dialog('Drain box-1?').waitFor();
    await press('Cancel');
    expect(await backend('box-1')).toMatchObject({ draining: false });
    await press('Drain');
    await press('Drain');
    await toast('box-1 drains');
    expect(await backend('box-1')).toMatchObject({ draining: true });
    await dialog('box-1').getByText('Draining', { exact: true }).waitFor();
    await press('Resume');
    await press('Resume');
    await toast('back in service');
    expect(await backend('box-1')).toMatchObject({ draining: false });
    await page.keyboard.press('Escape');
    await row('box-1').getByText('Up', { exact: true }).waitFor();
    clean();
  });

  it('switches a server off and on', async () => {
    await manage('box-2');
    await press('Disable');
    await press('Disable');
    await toast('box-2 is off');
    expect(await backend('box-2')).toMatchObject({ enabled: false });
    await press('Enable');
    await press('Enable');
    await toast('box-2 is on');
    expect(await backend('box-2')).toMatchObject({ enabled: true });
    clean();
  });

  it('sets a weight, and shows why one was refused', async () => {
    await manage('box-1');
    await press('Weight');
    await page.getByLabel(/^Relative capacity/).fill('0');
    await press('Set weight');
    await page
      .getByRole('alert')
      .getByText(/^weight: /)
      .waitFor();
    expect(await backend('box-1')).toMatchObject({ weight: 1 });
    await page.getByLabel(/^Relative capacity/).fill('2.5');
    await press('Set weight');
    await toast('another weight');
    expect(await backend('box-1')).toMatchObject({ weight: 2.5 });
    await page.keyboard.press('Escape');
    await row('box-1').getByText('2.5').waitFor();
    // The browser tells of each refusal on its console.
    clean('400 (Bad Request)');
    await proxy.admin('PATCH', 'backends/box-1', { weight: 1 });
  });

  it('recovers a server whose breaker is open', async () => {
    sims[0]?.faults.set({ kind: 'status', status: 500, path: '/api/chat' });
    await proxy.admin('PATCH', 'backends/box-2', { enabled: false });
    for (let i = 0; i < 6; i++) await chat(`fails-${i}`);
    sims[0]?.faults.clear();
    await row('box-1').getByText('Partly up').waitFor();
    await page
      .locator('#attention')
      .getByText(/breaker open/)
      .waitFor();
    await page.locator('#attention').getByRole('button', { name: 'box-1' }).click();
    await press('Recover');
    await press('Recover');
    await toast('box-1 was recovered');
    expect(await backend('box-1')).toMatchObject({ models: [{ breaker: 'closed' }] });
    await proxy.admin('PATCH', 'backends/box-2', { enabled: true });
    await page.keyboard.press('Escape');
    await page.locator('#attention').getByText('Nothing needs you.').waitFor();
    clean();
  });

  it('changes the strategy, and follows one that somebody else changes', async () => {
    await press(/^Strategy/, page.locator('header.bar'));
    await page.getByRole('radio', { name: /^round-robin/ }).check();
    await press('Use this strategy');
    await toast('Strategy: round-robin');
    expect((await proxy.admin('GET', 'strategy')).body).toMatchObject({ strategy: 'round-robin' });
    await page.locator('#strategy-name').getByText('round-robin').waitFor();
    await proxy.admin('PUT', 'strategy', { strategy: 'hybrid' });
    await page.locator('#strategy-name').getByText('hybrid').waitFor();
    clean();
  });

  it('resets what was learned', async () => {
    await chat('learned');
    await press('Reset…', page.locator('header.bar'));
    await press('Reset');
    await toast('was reset');
    expect((await proxy.admin('GET', 'metrics')).body).toEqual({ models: {} });
    clean();
  });

  it('reloads the configuration, and says what is wrong with it', async () => {
    await config('aliases: { little: "llama3.2:3b" }');
    await press('Reload…', page.locator('header.bar'));
    await press('Reload');
    await toast(/1 change \(aliases/);
    expect((await proxy.admin('GET', 'config')).body).toMatchObject({ aliases: { little: MODEL } });
    await config('alias: {}');
    await press('Reload…', page.locator('header.bar'));
    await press('Reload');
    await page.getByRole('alert').getByText(/alias/).waitFor();
    await page.keyboard.press('Escape');
    await page
      .locator('#attention')
      .getByText(/was not reloaded/)
      .waitFor();
    await config();
    await proxy.admin('POST', 'config/reload');
    clean('422');
  });

  it('explains where a prompt would go, and sends it to nobody', async () => {
    const asked = sims.map((sim) => sim.state().requests.byRoute['POST /api/generate'] ?? 0);
    await press('Explain…', page.locator('header.bar'));
    await page.getByLabel('Prompt').fill('Write unit tests for the date parser');
    await expect.poll(() => page.getByLabel('Model', { exact: true }).inputValue()).toBe(MODEL);
    await press('Explain');
    await dialog('Where would it go?').getByText('testing').first().waitFor();
    expect(await dialog('Where would it go?').locator('.candidate').count()).toBe(2);
    await dialog('Where would it go?').getByText('chosen').waitFor();
    expect(sims.map((sim) => sim.state().requests.byRoute['POST /api/generate'] ?? 0)).toEqual(asked);
    clean();
  });

  it('lists decisions as they are made, and tells why', async () => {
    await chat('listed', 'Write unit tests for the date parser');
    const first = page.locator('.decision').first();
    await first.getByText('testing').waitFor();
    expect(await first.getByRole('img', { name: /^Cost: prefill / }).count()).toBe(1);
    await first.getByRole('button', { name: MODEL }).click();
    await dialog('Why this server').getByText('listed').waitFor();
    expect(await dialog('Why this server').locator('.candidate').count()).toBe(2);
    clean();
  });

  it('stands still while somebody points at the list', async () => {
    await chat('one');
    await page.locator('.decision button[data-id="one"]').waitFor();
    await page.locator('.decision').first().hover();
    await page.getByText(/held/).waitFor();
    const shownId = await page.locator('.decision button').first().getAttribute('data-id');
    await chat('two');
    await page.getByText(/held, 1 newer/).waitFor();
    expect(await page.locator('.decision button').first().getAttribute('data-id')).toBe(shownId);
    await page.locator('h1').hover();
    await page.locator('.decision button[data-id="two"]').waitFor();
    clean();
  });

  it('shows estimates with what stands behind them', async () => {
    await chat('estimated');
    await page.getByText('what forecasts are made of').click();
    await page
      .getByRole('cell', { name: /tok\/s.* seen · .* ago/ })
      .first()
      .waitFor();
    clean();
  });

  it('narrows the list of servers by words and by trouble', async () => {
    await page.getByRole('searchbox').fill('box-2');
    expect(await page.locator('.server').allInnerTexts()).toEqual([expect.stringContaining('box-2')]);
    await page.getByRole('searchbox').fill('');
    await page.getByLabel('Only trouble').check();
    await page.getByText('No server fits.').waitFor();
    await page.getByLabel('Only trouble').uncheck();
    clean();
  });

  it('keeps its colours when they are chosen', async () => {
    const ground = () => page.evaluate<string>('getComputedStyle(document.body).backgroundColor');
    const light = await ground();
    await page.locator('#theme').click();
    const dark = await ground();
    expect(dark).not.toBe(light);
    await page.reload();
    expect(await ground()).toBe(dark);
    await page.locator('#theme').click();
    expect(await ground()).toBe(light);
    clean();
  });

  it('is used by keyboard alone, and gives the focus back', async () => {
    await page.reload();
    await isLive(page);
    await page.keyboard.press('Tab');
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Skip to the servers');
    await page.keyboard.press('Enter');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Tab');
    expect(await page.evaluate("document.activeElement.getAttribute('aria-label')")).toBe('Manage box-1');
    await page.keyboard.press('Enter');
    await dialog('box-1').waitFor();
    await page.keyboard.press('Escape');
    expect(await page.evaluate("document.activeElement.getAttribute('aria-label')")).toBe('Manage box-1');
    clean();
  });

  it('takes what a server is called for text, whatever is in it', async () => {
    const name = '<img src=x onerror=alert(1)>';
    await proxy.call('/api/chat', { body: { model: name, messages: [] } });
    await page.locator('.decision', { hasText: name }).first().waitFor();
    expect(await page.locator('.decision img').count()).toBe(0);
    clean();
  });

  describe('with a token', () => {
    it('asks for it once, again when it is wrong, and not again after a reload', async () => {
      const guarded = await startProxy({ backends: [{ name: 'box-1', url: sims[0]?.url ?? '' }], token: TOKEN });
      onTestFinished(() => guarded.stop());
      const watched = await openPage(browser, `${guarded.adminUrl}/`, {}, ['401']);
      onTestFinished(() => watched.close());
      const input = watched.page.getByLabel(/^The admin token/);
      await input.fill('wrong');
      await watched.page.keyboard.press('Enter');
      await watched.page.getByText('That token was not accepted.').waitFor();
      await input.fill(TOKEN);
      await watched.page.keyboard.press('Enter');
      await isLive(watched.page);
      await watched.page.reload();
      await isLive(watched.page);
      expect(await watched.page.getByRole('dialog').count()).toBe(0);
      expect(await watched.page.evaluate('JSON.stringify(localStorage)')).not.toContain(TOKEN);
      expect(watched.page.url()).not.toContain(TOKEN);
      expect(watched.faults).toEqual([]);
    });

    it('says that there is no access when none is given, and asks again when told to', async () => {
      const guarded = await startProxy({ backends: [], token: TOKEN });
      onTestFinished(() => guarded.stop());
      const watched = await openPage(browser, `${guarded.adminUrl}/`, {}, ['401']);
      onTestFinished(() => watched.close());
      await watched.page.getByLabel(/^The admin token/).waitFor();
      await watched.page.keyboard.press('Escape');
      await watched.page.getByText('No access').waitFor();
      await watched.page.getByRole('button', { name: 'Try again' }).click();
      await watched.page.getByLabel(/^The admin token/).fill(TOKEN);
      await watched.page.keyboard.press('Enter');
      await isLive(watched.page);
      expect(watched.faults).toEqual([]);
    });
  });

  it('says since when the proxy cannot be reached, keeps what it knew, and comes back by itself', async () => {
    const text = configText({ backends: [{ name: 'box-1', url: sims[0]?.url ?? '' }] });
    const own = join(folder, 'comes-back.yaml');
    await writeFile(own, text);
    const first = await startProxy({ file: own });
    const watched = await openPage(browser, `${first.adminUrl}/`, {}, ['ERR_', '[object Object]']);
    onTestFinished(() => watched.close());
    await isLive(watched.page);
    await first.stop();
    await watched.page.getByText(/^Unreachable since \d\d:\d\d:\d\d$/).waitFor();
    expect(await watched.page.locator('.server').count()).toBe(1);
    const port = new URL(first.adminUrl).port;
    await writeFile(own, text.replace('admin: { listen: "127.0.0.1:0"', `admin: { listen: "127.0.0.1:${port}"`));
    const second = await startProxy({ file: own });
    onTestFinished(() => second.stop());
    await until(async () => {
      await watched.page
        .getByRole('button', { name: 'Retry' })
        .click({ timeout: 500 })
        .catch(() => undefined);
      return (await watched.page.locator('#live').innerText()) === 'Live';
    });
    expect(watched.faults).toEqual([]);
  });
});

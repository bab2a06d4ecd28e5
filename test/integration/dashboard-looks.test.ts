import axe, { type AxeResults } from 'axe-core';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startSim, type SimServer } from '../../src/sim/http/server.ts';
import { chromiumPath, isLive, openBrowser, openPage } from '../support/browser.ts';
import { startProxy, type TestProxy } from '../support/proxy.ts';

const MODELS = ['llama3.2:3b', 'qwen2.5-coder:7b'];
const [MODEL = ''] = MODELS;

/** Where pictures of all looks go, for people to look at; undefined = none are taken, which saves half of the time. */
const pictures = process.env['DASHBOARD_SHOTS'];

interface Scene {
  readonly name: string;
  readonly servers: number;
  /** What has happened in it. */
  readonly story: (proxy: TestProxy, sims: readonly SimServer[]) => Promise<void>;
  /** What stands on the page then. */
  readonly text: string | RegExp;
}

const chat = (proxy: TestProxy, model = MODEL) =>
  proxy.call('/api/chat', {
    body: { model, messages: [{ role: 'user', content: 'Write unit tests for the parser' }] },
  });

const some = async (proxy: TestProxy): Promise<void> => {
  await Promise.all(Array.from({ length: 6 }, (_, i) => chat(proxy, MODELS[i % 2])));
};

const SCENES: readonly Scene[] = [
  { name: '0 servers', servers: 0, story: async () => {}, text: /^No servers yet/ },
  { name: '3 servers', servers: 3, story: some, text: 'Nothing needs you.' },
  { name: '50 servers', servers: 50, story: some, text: '50 of 50' },
  {
    name: 'a pool on fire',
    servers: 4,
    async story(proxy, sims) {
      await some(proxy);
      for (const sim of sims.slice(0, 2)) sim.faults.set({ kind: 'status', status: 500, path: '/api/chat' });
      for (const name of ['box-3', 'box-4']) await proxy.admin('PATCH', `backends/${name}`, { enabled: false });
      for (let i = 0; i < 12; i++) await chat(proxy);
      await proxy.admin('PATCH', 'backends/box-3', { enabled: true, drain: true });
      sims[0]?.faults.set({ kind: 'refuse' });
      for (let i = 0; i < 3; i++) await proxy.app.probed();
      await proxy.admin('POST', 'config/reload');
    },
    text: /^The configuration was not reloaded/,
  },
  {
    name: 'nobody up',
    servers: 2,
    async story(proxy, sims) {
      for (const sim of sims) sim.faults.set({ kind: 'refuse' });
      for (let i = 0; i < 3; i++) await proxy.app.probed();
      await chat(proxy);
    },
    text: 'No server is up: every request is refused.',
  },
];

const LOOKS = [390, 1280].flatMap((width) =>
  (['light', 'dark'] as const).map((colorScheme) => ({ width, colorScheme })),
);

/** Judging by axe takes a second: a phone by day and a desk by night show all widths and all colours. */
const isJudged = ({ width, colorScheme }: (typeof LOOKS)[number]): boolean =>
  width > 1_000 === (colorScheme === 'dark');

/** Many pages are opened in one test. */
const TIMEOUT_MS = 120_000;

const path = chromiumPath();

const take = async (page: Page, name: string, fullPage = true): Promise<void> => {
  if (pictures === undefined) return;
  await page.screenshot({ fullPage, path: join(pictures, `${name.replaceAll(/\W+/g, '-')}.png`) });
};

/** Faults of the kinds that shut somebody out. */
const barriers = async (page: Page): Promise<readonly string[]> => {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate<AxeResults>("axe.run({ resultTypes: ['violations'] })");
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(
      ({ id, nodes }) =>
        `${id}: ${nodes
          .map(({ html }) => html)
          .slice(0, 3)
          .join(' ')}`,
    );
};

/** What has moved without anybody touching anything, once that is more than a tenth of the window (CLS); good is less. */
const moved = (page: Page): Promise<readonly string[]> =>
  page.evaluate<readonly string[]>(`new Promise((resolve) => {
    let sum = 0;
    const what = [];
    new PerformanceObserver((list) => {
      for (const { value, sources } of list.getEntries()) {
        sum += value;
        what.push(value.toFixed(3) + ' ' + sources.map(({ node }) => node?.id || node?.className).join(', '));
      }
    }).observe({ type: 'layout-shift', buffered: true });
    requestAnimationFrame(() => requestAnimationFrame(() => resolve(sum > 0.1 ? what : [])));
  })`);

describe.skipIf(path === undefined)('the dashboard looks right', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await openBrowser(path ?? '');
    if (pictures !== undefined) await mkdir(pictures, { recursive: true });
  });
  afterAll(() => browser.close());

  it.each(SCENES)(
    'with $name, on a phone and a desk, by day and by night',
    async ({ name, servers, story, text }) => {
      const sims = await Promise.all(
        Array.from({ length: servers }, () => startSim({ timeScale: 0.001, models: MODELS, outputTokens: 5 })),
      );
      const proxy = await startProxy({
        backends: sims.map(({ url }, i) => ({ name: `box-${i + 1}`, url })),
        config: 'retry: { max_attempts: 1 }',
      });
      try {
        await story(proxy, sims);
        for (const { width, colorScheme } of LOOKS) {
          const look = `${name}, ${width} px, ${colorScheme}`;
          const { page, faults, close } = await openPage(browser, `${proxy.adminUrl}/`, {
            viewport: { width, height: 900 },
            colorScheme,
          });
          await isLive(page);
          await page.getByText(text).first().waitFor();
          const wide = await page.evaluate<number>('Math.max(0, document.documentElement.scrollWidth - innerWidth)');
          // Taking a picture of the whole page moves things, so this comes first.
          const shifts = await moved(page);
          await take(page, look);
          const shut = isJudged({ width, colorScheme }) ? await barriers(page) : [];
          expect({ look, faults, wide, shifts, shut }).toEqual({ look, faults: [], wide: 0, shifts: [], shut: [] });
          await close();
        }
      } finally {
        await proxy.stop();
        await Promise.all(sims.map((sim) => sim.close()));
      }
    },
    TIMEOUT_MS,
  );

  it(
    'in its dialogs too',
    async () => {
      const sim = await startSim({ timeScale: 0.001, models: MODELS, outputTokens: 5 });
      const proxy = await startProxy({ backends: [{ name: 'box-1', url: sim.url }] });
      await some(proxy);
      for (const { width, colorScheme } of LOOKS.filter(
        ({ width, colorScheme }) => width > 1_000 === (colorScheme === 'dark'),
      )) {
        const { page, faults, close } = await openPage(browser, `${proxy.adminUrl}/`, {
          viewport: { width, height: 900 },
          colorScheme,
        });
        await isLive(page);
        const openers = ['.manage', '#strategy', '#explain', '#reload', '.decision button'];
        for (const opener of openers) {
          await page.locator(opener).first().click();
          await page.locator('dialog').waitFor();
          if (opener === '#explain') await page.locator('dialog button.primary').click();
          // What it asks the proxy for has come.
          await page.getByText('Asking…').waitFor({ state: 'detached' });
          await take(page, `dialog ${opener} ${width}`, false);
          expect({ opener, width, barriers: await barriers(page) }).toEqual({ opener, width, barriers: [] });
          await page.keyboard.press('Escape');
          await page.locator('dialog').waitFor({ state: 'detached' });
        }
        expect(faults.filter((fault) => !fault.includes('400'))).toEqual([]);
        await close();
      }
      await proxy.stop();
      await sim.close();
    },
    TIMEOUT_MS,
  );
});

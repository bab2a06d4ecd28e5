import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

const runs = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
};

/**
 * Where a Chromium is: `CHROMIUM_PATH`, or the first one in `PATH`. Without one the tests that need it are left out, with
 * a line that says so; in CI they are to fail instead.
 */
export const chromiumPath = (): string | undefined => {
  const named = process.env['CHROMIUM_PATH'];
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  const found = named ?? folders.flatMap((folder) => NAMES.map((name) => join(folder, name))).find(runs);
  if (found !== undefined) return found;
  if (process.env['CI'] !== undefined) throw new Error('no Chromium: apt-get install chromium, or set CHROMIUM_PATH');
  console.log('left out: no Chromium in PATH and no CHROMIUM_PATH, so the dashboard is not looked at');
  return undefined;
};

export const openBrowser = (executablePath: string): Promise<Browser> =>
  // In a container there is no user namespace for its sandbox, and /dev/shm is small; the only page is our own.
  chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] });

export interface WatchedPage {
  readonly page: Page;
  /** Console errors and warnings, uncaught errors, and requests to anywhere else than the page's own origin. */
  readonly faults: readonly string[];
  readonly close: () => Promise<void>;
}

/**
 * A page in a profile of its own that is watched for faults.
 * @param allowed console messages that are expected, by a part of their text
 */
export const openPage = async (
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
  allowed: readonly string[] = [],
): Promise<WatchedPage> => {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  const faults: string[] = [];
  const note = (text: string): void => {
    if (!allowed.some((part) => text.includes(part))) faults.push(text);
  };
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) note(`${message.type()}: ${message.text()}`);
  });
  page.on('pageerror', (error) => note(`uncaught: ${error.message}`));
  page.on('request', (request) => {
    if (new URL(request.url()).origin !== new URL(url).origin) note(`request to ${request.url()}`);
  });
  await page.goto(url);
  return { page, faults, close: () => context.close() };
};

/** The page shows what the proxy says now. */
export const isLive = (page: Page): Promise<void> => page.getByText('Live', { exact: true }).waitFor();

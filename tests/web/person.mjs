// person.mjs - a browser in the hands of a person: imported by the tests
//
// Each is run as: node NAME.mjs ORIGIN FOLDER-FOR-SCREENSHOTS	prints TAP
//
// The back/forward cache is on, the screen is a telephone's, and scripts are
// off unless the newcomer says so.
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { chromium } from 'playwright-core';
import process from 'node:process';

export const [origin, shots] = process.argv.slice(2);
let tests = 0;
let failed = 0;

const engine = {
  executablePath: '/usr/bin/chromium',
  chromiumSandbox: process.getuid() !== 0,
  ignoreDefaultArgs: ['--disable-back-forward-cache'],
  args: ['--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update',
    '--disable-sync'],
};
const telephone = {
  javaScriptEnabled: false,
  viewport: { width: 360, height: 640 },
};

export function told(good, text, why = '') {
  tests++;
  console.log(`${good ? 'ok' : 'not ok'} ${tests} - ${text}`);
  if (!good) {
    failed++;
    console.log(`#   ${String(why).replace(/\n/g, '\n#   ')}`);
  }
}

export function done() {
  console.log(`1..${tests}`);
  process.exitCode = failed > 0 ? 1 : 0;
}

// Run the visits with a browser, which is closed whatever happens.
export async function launch(visits) {
  const browser = await chromium.launch(engine);
  try {
    await visits(browser);
  } catch (error) {
    told(false, 'the visit comes to its end', error.stack);
  } finally {
    await browser.close();
  }
}

// Somebody with a browser of his own: no cookie, nothing visited.
export async function newcomer(browser, options = {}) {
  const context = await browser.newContext({ ...telephone, ...options });
  return { context, page: await tab(context) };
}

export async function tab(context) {
  const page = await context.newPage();
  page.setDefaultTimeout(30000);
  return page;
}

// Somebody whose browser takes no cookie from anybody.
export async function refuser(visit) {
  const profile = mkdtempSync(`${tmpdir()}/refuser.`);
  mkdirSync(`${profile}/Default`);
  writeFileSync(`${profile}/Default/Preferences`, JSON.stringify({
    profile: { default_content_setting_values: { cookies: 2 } },
  }));
  const context = await chromium.launchPersistentContext(profile,
    { ...engine, ...telephone });
  try {
    await visit(await tab(context), context);
  } finally {
    await context.close();
  }
}

// What a page shows or holds, hidden fields and all.
export async function holds(page, what) {
  return what.test(await page.content());
}

// The text of the one element that a selector names, or ''.
export async function text(page, selector) {
  const shown = page.locator(selector);
  return await shown.count() === 1 ? (await shown.textContent()).trim() : '';
}

// Click, and wait for the page that comes of it.
export async function follow(page, role, name) {
  await Promise.all([
    page.waitForEvent('load'),
    page.getByRole(role, { name }).first().click(),
  ]);
}

// A page out of the back/forward cache commits, but never loads.
export async function back(page) {
  await page.goBack({ waitUntil: 'commit' });
  await page.locator('h1').waitFor();
}

// A form's fields as they would be sent, with what was filled in.
export async function fields(page, selector) {
  const found = {};
  for (const input of await page.locator(`${selector} input[name]`).all()) {
    found[await input.getAttribute('name')] = await input.inputValue();
  }
  return found;
}

// Elements whose text is too faint (WCAG 2.2 AA, 4.5 : 1).
function tooFaint() {
  const rgba = (text) => {
    const v = text.match(/[\d.]+/g).map(Number);
    return v.length > 3 ? v : [...v, 1];
  };
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((c) => {
      const s = c / 255;
      return s <= 0.04045 ? s / 12.92 : ((s + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const behind = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const colour = rgba(getComputedStyle(e).backgroundColor);
      if (colour[3] === 1) {
        return colour;
      }
    }
    return [255, 255, 255, 1];
  };
  const found = [];
  for (const e of document.body.querySelectorAll('*')) {
    const text = [...e.childNodes]
      .filter((n) => n.nodeType === 3).map((n) => n.data.trim()).join('');
    if (text === '' && e.tagName !== 'INPUT') {
      continue;
    }
    const [a, b] = [rgba(getComputedStyle(e).color), behind(e)].map(light);
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) {
      found.push(`${e.tagName} "${text}": ${ratio.toFixed(2)}`);
    }
  }
  return found;
}

// A page as it must look: legible, and no wider than the screen.
export async function looks(page, name) {
  await page.screenshot({ path: `${shots}/${name}.png`, fullPage: true });
  const [wide, screen] = await page.evaluate(() =>
    [document.documentElement.scrollWidth, window.innerWidth]);
  told(wide <= screen, `${name}: no sideways scroll at ${screen} px`, wide);
  const faint = await page.evaluate(tooFaint);
  told(faint.length === 0, `${name}: contrast is AA`, faint.join('\n'));
}

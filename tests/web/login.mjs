// login.mjs - the log-in program as a person meets it, in both carriers
//
// usage: node login.mjs ORIGIN FOLDER-FOR-SCREENSHOTS		prints TAP
//
// Scripts are switched off in the pages, the back/forward cache is on.
import { chromium } from 'playwright-core';
import process from 'node:process';

const [origin, shots] = process.argv.slice(2);
const secret = /The honey stands/;
let tests = 0;
let failed = 0;

function told(good, text, why = '') {
  tests++;
  console.log(`${good ? 'ok' : 'not ok'} ${tests} - ${text}`);
  if (!good) {
    failed++;
    console.log(`#   ${String(why).replace(/\n/g, '\n#   ')}`);
  }
}

// What a page shows or holds, hidden fields and all.
async function holds(page, what) {
  return what.test(await page.content());
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
async function looks(page, name) {
  await page.screenshot({ path: `${shots}/${name}.png`, fullPage: true });
  const [wide, screen] = await page.evaluate(() =>
    [document.documentElement.scrollWidth, window.innerWidth]);
  told(wide <= screen, `${name}: no sideways scroll at ${screen} px`, wide);
  const faint = await page.evaluate(tooFaint);
  told(faint.length === 0, `${name}: contrast is AA`, faint.join('\n'));
}

// Click, and wait for the page that comes of it.
async function follow(page, role, name) {
  const arrived = page.waitForEvent('load');
  await page.getByRole(role, { name }).click();
  await arrived;
}

async function enter(page, user, pass) {
  await page.getByLabel('User name').fill(user);
  await page.getByLabel('Password').fill(pass);
  await follow(page, 'button', 'Log in');
}

async function failures(page) {
  const shown = page.locator('#failures');
  return await shown.count() === 1 ? shown.textContent() : '';
}

// One person's way: wrong twice, in, out, Back.
async function visit(browser, carrier, colorScheme) {
  const context = await browser.newContext({
    colorScheme, javaScriptEnabled: false,
    viewport: { width: 360, height: 640 },
  });
  const page = await context.newPage();
  page.setDefaultTimeout(30000);
  const hostile = '"><h1 id=mine>';

  await page.goto(origin);
  await looks(page, `${carrier}-front`);
  await follow(page, 'link', `Log in by ${carrier}`);
  await looks(page, `${carrier}-form`);
  told(/login/.test(page.url()), `${carrier}: the address has "login" in it`);

  await enter(page, 'Cottleston', 'Cake');
  told(await failures(page) === '1', `${carrier}: a wrong password counts`,
    await page.content());
  await looks(page, `${carrier}-wrong`);
  await enter(page, hostile, 'Pie');
  told(await failures(page) === '2', `${carrier}: the second counts, too`);
  told(await page.locator('#mine').count() === 0
    && await page.getByLabel('User name').inputValue() === hostile,
  `${carrier}: what was typed is shown as text`);

  await enter(page, 'Cottleston', 'Pie');
  told(await page.locator('#private').count() === 1
    && await holds(page, secret), `${carrier}: logged in, private text`,
  await page.content());
  told(await failures(page) === '2', `${carrier}: it knows how often before`);
  await looks(page, `${carrier}-private`);
  const cookies = await context.cookies();
  told(carrier === 'cookie'
    ? cookies.length === 1 && cookies[0].httpOnly && cookies[0].secure
      && cookies[0].sameSite === 'Lax' && cookies[0].expires === -1
    : cookies.length === 0,
  `${carrier}: the browser keeps ${carrier === 'cookie'
    ? 'one HttpOnly, Secure, SameSite=Lax session cookie' : 'no cookie'}`,
  JSON.stringify(cookies.map(({ value, ...rest }) => rest)));
  const there = page.url();

  await page.reload();
  told(await holds(page, secret), `${carrier}: Reload shows it again`);
  await follow(page, 'button', 'Log out');
  told(await page.getByText('You have logged out').count() === 1
    && !await holds(page, secret), `${carrier}: logged out`);
  await looks(page, `${carrier}-out`);

  // A page out of the back/forward cache commits, but never loads.
  await page.goBack({ waitUntil: 'commit' });
  await page.locator('h1').waitFor();
  told(!await holds(page, secret) && page.url() === there,
    `${carrier}: Back after log-out shows nothing private`,
    await page.content());
  await looks(page, `${carrier}-back`);
  await page.goto(there);
  told(!await holds(page, secret), `${carrier}: nor does the old address`);
  await context.close();
}

const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  chromiumSandbox: process.getuid() !== 0,
  ignoreDefaultArgs: ['--disable-back-forward-cache'],
  args: ['--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update',
    '--disable-sync'],
});
try {
  await visit(browser, 'cookie', 'light');
  await visit(browser, 'page', 'dark');
} catch (error) {
  told(false, 'the visit comes to its end', error.stack);
} finally {
  await browser.close();
}
console.log(`1..${tests}`);
process.exitCode = failed > 0 ? 1 : 0;

// entered.mjs - the form that shows what was entered before, cookies refused
import { back, done, fields, follow, launch, looks, newcomer, origin, refuser,
  text, told } from './person.mjs';

async function entered(page) {
  const shown = await page.locator('#entered li').allTextContents();
  return shown.map((line) => line.trim()).join('|');
}

async function keep(page, what) {
  await page.getByLabel('Some text').fill(what);
  await follow(page, 'button', 'Keep it');
}

async function visit(browser) {
  const { context, page } = await newcomer(browser);
  const hostile = '<i id=mine>&amp;"';

  await page.goto(origin);
  await follow(page, 'link', 'Enter something');
  await looks(page, 'entered-empty');
  await keep(page, 'one');
  await keep(page, hostile);
  told(await entered(page) === `one|${hostile}`
    && await page.locator('#mine').count() === 0,
  'entered: each text has its number, and is shown as text',
  await page.content());
  await looks(page, 'entered-two');
  told((await context.cookies()).length === 0, 'entered: no cookie');

  await page.reload();
  told(await entered(page) === `one|${hostile}`,
    'entered: Reload enters nothing again');

  // A double click, at its worst: both requests arrive, at the same time.
  await page.getByLabel('Some text').fill('three');
  const form = await fields(page, 'form');
  const send = () => page.request.post(page.url().replace(/\?.*/, ''),
    { form });
  const answers = await Promise.all([send(), send(), send()]);
  await follow(page, 'button', 'Keep it');
  told(await entered(page) === `one|${hostile}|three`
    && await page.getByLabel('Some text').inputValue() === 'three',
  'R-60 entered: once more is refused, with what was typed',
  await page.content());
  await looks(page, 'entered-refused');
  await page.getByLabel('Some text').fill('four');
  await follow(page, 'button', 'Keep it');
  told(await entered(page) === `one|${hostile}|three|four`,
    'R-60 entered: a once form that was sent four times counts once',
    await page.content());
  told(answers.filter((a) => a.ok()).length === 1,
    'R-60 entered: the other two are refused',
    answers.map((a) => a.status()).join(' '));

  await follow(page, 'link', 'Start again');
  told(await entered(page) === '', 'entered: Start again is another session');
  await back(page);
  told(await entered(page) === `one|${hostile}|three|four`,
    'entered: Back shows the session before', await page.content());
  await context.close();
}

// The address goes to somebody else, with another token in it.
async function strangers(browser) {
  const { context, page } = await newcomer(browser, { colorScheme: 'dark' });

  await page.goto(`${origin}/entered.cgi`);
  await keep(page, 'mine');
  const there = page.url();
  await page.goto(there.replace(/.{4}$/, 'AAAA'));
  told(await entered(page) === '' && await text(page, 'h1') !== '',
    'entered: a token that was changed opens nothing, and is no error');
  await context.close();
}

async function withoutCookies() {
  await refuser(async (page, context) => {
    const login = async () => {
      await page.getByLabel('User name').fill('Cottleston');
      await page.getByLabel('Password').fill('Pie');
      await follow(page, 'button', 'Log in');
    };
    await page.goto(`${origin}/login-cookie.cgi`);
    await login();
    told((await context.cookies()).length === 0
      && /cookies are switched off/.test(await text(page, '[role=alert]')),
    'no cookies: this browser takes none, and the program says so',
    await page.content());
    await page.goto(`${origin}/entered.cgi`);
    await keep(page, 'one');
    await keep(page, 'two');
    told(await entered(page) === 'one|two',
      'no cookies: the page carries what was entered', await page.content());
    await page.goto(`${origin}/login-page.cgi`);
    await login();
    told(await text(page, '#who') === 'Cottleston',
      'no cookies: log-in by page', await page.content());
    await follow(page, 'button', 'Log out');
    told(/You have logged out/.test(await page.content()),
      'no cookies: and out again');
  });
}

await launch(async (browser) => {
  await visit(browser);
  await strangers(browser);
  await withoutCookies();
});
done();

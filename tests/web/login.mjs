// login.mjs - the log-in program as a person meets it, in both carriers
//
// usage: node login.mjs ORIGIN FOLDER-FOR-SCREENSHOTS		prints TAP
//
// Scripts are switched off in the pages.
import { done, follow, holds, launch, looks, newcomer, origin, told }
  from './person.mjs';

const secret = /The honey stands/;

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
  const { context, page } = await newcomer(browser, { colorScheme });
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

await launch(async (browser) => {
  await visit(browser, 'cookie', 'light');
  await visit(browser, 'page', 'dark');
});
done();

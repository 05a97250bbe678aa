// search.mjs - the search engine: each page goes on with its own search
import { back, done, follow, launch, looks, newcomer, origin, tab, text, told }
  from './person.mjs';

async function look(page, what) {
  await page.getByLabel('An ingredient').fill(what);
  await follow(page, 'button', 'Search');
}

// Is this page N of the recipes with that?
async function is(page, what, n) {
  const hits = await page.locator('#found li').allTextContents();
  return hits.length > 0 && hits.every((h) => new RegExp(what, 'i').test(h))
    && (await text(page, 'h2')).includes(what)
    && await text(page, '#page') === String(n);
}

async function visit(browser) {
  const { context, page } = await newcomer(browser);

  await page.goto(origin);
  await follow(page, 'link', 'Search for recipes');
  await looks(page, 'search-empty');
  told((await context.cookies()).length === 0,
    'search: who only looks gets no cookie');
  await look(page, 'marzipan');
  told(await is(page, 'marzipan', 1), 'search: marzipan, page 1',
    await page.content());
  await looks(page, 'search-marzipan');
  await look(page, 'eggs');
  told(await is(page, 'eggs', 1), 'search: eggs, page 1');
  await back(page);
  told(await is(page, 'marzipan', 1), 'search: Back shows marzipan');
  await follow(page, 'link', 'Next Page');
  told(await is(page, 'marzipan', 2),
    'B11 search: marzipan, eggs, Back, Next Page: marzipan, page 2',
    await page.content());
  await looks(page, 'search-next');
  await follow(page, 'link', 'Next Page');
  told(await is(page, 'marzipan', 3), 'search: and on');
  await follow(page, 'link', 'Previous Page');
  told(await is(page, 'marzipan', 2), 'search: and back by a link');
  told((await context.cookies()).length === 1, 'search: one cookie');

  await look(page, '"><b id=mine>');
  told(await page.locator('#mine').count() === 0
    && /There are none/.test(await page.content()),
  'search: what is looked for is shown as text');
  await context.close();
}

async function twoTabs(browser) {
  const { context, page } = await newcomer(browser, { colorScheme: 'dark' });
  const other = await tab(context);

  await page.goto(`${origin}/search.cgi`);
  await look(page, 'marzipan');
  await other.goto(`${origin}/search.cgi`);
  await look(other, 'eggs');
  await follow(page, 'link', 'Next Page');
  await follow(other, 'link', 'Next Page');
  await follow(page, 'link', 'Next Page');
  told(await is(page, 'marzipan', 3) && await is(other, 'eggs', 2),
    'search: two tabs, two searches', await page.content());
  await looks(page, 'search-dark');
  await context.close();
}

async function stale(browser) {
  const { context, page } = await newcomer(browser);
  const old = /That page was too old/;

  await page.goto(`${origin}/search.cgi`);
  await look(page, 'eggs');
  await follow(page, 'link', 'Next Page');
  const there = new URL(page.url());
  const sealed = there.searchParams.get('.page');
  told(sealed !== null && !/eggs/.test(there.href),
    'B12 search: the query is sealed in the link', there.href);

  // One letter in the middle becomes another one.
  const at = sealed.length / 2 | 0;
  there.searchParams.set('.page', sealed.slice(0, at)
    + (sealed[at] === 'A' ? 'B' : 'A') + sealed.slice(at + 1));
  const answer = await page.goto(there.href);
  told(answer.ok() && old.test(await text(page, '[role=alert]'))
    && await page.locator('#found').count() === 0,
  'B12 search: a page that was changed is stale, and says so',
  await page.content());
  await looks(page, 'search-stale');
  await look(page, 'marzipan');
  told(await is(page, 'marzipan', 1)
    && await page.locator('[role=alert]').count() === 0,
  'search: after that one may search again');

  await context.clearCookies();
  await follow(page, 'link', 'Next Page');
  told(old.test(await text(page, '[role=alert]')),
    'B12 search: without its session a page is stale');
  await context.close();
}

await launch(async (browser) => {
  await visit(browser);
  await twoTabs(browser);
  await stale(browser);
});
done();

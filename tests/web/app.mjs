// app.mjs - the program that uses all at once, with scripts and without
import { Buffer } from 'node:buffer';
import { done, follow, launch, looks, newcomer, origin, text, told }
  from './person.mjs';

const home = `${origin}/app.cgi`;

async function enter(page, pass = 'Pie') {
  await page.getByLabel('User name').fill('Cottleston');
  await page.getByLabel('Password').fill(pass);
  await follow(page, 'button', 'Log in');
}

async function notice(page) {
  return text(page, '[role=status]');
}

async function visit(browser) {
  const { context, page } = await newcomer(browser);

  await page.goto(origin);
  await follow(page, 'link', 'Try it all');
  await looks(page, 'app-form');
  await enter(page, 'Cake');
  told(/Wrong user name/.test(await text(page, '[role=alert]')),
    'app: a wrong password is refused', await page.content());
  await enter(page);
  told(await text(page, '#who') === 'Cottleston'
    && await notice(page) === 'Welcome.', 'app: logged in, with a message',
  await page.content());
  await looks(page, 'app-home');
  await page.reload();
  told(await notice(page) === '', 'app: the message is shown once');

  await follow(page, 'button', 'Count one more');
  await follow(page, 'button', 'Count one more');
  told(await text(page, '#sum') === '2', 'app: the form counts');
  await page.reload();
  told(await text(page, '#sum') === '2', 'app: Reload does not count again');

  await page.getByLabel('Files').setInputFiles([
    { name: 'a.txt', mimeType: 'text/plain', buffer: Buffer.from('1234567') },
    { name: '../../b"<b>.bin', mimeType: 'application/octet-stream',
      buffer: Buffer.alloc(100000, 255) },
  ]);
  await follow(page, 'button', 'Upload');
  told(await notice(page) === '2 files, 100007 bytes.',
    'U: an upload of two files', await page.content());
  await looks(page, 'app-upload');

  await follow(page, 'button', 'Log out here');
  told(await notice(page) === 'Good bye.'
    && await page.locator('#who').count() === 0, 'app: logged out');
  await context.close();
}

// A POST by the page itself, so with its cookie; CALL is a JSON body.
async function post(page, path, call, headers = {}) {
  return page.evaluate(async ([to, body, more]) => {
    const answer = await fetch(to, {
      method: 'POST', headers: more,
      body: body === undefined ? new URLSearchParams() : JSON.stringify(body),
    });
    return { status: answer.status, text: await answer.text(),
      type: answer.headers.get('content-type') };
  }, [`${home}${path}`, call, call === undefined ? headers
    : { 'Content-Type': 'application/json', ...headers }]);
}

async function statuses(browser) {
  const { context, page } = await newcomer(browser,
    { colorScheme: 'dark', javaScriptEnabled: true });

  const nowhere = await page.goto(`${home}/nowhere`);
  told(nowhere.status() === 404, '404: there is no such route');
  await looks(page, 'app-404');
  const wrong = await page.goto(`${home}/upload`);
  told(wrong.status() === 405 && wrong.headers().allow === 'POST',
    '405: an upload is a POST, and Allow says so');
  await follow(page, 'link', 'To the start');
  told((await post(page, '/count')).status === 403, '403: nobody may count');
  await enter(page);
  told((await post(page, '/count')).status === 403,
    'R-60 403: a form that is not ours');
  told((await post(page, '/api', { by: 1 })).status === 403,
    'R-60 403: a call without X-CSRF-Token');
  const headers = { 'X-CSRF-Token': await page.locator('#count')
    .getAttribute('data-csrf') };
  told((await post(page, '/count', undefined, headers)).status === 403,
    'R-60 403: a token for something else');
  told((await post(page, '/api', { by: 77 }, headers)).status === 400,
    '400: a call that makes no sense');
  const call = await post(page, '/api', { by: 3 }, headers);
  told(call.status === 200 && call.text === '{"count":3}\n'
    && call.type === 'application/json',
  'app: a call with X-CSRF-Token counts, and answers in JSON', call.text);
  await page.reload();
  told(await text(page, '#sum') === '3', 'app: once', await page.content());
  await looks(page, 'app-dark');
  await context.close();
}

async function scripted(browser) {
  const { context, page } = await newcomer(browser,
    { javaScriptEnabled: true });
  const errors = [];
  page.on('pageerror', (error) => errors.push(error));
  page.on('console', (m) => m.type() === 'error' && errors.push(m.text()));

  await page.goto(home);
  await enter(page);
  let pages = 0;
  page.on('load', () => { pages++; });
  for (const sum of ['1', '2', '3']) {
    await page.getByRole('button', { name: 'Count one more' }).click();
    await page.locator('#sum', { hasText: sum }).waitFor();
  }
  told(pages === 0 && errors.length === 0,
    'app: a script counts on the same page', errors.join('\n'));
  await page.reload();
  told(await text(page, '#sum') === '3', 'app: and the server counted');

  // What the script cannot do, the form does.
  await page.route('**/api', (route) => route.abort());
  await follow(page, 'button', 'Count one more');
  told(await text(page, '#sum') === '4', 'app: where a call fails, the form',
    await page.content());
  await context.close();
}

async function everywhere(browser) {
  const here = await newcomer(browser);
  const there = await newcomer(browser);
  const third = await newcomer(browser);

  for (const { page } of [here, there, third]) {
    await page.goto(home);
    await enter(page);
  }
  await there.page.reload();
  const shown = there.page.locator('#sessions li');
  told(await shown.count() >= 3
    && await shown.filter({ hasText: 'this one' }).count() === 1,
  'R-27 app: all sessions are listed, one is this one');
  await looks(there.page, 'app-sessions');

  const before = await shown.count();
  await follow(there.page, 'button', 'End it');
  told(await text(there.page, '[role=status]') === 'It has ended.'
    && await shown.count() === before - 1, 'R-27 app: one of them is ended',
  await there.page.content());

  await follow(there.page, 'button', 'Log out everywhere');
  told(await text(there.page, '[role=status]')
    === `Logged out everywhere: ${before - 1}.`,
  'R-27 app: logged out everywhere', await there.page.content());
  for (const [name, { page }] of [['first', here], ['third', third]]) {
    await follow(page, 'button', 'Count one more');
    told(await page.locator('#who').count() === 0
      && /you have been logged out/.test(await text(page, '[role=alert]')),
    `R-26 app: the ${name} browser is logged out at its next click`,
    await page.content());
  }
  await looks(here.page, 'app-ended');
  for (const { context } of [here, there, third]) {
    await context.close();
  }
}

await launch(async (browser) => {
  await visit(browser);
  await statuses(browser);
  await scripted(browser);
  await everywhere(browser);
});
done();

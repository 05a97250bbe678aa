// session.mjs - the unit of work through express-session, in memory
//
// usage: node session.mjs; verbs on stdin as in speak.h.  Requests and
// answers are Node's own objects, without a socket.
import { IncomingMessage, ServerResponse } from 'node:http';
import { createInterface } from 'node:readline';
import session from 'express-session';

const handle = session({
	secret: 'benchmark of sessions', resave: false,
	saveUninitialized: false, cookie: { httpOnly: true },
});
const ids = [];

const value = (x) => x.toString(16).padEnd(48, 'abcdefgh');

// One request; the program's part is fn.
function request(cookie, fn) {
	return new Promise((done, bad) => {
		const req = new IncomingMessage(null);
		req.method = 'GET';
		req.url = req.originalUrl = '/';
		req.connection = { encrypted: false };
		if (cookie)
			req.headers.cookie = cookie;
		const res = new ServerResponse(req);
		const end = res.end;	// the middleware calls it last
		res.end = (...args) => {
			end.apply(res, args);
			done(res);
			return res;
		};
		handle(req, res, (err) => {
			if (err)
				return bad(err);
			fn(req.session);
			res.end('x');
		});
	});
}

function look(s) {
	if (s.p2 === undefined || s.p7 === undefined)
		process.exit(1);
}

const verbs = {
	async make(i) {
		const res = await request(null, (s) => {
			for (let k = 0; k < 10; k++)
				s['p' + k] = value(i * 10 + k);
		});
		ids.push(String(res.getHeader('set-cookie')).split(';')[0]);
	},
	read: () => request(ids[Math.floor(Math.random() * ids.length)], look),
	cycle: (i) =>
	    request(ids[Math.floor(Math.random() * ids.length)], (s) => {
		look(s);
		s.p5 = value(i + Math.floor(Math.random() * 1e9));
	}),
};

for await (const line of createInterface({ input: process.stdin })) {
	const [what, n] = line.split(' ');
	if (what === 'quit')
		break;
	const t = process.hrtime.bigint();
	for (let i = 0; i < Number(n); i++)
		await verbs[what](i);
	console.log(`${process.hrtime.bigint() - t} 0`);
}

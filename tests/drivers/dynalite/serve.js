// serve.js - dynalite behind a gate that recomputes each AWS signature
//
//	node serve.js PORT FOLDER [keep]
//
// Dynalite takes any signature, so the gate, which listens on that port of
// loopback, computes it anew from what arrived and the secret below, and
// refuses what is wrong as Amazon does.  What passes goes on whole: half a
// request never reaches the engine.  "keep": it has its data in the folder.
//
// In the folder a test may put
//	fault	{"action": "PutItem", "status": 400, "type": "X", "after": 1}
//		that action is answered so, "after" it was done; "drop": not
//		at all; "" is any action
//	wire	all that arrives is added to it
//	tally	the name of each action is added to it, and "connection"
//	server.key, server.crt	TLS; before it starts
// At SIGUSR2 it hangs up on who is idle, and adds "hangup" to the tally.
'use strict';
const crypto = require('crypto');
const fs = require('fs');
const http = require('http');
const https = require('https');
const path = require('path');

const dynalite = require('dynalite');

const [port, folder, keep] = process.argv.slice(2);
const people = {
	AKIDSHOP: { secret: 'wJalr/K7+secret=of.the/shop' },
	ASIDSHOP: { secret: 'another/secret', token: 'Fwo/token+of==shop' },
};
const region = 'eu-test-1';
const inner = path.join(folder, 'inner');

const sha256 = (data) =>
	crypto.createHash('sha256').update(data).digest('hex');
const hmac = (key, data) =>
	crypto.createHmac('sha256', key).update(data).digest();

const refusal = (type, message) => ({ status: 400, body: JSON.stringify({
	__type: 'com.amazon.coral.service#' + type, message }) });

// Headers as they came: name in lower case, values trimmed and single-spaced.
function headersOf(req) {
	const all = {};
	for (let i = 0; i < req.rawHeaders.length; i += 2) {
		const name = req.rawHeaders[i].toLowerCase();
		const value = req.rawHeaders[i + 1].trim().replace(/ +/g, ' ');
		all[name] = name in all ? all[name] + ',' + value : value;
	}
	return all;
}

// Null, or why not.  As the AWS General Reference describes version 4.
function judge(req, body) {
	const head = headersOf(req);
	const auth = /^AWS4-HMAC-SHA256 Credential=([^,]+), ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/
		.exec(head.authorization || '');
	if (!auth)
		return refusal('MissingAuthenticationTokenException', 'none');
	const scope = auth[1].split('/');
	const signed = auth[2].split(';');
	const when = head['x-amz-date'] || '';
	if (scope.length !== 5 || scope[4] !== 'aws4_request' ||
	    !/^\d{8}T\d{6}Z$/.test(when) || scope[1] !== when.slice(0, 8))
		return refusal('IncompleteSignatureException', 'scope or date');
	for (const must of ['host', 'x-amz-date', 'x-amz-target'])
		if (!signed.includes(must))
			return refusal('InvalidSignatureException', must);
	if (head['x-amz-security-token'] !== undefined &&
	    !signed.includes('x-amz-security-token'))
		return refusal('InvalidSignatureException', 'token');
	if ([...signed].sort().join(';') !== auth[2])
		return refusal('IncompleteSignatureException', 'order');
	const at = Date.parse(when.replace(
		/^(....)(..)(..)T(..)(..)(..)Z$/, '$1-$2-$3T$4:$5:$6Z'));
	if (Math.abs(Date.now() - at) > 15 * 60 * 1000)
		return refusal('InvalidSignatureException', 'expired');
	const who = people[scope[0]];
	if (!who || who.token !== head['x-amz-security-token'])
		return refusal('UnrecognizedClientException', 'not known');
	if (scope[2] !== region || scope[3] !== 'dynamodb')
		return refusal('InvalidSignatureException', 'scope');
	const [uri, query] = req.url.split('?');
	const canonical = [req.method, uri,
		(query || '').split('&').sort().join('&'),
		...signed.map((name) => name + ':' + head[name]), '',
		signed.join(';'), sha256(body)].join('\n');
	const toSign = ['AWS4-HMAC-SHA256', when, scope.slice(1).join('/'),
		sha256(canonical)].join('\n');
	const key = scope.slice(1).reduce(hmac, 'AWS4' + who.secret);
	if (hmac(key, toSign).toString('hex') !== auth[3])
		return refusal('InvalidSignatureException', 'does not match');
	return null;
}

function answer(res, status, body) {
	res.writeHead(status, { 'Content-Type': 'application/x-amz-json-1.0',
		'Content-Length': Buffer.byteLength(body) });
	res.end(body);
}

// The fault that is set for an action, or null.
function faultOf(action) {
	try {
		const f = JSON.parse(fs.readFileSync(path.join(folder, 'fault')));
		return f.action === '' || f.action === action ? f : null;
	} catch (e) {
		return null;
	}
}

function note(name, text) {
	const file = path.join(folder, name);
	if (fs.existsSync(file))
		fs.appendFileSync(file, text);
}

function fail(res, fault) {
	if (fault.drop)
		res.destroy();
	else
		answer(res, fault.status, fault.body || JSON.stringify({
			__type: 'com.amazonaws.dynamodb.v20120810#' + fault.type,
			message: fault.message || '' }));
}

const agent = new http.Agent({ keepAlive: true });

function pass(req, res, body, fault) {
	const to = http.request({ socketPath: inner, agent, method: req.method,
		path: req.url, headers: req.headers }, (from) => {
		const parts = [];
		from.on('data', (part) => parts.push(part));
		from.on('end', () => fault ? fail(res, fault) :
			answer(res, from.statusCode, Buffer.concat(parts)));
	});
	to.on('error', () => res.destroy());
	to.end(body);
}

function serve(req, res) {
	const parts = [];
	req.on('error', () => {});
	req.on('data', (part) => parts.push(part));
	req.on('end', () => {
		const body = Buffer.concat(parts);
		const action = (req.headers['x-amz-target'] || '').split('.')[1];
		const wrong = judge(req, body);
		const fault = faultOf(action);
		note('wire', req.rawHeaders.join('\n') + '\n' + body + '\n');
		note('tally', action + '\n');
		if (wrong)
			answer(res, wrong.status, wrong.body);
		else if (fault && !fault.after)
			fail(res, fault);
		else
			pass(req, res, body, fault);
	});
}

const pem = (name) => fs.readFileSync(path.join(folder, name));
const gate = fs.existsSync(path.join(folder, 'server.key')) ?
	https.createServer({ key: pem('server.key'), cert: pem('server.crt') },
		serve) : http.createServer(serve);
gate.on('connection', () => note('tally', 'connection\n'));
gate.keepAliveTimeout = 600000;
process.on('SIGUSR2', () => {
	gate.closeIdleConnections();
	setTimeout(() => note('tally', 'hangup\n'), 20);
});

fs.rmSync(inner, { force: true });
dynalite({ path: keep ? path.join(folder, 'data') : undefined,
	createTableMs: 100, deleteTableMs: 0 })
	.listen(inner, () => gate.listen(Number(port), '127.0.0.1'));

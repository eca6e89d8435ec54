// A mail server that asks for STARTTLS and a password, takes what comes, and prints each message as a line of JSON. By their first part, recipients are
// refused for now (busy@), for good (gone@), or never answered (slow@).
const { readFileSync } = require('node:fs');
const { SMTPServer } = require('smtp-server');

// Modes, with commas between them: 'plain' (no STARTTLS, no password), 'tls' (from the start), 'login' (passwords by LOGIN only, else by PLAIN only).
const [certificate, key, modes] = process.argv.slice(2);
const is = mode => modes.split(',').includes(mode);
const print = value => process.stdout.write(JSON.stringify(value) + '\n');
const server = new SMTPServer({
    cert: readFileSync(certificate),
    key: readFileSync(key),
    secure: is('tls'),
    hideSTARTTLS: is('plain'),
    authOptional: is('plain'),
    authMethods: [is('login') ? 'LOGIN' : 'PLAIN'],
    hideSize: true,
    onAuth: (auth, session, done) => session.secure && auth.username === 'fleet' && auth.password === 'correct horse'
        ? done(null, { user: auth.username })
        : done(Object.assign(new Error('no such user'), { responseCode: 535 })),
    onRcptTo: (address, session, done) => {
        if (address.address.startsWith('busy@')) return done(Object.assign(new Error('try later'), { responseCode: 451 }));
        if (address.address.startsWith('gone@')) return done(Object.assign(new Error('no such mailbox'), { responseCode: 550 }));
        if (!address.address.startsWith('slow@')) done();
    },
    onData: (stream, session, done) => {
        const parts = [];
        stream.on('data', part => parts.push(part));
        stream.on('end', () => {
            print({ from: session.envelope.mailFrom.address, to: session.envelope.rcptTo.map(one => one.address), secure: session.secure, user: session.user ?? null, data: Buffer.concat(parts).toString('latin1') });
            done();
        });
    },
});
server.on('error', () => {});
server.listen(0, '127.0.0.1', () => print({ port: server.server.address().port }));

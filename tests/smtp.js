// A mail server that asks for STARTTLS and a password, takes what comes, and prints each message as a line of JSON. By their first part, recipients are
// refused for now (busy@), for good (gone@), or never answered (slow@).
const { readFileSync } = require('node:fs');
const { SMTPServer } = require('smtp-server');

const [certificate, key, mode] = process.argv.slice(2);
const print = value => process.stdout.write(JSON.stringify(value) + '\n');
const server = new SMTPServer({
    cert: readFileSync(certificate),
    key: readFileSync(key),
    hideSTARTTLS: mode === 'plain',
    authOptional: mode === 'plain',
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

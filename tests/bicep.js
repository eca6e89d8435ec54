// Prints the syntax trees of Bicep files as JSON: {path: node}, a node being {type, text, start, named children}. A missing or wrong piece is
// a node of type ERROR, or one with "missing".
const fs = require('fs');
const Parser = require('tree-sitter');
const Bicep = require('tree-sitter-bicep');

const parser = new Parser();
parser.setLanguage(Bicep);
const plain = node => ({
  type: node.type, text: node.text, line: node.startPosition.row + 1, missing: node.isMissing, children: node.namedChildren.map(plain),
});
const trees = {};
for (const path of process.argv.slice(2)) trees[path] = plain(parser.parse(fs.readFileSync(path, 'utf8'), undefined, { bufferSize: 1 << 20 }).rootNode);
process.stdout.write(JSON.stringify(trees));

// Prints each token of a file with its scopes, as editors that read TextMate grammars see them.
"use strict";

const { readFileSync } = require("node:fs");
const { join } = require("node:path");

const [modules, grammar, sample] = process.argv.slice(2);
const load = (name) => require(join(modules, "node_modules", name));
const { Registry, parseRawGrammar, INITIAL } = load("vscode-textmate");
const oniguruma = load("vscode-oniguruma");

async function main() {
  const wasm = readFileSync(join(modules, "node_modules/vscode-oniguruma/release/onig.wasm"));
  await oniguruma.loadWASM(wasm.buffer.slice(wasm.byteOffset, wasm.byteOffset + wasm.byteLength));
  const files = {
    "source.trc": grammar,
    "source.sql": join(modules, "node_modules/tm-grammars/grammars/sql.json"),
  };
  const registry = new Registry({
    onigLib: Promise.resolve({
      createOnigScanner: (patterns) => new oniguruma.OnigScanner(patterns),
      createOnigString: (text) => new oniguruma.OnigString(text),
    }),
    loadGrammar: async (scope) => (files[scope] ? parseRawGrammar(readFileSync(files[scope], "utf8"), files[scope]) : null),
  });
  const loaded = await registry.loadGrammar("source.trc");
  let stack = INITIAL;
  for (const line of readFileSync(sample, "utf8").trimEnd().split("\n")) {
    console.log(`> ${line}`);
    const result = loaded.tokenizeLine(line, stack);
    for (const token of result.tokens) {
      const text = line.slice(token.startIndex, token.endIndex);
      if (text.trim()) {
        console.log(`  ${JSON.stringify(text)}  ${token.scopes.slice(1).join(" ") || "-"}`);
      }
    }
    stack = result.ruleStack;
  }
}

main();

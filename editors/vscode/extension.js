// Starts `trc lsp` for the pipelines that are opened.
"use strict";

const vscode = require("vscode");
const { LanguageClient } = require("vscode-languageclient/node");

let client;

async function activate() {
  const [command, ...args] = vscode.workspace.getConfiguration("trc").get("command");
  client = new LanguageClient(
    "trc",
    "trc",
    { command, args },
    {
      documentSelector: [
        { scheme: "file", language: "trc" },
        { scheme: "file", language: "yaml" },
        // Code that pipelines name counts as it is typed.
        { scheme: "file", language: "python" },
      ],
    },
  );
  await client.start();
}

async function deactivate() {
  await client?.stop();
}

module.exports = { activate, deactivate };

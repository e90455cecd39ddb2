// Copies what the extension shares with other editors into its folder: run it before packaging.
"use strict";

const { copyFileSync } = require("node:fs");
const { join } = require("node:path");

const shared = [
  "../textmate/trc.tmLanguage.json",
  "../textmate/language-configuration.json",
  "../../schemas/trc-yaml.schema.json",
];

for (const file of shared) {
  copyFileSync(join(__dirname, file), join(__dirname, file.split("/").pop()));
}

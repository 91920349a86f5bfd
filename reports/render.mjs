// node reports/render.mjs [REPORTS]: make REPORTS/allure-report/index.html (default reports/out) from REPORTS/allure-results.
// Needs the npm package `allure`, installed here or globally. The page is one file, and asks nobody for anything.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const out = process.argv[2] ?? "reports/out";
const config = fileURLToPath(new URL("allurerc.mjs", import.meta.url));
const command = process.env.ALLURE ?? "allure";
const page = `${out}/allure-report/index.html`;
rmSync(page, { force: true }); // an old page must not pass for a new one
const made = spawnSync(command, ["generate", "--config", config, `${out}/allure-results`], {
  stdio: "inherit",
  env: { ...process.env, MUSTER_REPORTS: out, NO_UPDATE_NOTIFIER: "1" },
});
if (made.error || made.status !== 0 || !existsSync(page)) {
  console.error(made.error ? `cannot start ${command}: npm install -g allure` : `${command} made no ${page}`);
  process.exit(1);
}

// The page comes with Google Analytics switched on, and it is full of infrastructure.
const analytics = /<script async src="https:\/\/www\.googletagmanager\.com[^>]*><\/script>\s*<script>[^<]*<\/script>/g;
// Whatever else it may want of a server, now or in another version, the browser refuses it.
const own = "data: blob:";
const policy =
  `default-src 'none'; script-src 'unsafe-inline' ${own}; style-src 'unsafe-inline' ${own}; img-src ${own}; font-src ${own}; ` +
  `connect-src ${own}; media-src ${own}; frame-src ${own}; worker-src ${own}; form-action 'none'`;
const html = readFileSync(page, "utf8")
  .replaceAll(analytics, "")
  .replace("<head>", `<head>\n    <meta http-equiv="Content-Security-Policy" content="${policy}">`);
if (html.includes("googletagmanager") || !html.includes(policy)) {
  console.error(`${page} could still speak to others: this version of allure writes its page in another way`);
  process.exit(1);
}
writeFileSync(page, html);
console.log(page);

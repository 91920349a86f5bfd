// Settings for Allure 3, the npm package `allure`; `node reports/render.mjs` uses them.
import { existsSync, readFileSync } from "node:fs";

const out = process.env.MUSTER_REPORTS ?? "reports/out";
const read = (path) => (existsSync(path) ? readFileSync(path, "utf8") : "");
const line = read(`${out}/allure-results/environment.properties`).match(/^environments=(.*)$/m);
const names = line ? line[1].split(" ") : [];
const matcher = (name) => ({ labels }) => labels.some((each) => each.name === "environment" && each.value === name);
const environment = (name) => [name.replaceAll(/[^A-Za-z0-9]/g, "_"), { name: name.replace("/", " "), matcher: matcher(name) }];

export default {
  name: "Muster",
  output: `${out}/allure-report`,
  historyPath: `${out}/allure-history.jsonl`,
  historyLimit: 60, // a daily run fills two months
  // With one environment a switch would only be in the way.
  environments: names.length > 1 ? Object.fromEntries(names.map(environment)) : undefined,
  // Allure 2 reads categories.json from the results, Allure 3 only this.
  categories: JSON.parse(readFileSync(new URL("categories.json", import.meta.url), "utf8")),
  plugins: {
    awesome: {
      options: {
        reportName: "Muster",
        reportLanguage: "en",
        singleFile: true,
        groupBy: ["parentSuite", "suite", "subSuite"],
        defaultSortBy: "status,asc",
      },
    },
  },
};

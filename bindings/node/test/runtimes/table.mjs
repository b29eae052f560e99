const marks = { passed: "✓", failed: "✗" };

/**
 * The table of which case ran where, what failed, and which runtimes are not
 * there. A cell without a mark has the number of its reason below.
 */
export function formTable(reports) {
  const names = [...new Set(reports.flatMap(({ results }) => results.map(({ name }) => name)))];
  const reasons = [];
  const failures = [];
  const cell = (report, name) => {
    if (report.missing) return reason(reasons, `${report.name} is not on this machine`);
    const result = report.results.find((one) => one.name === name);
    const { only } = reports.flatMap(({ results }) => results).find((one) => one.name === name);
    if (!result && only) return reason(reasons, only);
    if (!result) {
      failures.push(`${report.name}: ${name}: did not run, and nothing says why`);
      return "✗";
    }
    if (result.outcome === "failed") failures.push(`${report.name}: ${name}: ${result.why}`);
    const count = result.cases > 1 ? ` ${result.cases}` : "";
    return result.outcome === "skipped" ? reason(reasons, result.why) : marks[result.outcome] + count;
  };
  const row = (cells) => `| ${cells.join(" | ")} |`;
  const sum = (report) => (report.missing ? "–" : String(report.results.reduce((total, { outcome, cases = 1 }) => total + (outcome === "passed" ? cases : 0), 0)));
  const start = ({ startMs }) => (startMs === undefined ? "–" : `${startMs.toFixed(0)} ms`);
  const lines = [
    row(["case", ...reports.map(({ name }) => name)]),
    row(["---", ...reports.map(() => "---")]),
    ...names.map((name) => row([name.replaceAll("|", "\\|"), ...reports.map((report) => cell(report, name))])),
    row(["**passed**", ...reports.map(sum)]),
    row(["**import and first client**", ...reports.map(start)]),
  ];
  const notes = reasons.map((why, number) => `${number + 1}. ${why}`);
  const missing = reports.filter((report) => report.missing).map(({ name }) => name);
  return { text: `${[...lines, "", ...notes].join("\n")}\n`, failures, missing };
}

function reason(reasons, why) {
  if (!reasons.includes(why)) reasons.push(why);
  return `(${reasons.indexOf(why) + 1})`;
}

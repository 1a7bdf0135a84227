// How a retrospective reads: a letter of one column in a terminal and as a page.
#include <algorithm>

#include "base/text.h"
#include "loop/plot.h"
#include "loop/retrospective.h"

namespace hoego::loop {
namespace {

// "Cycle 1 at home: films/2 shipped." and the like.
std::string Title(const Retrospective& r) { return fmt::format("Retrospective of {}, cycle {}", r.loop, r.cycle); }

std::string Believed(const Retrospective& r) {
  if (!r.predicted) {
    return fmt::format("Nothing was predicted: {}", r.gate_reason);
  }
  return fmt::format("Offline, the challenger gained {} in {} over the champion's recipe on the same data "
                     "(paired p = {:.2g}). Gate: {}.",
                     PercentText(*r.predicted), r.objective, r.predicted_p, r.gate_reason);
}

std::string Happened(const Retrospective& r) {
  if (r.test.empty()) {
    return "No test was run.";
  }
  std::string text = fmt::format("Verdict: {}. {}", r.verdict, r.verdict_reason);
  if (r.measured) {
    text += fmt::format(" {}: {:.3g} with {}/{} ({} units) against {:.3g} with {}/{} ({} units): {}.", r.metric,
                        r.rate_challenger, r.model, r.challenger, r.units_challenger, r.rate_champion, r.model, r.champion,
                        r.units_champion, PercentText(*r.measured));
  }
  return text;
}

std::string Cost(const Retrospective& r) {
  double total = 0;
  std::string parts;
  for (const auto& [step, seconds] : r.step_seconds) {
    total += seconds;
    parts += fmt::format("{}{} {:.1f} s", parts.empty() ? "" : ", ", step, seconds);
  }
  double cpu = 0;
  for (const auto& o : r.offline) {
    cpu += o.cpu_seconds;
  }
  return fmt::format("{:.1f} s ({}); {:.1f} s of CPU in training; {} answers, {} failed.", total, parts, cpu, r.requests,
                     r.failed_requests);
}

void Wrap(std::string& out, std::string_view text, std::string_view first, std::string_view rest) {
  std::string line(first);
  size_t width = first.size();
  for (const std::string_view word : Split(text, ' ')) {
    if (width + word.size() + 1 > 96 && width > rest.size()) {
      out += line + "\n";
      line = std::string(rest);
      width = rest.size();
    }
    if (width > rest.size() || (width > 0 && line.back() != ' ')) {
      line += ' ';
      ++width;
    }
    line += word;
    width += word.size();
  }
  out += line + "\n";
}

std::string Li(const std::vector<std::string>& lines) {
  std::string html = "<ul>";
  for (const auto& l : lines) {
    html += fmt::format("<li>{}</li>", EscapeHtml(l));
  }
  return html + "</ul>";
}

// The metrics of one cutoff ("@20"), those that readers look for first in front.
std::string OfflineTable(const Retrospective& r, std::string_view cutoff) {
  std::vector<std::string> names;
  const auto add = [&](const std::string& name) {
    if (name.ends_with(cutoff) && std::find(names.begin(), names.end(), name) == names.end()) {
      names.push_back(name);
    }
  };
  for (const std::string_view first : {"ndcg", "recall", "precision", "map", "mrr"}) {
    for (const auto& [name, value] : r.offline.front().metrics) {
      if (name == fmt::format("{}{}", first, cutoff)) {
        add(name);
      }
    }
  }
  for (const auto& [name, value] : r.offline.front().metrics) {
    add(name);
  }
  if (names.empty()) {
    return "";
  }
  std::string html = fmt::format("<div class=\"wide\"><table><thead><tr><th>candidate, {}</th>", cutoff);
  for (const std::string& name : names) {
    html += fmt::format("<th>{}</th>", EscapeHtml(name.substr(0, name.size() - cutoff.size())));
  }
  html += "<th>seconds</th></tr></thead><tbody>";
  for (const OfflineRow& o : r.offline) {
    html += fmt::format("<tr><td>{}{}{}</td>", EscapeHtml(o.label), o.winner ? " <b>(chosen)</b>" : "",
                        o.champion_recipe ? " (champion's recipe)" : "");
    for (const std::string& name : names) {
      const auto found = std::find_if(o.metrics.begin(), o.metrics.end(), [&](const auto& m) { return m.first == name; });
      html += found == o.metrics.end() ? "<td>–</td>" : fmt::format("<td>{:.4f}</td>", found->second);
    }
    html += fmt::format("<td>{:.2f}</td></tr>", o.seconds);
  }
  return html + "</tbody></table></div>";
}

std::string OfflineTables(const Retrospective& r) {
  return r.offline.empty() ? std::string() : OfflineTable(r, "@20") + OfflineTable(r, "@10");
}

}  // namespace

std::string ToText(const Retrospective& r, bool colour) {
  const std::string_view bold = colour ? "\x1b[1m" : "";
  const std::string_view plain = colour ? "\x1b[0m" : "";
  std::string out = fmt::format("{}{}{}\n", bold, Title(r), plain);
  if (!r.note.empty()) {
    Wrap(out, r.note, "  ", "  ");
  }
  const auto part = [&](std::string_view name, std::string_view text) {
    Wrap(out, text, fmt::format("  {:<10}", name), "            ");
  };
  part("believed", Believed(r));
  for (const OfflineRow& o : r.offline) {
    out += fmt::format("            {:<36} {} {:.4f}{}  {:6.2f} s{}{}\n", o.label.substr(0, 36), r.objective,
                       o.objective.value,
                       o.objective.low ? fmt::format(" [{:.4f}, {:.4f}]", *o.objective.low, *o.objective.high) : "",
                       o.seconds, o.winner ? "  chosen" : "", o.champion_recipe ? "  champion's recipe" : "");
  }
  part("happened", Happened(r));
  for (const auto& g : r.guardrails) {
    part("guardrail", g);
  }
  part("cost", Cost(r));
  for (const auto& s : r.surprises) {
    part("surprise", s);
  }
  for (const auto& n : r.next) {
    part("next", n);
  }
  part("now", fmt::format("{}/{} answers {}: {}", r.model, r.answers_now, r.endpoint, r.because));
  return out;
}

std::string ToHtml(const Retrospective& r) {
  std::string html = fmt::format(
      "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{0}</title>"
      "<meta name=\"viewport\" content=\"width=device-width\"><link rel=\"stylesheet\" href=\"/ui/style.css\"></head>"
      "<body><nav><a href=\"/ui/\">Hoego</a> · <a href=\"/ui/retrospectives\">Retrospectives</a></nav><main class=\"letter\">"
      "<h1>{0}</h1><p class=\"lead\">{1}</p>",
      EscapeHtml(Title(r)), EscapeHtml(Summary(r)));
  if (!r.note.empty()) {
    html += fmt::format("<p class=\"note\">{}</p>", EscapeHtml(r.note));
  }
  html += fmt::format("<h2>What answers now</h2><p><b>{}/{}</b> answers <b>{}</b>: {}</p>", EscapeHtml(r.model), r.answers_now,
                      EscapeHtml(r.endpoint), EscapeHtml(r.because));
  html += fmt::format("<h2>What we believed</h2><p>{}</p><p class=\"small\">Dataset {} · {} samples, {} units, {} items</p>",
                      EscapeHtml(Believed(r)), EscapeHtml(r.dataset_digest.substr(0, 16)), r.samples, r.units, r.items);
  std::vector<PlotRow> rows;
  for (const OfflineRow& o : r.offline) {
    rows.push_back({o.label, o.objective, o.winner ? "challenger" : o.champion_recipe ? "champion" : "other"});
  }
  html += IntervalPlot(rows, fmt::format("{} on the test part, 95 % bootstrap interval over units", r.objective), false, false);
  html += OfflineTables(r);
  html += fmt::format("<h2>What happened</h2><p>{}</p>", EscapeHtml(Happened(r)));
  rows.clear();
  if (r.predicted && r.measured) {
    rows.push_back({fmt::format("predicted ({})", r.objective), *r.predicted, "predicted"});
    rows.push_back({fmt::format("measured ({})", r.metric), *r.measured, "measured"});
    html += IntervalPlot(rows, "relative gain of the challenger", true, true);
  }
  if (r.measured) {
    html += EffectPlot(r.looks, 0, "seconds since the test began; band: always-valid interval of the relative effect");
  }
  if (!r.guardrails.empty()) {
    html += "<h3>Guardrails</h3>" + Li(r.guardrails);
  }
  html += fmt::format("<h2>What it cost</h2><p>{}</p>", EscapeHtml(Cost(r)));
  html += "<h2>What surprised</h2>" + Li(r.surprises) + "<h2>What to try next</h2>" + Li(r.next);
  html += fmt::format("<p class=\"small\">{} – {} · <a href=\"/v1/retrospectives/{}\">as JSON</a></p></main></body></html>",
                      FormatTime(r.started), FormatTime(r.finished), EscapeHtml(r.id));
  return html;
}

}  // namespace hoego::loop

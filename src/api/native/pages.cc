// The plain pages under /ui/: rendered HTML with true numbers, no script, until the page with charts replaces them.
#include <algorithm>
#include <cctype>

#include "abtest/test.h"
#include "api/native/native.h"
#include "base/text.h"

namespace hoego::native {
namespace {

constexpr std::string_view kStyle = R"css(
:root{--ink:#1c1e21;--soft:#5b6570;--line:#d9dee3;--paper:#fff;--accent:#0072b2;--other:#8a949e;--warn:#d55e00;--band:#0072b222}
@media (prefers-color-scheme:dark){:root{--ink:#e7eaed;--soft:#a3adb8;--line:#3a424b;--paper:#16191d;--accent:#56b4e9;--other:#7d8790;--warn:#e69f00;--band:#56b4e933}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.55 system-ui,"Noto Sans KR",sans-serif;font-variant-numeric:tabular-nums}
nav{display:flex;gap:16px;flex-wrap:wrap;padding:12px 24px;border-bottom:1px solid var(--line);font-size:14px}
nav a,main a{color:var(--accent);text-decoration:none}nav a:hover,main a:hover{text-decoration:underline}
main{max-width:1040px;margin:0 auto;padding:24px}
main.letter{max-width:840px}
h1{font-size:26px;line-height:1.25;margin:8px 0 12px}h2{font-size:18px;margin:28px 0 8px}h3{font-size:15px;margin:20px 0 4px}
.lead{font-size:17px}.note{border-left:4px solid var(--warn);padding:4px 12px;color:var(--soft)}.small{font-size:13px;color:var(--soft)}
.cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(190px,1fr));gap:12px;margin:16px 0}
.card{border:1px solid var(--line);border-radius:8px;padding:12px 14px}.card b{display:block;font-size:22px;font-weight:600}
.card span{color:var(--soft);font-size:13px}
table{border-collapse:collapse;width:100%;margin:8px 0;font-size:14px}th,td{text-align:right;padding:5px 8px;border-bottom:1px solid var(--line)}
th:first-child,td:first-child{text-align:left}th{color:var(--soft);font-weight:500}td.text,th.text{text-align:left}
code,pre{font:13px/1.45 ui-monospace,monospace}pre{border:1px solid var(--line);border-radius:6px;padding:10px 12px;overflow:auto;white-space:pre-wrap}
.wide{overflow-x:auto}svg.plot{width:100%;height:auto;margin:8px 0}svg text{fill:var(--ink);font-size:12px}svg .tick,svg .axis{fill:var(--soft);font-size:11px}
svg .grid{stroke:var(--line);stroke-width:1}svg .zero{stroke:var(--ink);stroke-width:1.2}
svg .interval{stroke-width:3;stroke:var(--other)}svg .point{fill:var(--other)}
svg .challenger,svg .measured{stroke:var(--accent);fill:var(--accent)}svg .champion,svg .predicted{stroke:var(--warn);fill:var(--warn)}
svg .band{fill:var(--band)}svg .effect{fill:none;stroke:var(--accent);stroke-width:2}
.empty{color:var(--soft)}
)css";

const std::vector<std::pair<std::string, std::string>>& PageHeaders() {
  static const std::vector<std::pair<std::string, std::string>> kHeaders = {
      {"Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; "
                                  "frame-ancestors 'none'"},
      {"Referrer-Policy", "no-referrer"},
      {"Cache-Control", "no-store"}};
  return kHeaders;
}

http::Response Html(std::string body, int status = 200) { return {status, "text/html; charset=utf-8", std::move(body), PageHeaders()}; }

std::string Page(std::string_view title, std::string_view inside) {
  return fmt::format(
      "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{0} · Hoego</title>"
      "<meta name=\"viewport\" content=\"width=device-width\"><link rel=\"stylesheet\" href=\"/ui/style.css\"></head><body>"
      "<nav><a href=\"/ui/\"><b>Hoego</b></a><a href=\"/ui/loops\">Loops</a><a href=\"/ui/runs\">Runs</a>"
      "<a href=\"/ui/models\">Models</a><a href=\"/ui/endpoints\">Endpoints</a><a href=\"/ui/tests\">Tests</a>"
      "<a href=\"/ui/retrospectives\">Retrospectives</a></nav><main><h1>{0}</h1>{1}</main></body></html>",
      EscapeHtml(title), inside);
}

std::string Card(std::string_view what, std::string_view number, std::string_view link) {
  return fmt::format("<a class=\"card\" href=\"{}\"><b>{}</b><span>{}</span></a>", link, EscapeHtml(number), EscapeHtml(what));
}

// "2026-11-22 11:17:43", in UTC.
std::string ShortTime(Time t) {
  const std::string text = FormatTime(t);
  return fmt::format("{} {}", text.substr(0, 10), text.substr(11, 8));
}

// Columns that hold a word in any row are set flush left, figures flush right.
class Table {
 public:
  explicit Table(std::vector<std::string_view> heads) : heads_(std::move(heads)), words_(heads_.size(), false) {}
  // Cells are escaped; a link wraps the first.
  void Row(const std::vector<std::string>& cells, std::string_view link = {}) {
    for (size_t i = 0; i < cells.size(); ++i) {
      words_[i] = words_[i] || std::any_of(cells[i].begin(), cells[i].end(), [](char c) { return std::isalpha(c & 0x7f) != 0; });
    }
    rows_.push_back({cells, std::string(link)});
  }
  std::string End(std::string_view when_empty) const {
    if (rows_.empty()) {
      return fmt::format("<p class=\"empty\">{}</p>", when_empty);
    }
    std::string html = "<table><thead><tr>";
    for (size_t i = 0; i < heads_.size(); ++i) {
      html += fmt::format("<th{}>{}</th>", Class(i), EscapeHtml(heads_[i]));
    }
    html += "</tr></thead><tbody>";
    for (const auto& [cells, link] : rows_) {
      html += "<tr>";
      for (size_t i = 0; i < cells.size(); ++i) {
        const std::string text = EscapeHtml(cells[i]);
        html += i == 0 && !link.empty() ? fmt::format("<td{}><a href=\"{}\">{}</a></td>", Class(i), link, text)
                                        : fmt::format("<td{}>{}</td>", Class(i), text);
      }
      html += "</tr>";
    }
    return html + "</tbody></table>";
  }

 private:
  std::string_view Class(size_t column) const { return words_[column] ? " class=\"text\"" : ""; }

  std::vector<std::string_view> heads_;
  std::vector<bool> words_;  // a column
  std::vector<std::pair<std::vector<std::string>, std::string>> rows_;
};

std::string RetrospectiveTable(Context& context) {
  Table table({"retrospective", "what came of it", "closed"});
  for (const auto& v : context.loops.Retrospectives()) {
    table.Row({v.id, v.summary, ShortTime(v.finished)}, "/ui/retrospectives/" + PercentEncode(v.id));
  }
  return table.End("None yet: a cycle closes with one. Start it with <code>POST /v1/loops/{loop}:run</code>.");
}

std::string EndpointTable(Context& context) {
  Table table({"endpoint", "model", "route revision", "answers now"});
  for (const auto& e : context.endpoints.List()) {
    const auto ref = registry::ModelRef::Parse(e->definition.model);
    const auto version = ref.ok() ? context.registry.Resolve(*ref) : Result<registry::ModelVersion>(ref.status());
    table.Row({e->name, e->definition.model, std::to_string(e->revision),
               version.ok() ? fmt::format("{}/{}", version->model, version->version) : "fallback"});
  }
  return table.End("None yet: <code>PUT /v1/endpoints/home {\"model\":\"films@champion\"}</code>.");
}

std::string TestTable(Context& context) {
  Table table({"test", "endpoint", "state", "metric", "why"});
  for (const auto& t : context.tests.List()) {
    table.Row({t.plan.name, t.plan.endpoint, std::string(abtest::StateName(t.state)), t.plan.metric.name, t.reason},
              "/ui/tests/" + PercentEncode(t.plan.name));
  }
  return table.End("None yet: a loop plans one when its gate opens.");
}

std::string ModelTable(Context& context) {
  Table table({"version", "algorithm", "aliases", "dataset", "made"});
  for (const auto& m : context.registry.ListModels()) {
    for (const auto& v : context.registry.ListVersions(m.name)) {
      std::string aliases;
      for (const auto& [alias, version] : m.aliases) {
        aliases += version == v.version ? (aliases.empty() ? "@" : " @") + alias : "";
      }
      const auto algorithm = v.tags.find("algorithm");
      table.Row({fmt::format("{}/{}", v.model, v.version), algorithm == v.tags.end() ? "" : algorithm->second, aliases,
                 v.dataset_digest.substr(0, 12), ShortTime(v.created)});
    }
  }
  return table.End("None yet: a loop registers its winners.");
}

std::string LoopTable(Context& context) {
  Table table({"loop", "endpoint", "state", "cycle", "step", "what"});
  std::string files;
  for (const auto& l : context.loops.List()) {
    table.Row({l.name, l.endpoint, l.state, std::to_string(l.cycle),
               l.step.empty() ? std::string() : fmt::format("{} {:.0f} %", l.step, 100 * l.share),
               l.error.empty() ? l.what : l.error});
    files += fmt::format("<h2>{}</h2><pre>{}</pre>", EscapeHtml(l.name), EscapeHtml(l.text));
  }
  return table.End("None yet: <code>POST /v1/loops</code> with a loop file.") + files;
}

std::string Home(Context& context) {
  std::string inside = "<p class=\"lead\">";
  for (const auto& e : context.endpoints.List()) {
    const auto ref = registry::ModelRef::Parse(e->definition.model);
    const auto version = ref.ok() ? context.registry.Resolve(*ref) : Result<registry::ModelVersion>(ref.status());
    inside += version.ok() ? fmt::format("<b>{}/{}</b> answers <b>{}</b>. ", EscapeHtml(version->model), version->version,
                                         EscapeHtml(e->name))
                           : fmt::format("<b>{}</b> answers from its fallback. ", EscapeHtml(e->name));
  }
  const Status health = context.store.log().health();
  inside += health.ok() ? "The log is healthy.</p>" : fmt::format("The log refuses writes: {}</p>", EscapeHtml(health.message()));
  inside += "<div class=\"cards\">";
  inside += Card("units", HumanCount(context.store.unit_count()), "/v1/version");
  inside += Card("items", HumanCount(context.store.item_count()), "/v1/version");
  inside += Card("bytes of log", HumanBytes(context.store.log().end().offset - context.store.log().begin().offset), "/metrics");
  inside += Card("loops", std::to_string(context.loops.List().size()), "/ui/loops");
  inside += Card("models", std::to_string(context.registry.ListModels().size()), "/ui/models");
  inside += Card("tests", std::to_string(context.tests.List().size()), "/ui/tests");
  inside += "</div><h2>Retrospectives</h2>" + RetrospectiveTable(context) + "<h2>Endpoints</h2>" + EndpointTable(context);
  inside += "<h2>Tests</h2>" + TestTable(context);
  return Page("What answers now", inside);
}

std::string RunTable(Context& context) {
  auto runs = context.tracking.ListRuns("", 200, 0);
  if (!runs.ok()) {
    return fmt::format("<p class=\"empty\">{}</p>", EscapeHtml(runs.status().message()));
  }
  Table table({"run", "status", "parameters", "ndcg@20", "recall@20", "started"});
  for (const auto& run : *runs) {
    std::string params;
    for (const auto& [k, v] : run.params) {
      params += (params.empty() ? "" : " ") + k + "=" + v;
    }
    const auto metric = [&](std::string_view key) {
      for (const auto& m : run.latest) {
        if (m.key == key) {
          return fmt::format("{:.4f}", m.value);
        }
      }
      return std::string("–");
    };
    table.Row({run.name, std::string(tracking::RunStatusName(run.status)), params, metric("ndcg@20"),
               metric("recall@20"), ShortTime(run.start)});
  }
  return table.End("None yet: every training is a run.");
}

std::string Percent(const std::optional<double>& v) { return v ? fmt::format("{:+.2f} %", 100 * *v) : "–"; }

http::Response TestPage(Context& context, const std::string& name) {
  auto verdict = context.tests.ComputeVerdict(name);
  if (!verdict.ok()) {
    return Html(Page("No such test", fmt::format("<p>{}</p>", EscapeHtml(verdict.status().message()))), 404);
  }
  std::string inside = fmt::format("<p class=\"lead\">{}: {}</p>", abtest::VerdictName(verdict->decision.verdict),
                                   EscapeHtml(verdict->decision.reason));
  if (verdict->effect) {
    inside += fmt::format("<p>{}: {} [{}, {}] relative.</p>", EscapeHtml(verdict->metric), Percent(verdict->effect->relative),
                          Percent(verdict->effect->relative_low), Percent(verdict->effect->relative_high));
  }
  inside += fmt::format("<p class=\"small\">Sample ratio p = {:.3g}{}; {} feedback events took part; cut {}</p>", verdict->srm_p,
                        verdict->srm_warning ? " (warning)" : "", verdict->feedback, EscapeHtml(verdict->cut.ToString()));
  Table arms({"arm", "model", "units", "answers", verdict->metric});
  for (const auto& a : verdict->arms) {
    const bool shown = verdict->decision.verdict != abtest::Verdict::kInvalid;
    arms.Row({a.name, a.model_ref, std::to_string(a.units), std::to_string(a.decisions),
              shown ? fmt::format("{:.4g}", a.metric) : "hidden"});
  }
  inside += arms.End("No arm.");
  const auto test = context.tests.Get(name);
  if (test.ok()) {
    inside += fmt::format("<h2>The plan</h2><pre>{}</pre>", EscapeHtml(abtest::PlanJson(test->plan)));
  }
  return Html(Page("Test " + name, inside));
}

}  // namespace

void AddPages(http::Router& router, Context& context) {
  router.Add("GET", "/", [](const http::Request&, http::Responder responder) {
    responder.Send({302, "text/plain; charset=utf-8", "see /ui/", {{"Location", "/ui/"}}});
  });
  router.Add("GET", "/ui/style.css", [](const http::Request&, http::Responder responder) {
    responder.Send({200, "text/css; charset=utf-8", std::string(kStyle), {{"Cache-Control", "max-age=300"}}});
  });
  const auto page = [&](std::string_view pattern, std::string title, std::string (*inside)(Context&)) {
    router.Add("GET", pattern, [&context, title, inside](const http::Request&, http::Responder responder) {
      AnswerLater(context, std::move(responder), [&context, title, inside] { return Html(Page(title, inside(context))); });
    });
  };
  router.Add("GET", "/ui/", [&context](const http::Request&, http::Responder responder) {
    AnswerLater(context, std::move(responder), [&context] { return Html(Home(context)); });
  });
  page("/ui/retrospectives", "Retrospectives", RetrospectiveTable);
  page("/ui/endpoints", "Endpoints", EndpointTable);
  page("/ui/tests", "Tests", TestTable);
  page("/ui/models", "Models", ModelTable);
  page("/ui/loops", "Loops", LoopTable);
  page("/ui/runs", "Runs", RunTable);
  router.Add("GET", "/ui/tests/{test}", [&context](const http::Request& request, http::Responder responder) {
    AnswerLater(context, std::move(responder), [&context, name = request.params[0]] { return TestPage(context, name); });
  });
  router.Add("GET", "/ui/retrospectives/{id}", [&context](const http::Request& request, http::Responder responder) {
    auto html = context.loops.RetrospectiveHtml(request.params[0]);
    responder.Send(html.ok() ? Html(*html)
                             : Html(Page("No such retrospective", fmt::format("<p>{}</p>", EscapeHtml(html.status().message()))), 404));
  });
}

}  // namespace hoego::native

// hoego loop run FILE and hoego test analyze FILE.
#include <cstdio>

#include "abtest/analyze.h"
#include "app/commands.h"
#include "app/instance.h"
#include "app/progress_line.h"
#include "app/signals.h"
#include "base/disk.h"
#include "loop/loops.h"

namespace hoego::app {

int RunLoopFile(const Common& common, const std::string& file) {
  auto settings = ReadSettings(common);
  auto text = ReadWholeFile(RealDisk(), file);
  if (!settings.ok() || !text.ok()) {
    return WrongUse(common, settings.ok() ? text.status() : settings.status());
  }
  const auto checked = loop::ParseLoopFile(*text);
  if (!checked.ok()) {
    return WrongUse(common, checked.status().Within(file));
  }
  InstanceOptions options;
  options.program = common.program;
  options.folder = common.data;
  auto instance = Instance::Open(options, *settings);
  if (!instance.ok()) {
    return Fail(common, instance.status());
  }
  // A cycle tests on live traffic, so the endpoints answer while it runs.
  auto address = (*instance)->Listen("127.0.0.1:0");
  if (!address.ok()) {
    return Fail(common, address.status());
  }
  std::fprintf(stderr, "serving at http://%s/\n", address->c_str());
  ProgressLine line;
  const auto watch = (*instance)->loops().Subscribe(
      [&](const loop::Progress& p) { line.Step(fmt::format("cycle {} {}", p.cycle, p.step), p.share, p.what); });
  if (const auto kept = (*instance)->loops().Put(*text); !kept.ok()) {
    return Fail(common, kept.status());
  }
  const auto cycle = (*instance)->loops().Run(checked->name);
  if (!cycle.ok()) {
    return Fail(common, cycle.status());
  }
  const Status status = (*instance)->loops().Wait(checked->name, *cycle, {});
  line.Done();
  if (!status.ok()) {
    return Fail(common, status);
  }
  const std::string id = fmt::format("{}-{}", checked->name, *cycle);
  const auto told = common.json ? (*instance)->loops().RetrospectiveJson(id) : (*instance)->loops().RetrospectiveText(id, false);
  if (!told.ok()) {
    return Fail(common, told.status());
  }
  std::printf("%s\n", told->c_str());
  return kDone;
}

int RunTestAnalyze(const Common& common, const AnalyzeArgs& args) {
  abtest::AnalyzeOptions options;
  options.unit_column = args.unit;
  options.arm_column = args.arm;
  options.metric_column = args.metric;
  options.control = args.control;
  options.alpha = args.alpha;
  const auto report = abtest::AnalyzeCsv(args.file, options);
  if (!report.ok()) {
    return Fail(common, report.status());
  }
  if (common.json) {
    std::printf("%s\n", abtest::VerdictJson(*report).c_str());
  } else {
    std::printf("%s: %s\n", std::string(abtest::VerdictName(report->decision.verdict)).c_str(), report->decision.reason.c_str());
    for (const auto& arm : report->arms) {
      std::printf("  %s\n", fmt::format("{}: {} units, {} {:.6g}", arm.name, arm.units, report->metric, arm.metric).c_str());
    }
  }
  return report->decision.verdict == abtest::Verdict::kInvalid ? kRefused : kDone;
}

}  // namespace hoego::app

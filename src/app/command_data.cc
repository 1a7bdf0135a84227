// hoego import, export, doctor, forget, settings.
#include <cstdio>
#include <memory>

#include "app/commands.h"
#include "app/import_columns.h"
#include "app/instance.h"
#include "app/open_folder.h"
#include "app/package_check.h"
#include "app/progress_line.h"
#include "app/server_settings.h"
#include "base/json.h"
#include "events/export.h"
#include "events/import.h"
#include "storage/blob_store.h"
#include "storage/database.h"

namespace hoego::app {
namespace {

// "3" records' field names to the importer's own spelling: unit=user_id,item=movie.
std::string Joined(const std::vector<std::string>& parts) { return fmt::format("{}", fmt::join(parts, ",")); }

void PrintImport(const Common& common, const events::ImportReport& report) {
  if (common.json) {
    JsonWriter w;
    w.BeginObject().Field("rows", report.rows).Field("accepted", report.accepted).Field("duplicates", report.duplicates);
    w.Field("refused", report.refused).Field("skipped", report.skipped).Field("cut", report.cut.ToString()).Key("errors").BeginArray();
    for (const auto& e : report.errors) {
      w.BeginObject().Field("file", e.file).Field("line", e.line).Field("error", e.error).EndObject();
    }
    std::printf("%s\n", w.EndArray().EndObject().Take().c_str());
    return;
  }
  std::printf("%s\n", fmt::format("{} rows: {} accepted, {} duplicates, {} refused, {} skipped; cut {}", report.rows, report.accepted,
                                  report.duplicates, report.refused, report.skipped, report.cut.ToString()).c_str());
  for (const auto& e : report.errors) {
    std::printf("%s\n", fmt::format("  {} line {}: {}", e.file, e.line, e.error).c_str());
  }
}

}  // namespace

int Fail(const Common& common, const Status& status) {
  if (common.json) {
    JsonWriter w;
    w.BeginObject().Field("error", status.message()).Field("code", CodeName(status.code())).EndObject();
    std::fprintf(stderr, "%s\n", w.text().c_str());
  } else {
    std::fprintf(stderr, "hoego: %s\n", std::string(status.message()).c_str());
  }
  return kRefused;
}

int WrongUse(const Common& common, const Status& status) {
  Fail(common, status);
  return kWrongUse;
}

int CheckSettings(const Common& common) {
  const auto settings = ReadSettings(common);
  return settings.ok() ? kDone : WrongUse(common, settings.status());
}

int RunImport(const Common& common, const ImportArgs& args) {
  events::ImportOptions options;
  options.path = args.path;
  options.columns = Joined(args.columns);
  if (!args.type.empty()) {
    options.type = args.type;
  }
  options.on_error = args.skip_errors ? events::OnError::kSkip : events::OnError::kStop;
  const auto format = events::ParseImportFormat(args.format);
  if (!format.ok()) {
    return WrongUse(common, format.status());
  }
  options.format = *format;
  Status wrong = options.Validate();
  if (wrong.ok() && options.format == events::ImportFormat::kCsv) {
    wrong = CheckColumns(args.columns, args.path);
  }
  if (!wrong.ok()) {
    return WrongUse(common, wrong);
  }
  auto instance = OpenForCommand(common, false, NoLog::kMake);
  if (!instance.ok()) {
    return Fail(common, instance.status());
  }
  ProgressLine line;
  const auto report = events::Import((*instance)->store(), options, [&](const events::ImportProgress& p) {
    line.Step("import", p.share, fmt::format("{} rows", p.rows));
  });
  line.Done();
  if (!report.ok()) {
    return Fail(common, report.status());
  }
  PrintImport(common, *report);
  return report->refused > 0 ? kRefused : kDone;
}

int RunExport(const Common& common, const ExportArgs& args) {
  events::ExportOptions options;
  Status wrong = events::SetExportKind(options, args.kind);
  options.type = args.type;
  for (const auto& [text, to] : {std::pair(&args.from, &options.from), std::pair(&args.to, &options.to)}) {
    if (!text->empty() && wrong.ok()) {
      auto time = ParseTime(*text);
      wrong = time.status();
      if (time.ok()) {
        *to = *time;
      }
    }
  }
  if (!wrong.ok()) {
    return WrongUse(common, wrong);
  }
  auto instance = OpenForCommand(common, false, NoLog::kRefuse);
  if (!instance.ok()) {
    return Fail(common, instance.status());
  }
  const auto close = [](std::FILE* f) { return f == stdout ? std::fflush(f) : std::fclose(f); };
  std::unique_ptr<std::FILE, decltype(close)> out(args.output.empty() ? stdout : std::fopen(args.output.c_str(), "w"), close);
  if (!out) {
    return Fail(common, Status::NotFound(fmt::format("{} cannot be written", args.output)));
  }
  const auto report = events::Export((*instance)->store(), options, [&](std::string_view text) -> Status {
    const bool written = std::fwrite(text.data(), 1, text.size(), out.get()) == text.size() && std::fputc('\n', out.get()) != EOF;
    return written ? Status{} : Status::DataLoss("the output cannot be written (is the disk full?)");
  });
  if (!report.ok()) {
    return Fail(common, report.status());
  }
  if (std::fflush(out.get()) != 0) {
    return Fail(common, Status::DataLoss("the output cannot be written (is the disk full?)"));
  }
  std::fprintf(stderr, "%s\n", fmt::format("{} lines", report->lines).c_str());
  return kDone;
}

int RunDoctor(const Common& common) {
  auto instance = OpenForCommand(common, false, NoLog::kRefuse);
  if (!instance.ok()) {
    return Fail(common, instance.status());
  }
  auto findings = (*instance)->store().Doctor();
  if (!findings.ok()) {
    return Fail(common, findings.status());
  }
  if (const Status status = (*instance)->database().Check(); !status.ok()) {
    findings->push_back(fmt::format("meta.db: {}", status.message()));
  }
  auto altered = (*instance)->blobs().Verify();
  if (!altered.ok()) {
    return Fail(common, altered.status());
  }
  for (const std::string& digest : *altered) {
    findings->push_back(fmt::format("blob {}: its bytes do not fit its name", digest));
  }
  const std::vector<std::string> torn = CheckPackages((*instance)->registry(), (*instance)->blobs());
  findings->insert(findings->end(), torn.begin(), torn.end());
  JsonWriter w;
  w.BeginObject().Key("findings").BeginArray();
  for (const std::string& f : *findings) {
    w.String(f);
    if (!common.json) {
      std::printf("%s\n", f.c_str());
    }
  }
  w.EndArray().EndObject();
  std::printf("%s\n", common.json ? w.text().c_str() : findings->empty() ? "sound" : "not sound");
  return findings->empty() ? kDone : kRefused;
}

int RunForget(const Common& common, const std::string& unit) {
  auto instance = OpenForCommand(common, false, NoLog::kRefuse);
  if (!instance.ok()) {
    return Fail(common, instance.status());
  }
  const Status status = (*instance)->store().Forget(unit);
  return status.ok() ? kDone : Fail(common, status);
}

int RunSettings(const Common& common, bool markdown) {
  const Settings settings(ServerSettings());
  if (common.json) {
    JsonWriter w;
    settings.WriteJson(w);
    std::printf("%s\n", w.text().c_str());
  } else {
    std::printf("%s", markdown ? settings.Markdown().c_str() : settings.Help().c_str());
  }
  return kDone;
}

}  // namespace hoego::app

#include "events/export.h"

#include "base/json.h"

namespace hoego::events {
namespace {

// One record as a line.
class LineWriter {
 public:
  explicit LineWriter(EventStore& store) : store_(store) {}

  Result<std::string> Event(const Record& record, ExportReport& report) {
    HOEGO_TRY_ASSIGN(const OpenedEvent opened, store_.Open(record));
    report.erased += opened.erased ? 1 : 0;
    JsonWriter w;
    w.BeginObject().Field("kind", "event");
    if (opened.erased) {
      w.Key("id").Null().Key("unit").Null().Field("erased", true);
    } else {
      w.Field("id", opened.id).Field("unit", opened.unit);
    }
    w.Field("time", FormatTime(record.time)).Field("type", store_.TypeName(record.event.type));
    if (record.event.item != kNoItem) {
      w.Field("item", store_.ItemId(record.event.item));
    }
    if (record.event.value) {
      w.Field("value", *record.event.value);
    }
    if (record.event.decision) {
      w.Field("decision", record.event.decision->ToString());
    }
    if (!opened.properties.empty()) {
      w.Key("properties").Raw(opened.properties);
    }
    return Finish(w, record);
  }

  std::string Decision(const Record& record) {
    const DecisionView& d = record.decision;
    JsonWriter w;
    w.BeginObject()
        .Field("kind", "decision")
        .Field("id", d.id.ToString())
        .Field("time", FormatTime(record.time));
    Unit(w, record);
    w.Field("decision_kind", KindName(d.kind))
        .Field("endpoint", d.endpoint)
        .Field("route_revision", d.route_revision);
    w.Field("test", d.test).Field("arm", d.arm).Field("arm_probability", d.arm_probability);
    w.Field("model", d.model).Field("version", d.version).Field("candidates", d.candidates);
    w.Key("items").BeginArray();
    int position = 0;
    for (const ChosenItem& chosen : d.items) {
      w.BeginObject().Field("item", store_.ItemId(chosen.item)).Field("position", ++position);
      w.Key("score").Float(chosen.score).Key("propensity").Float(chosen.propensity).EndObject();
    }
    w.EndArray().Field("output_digest", d.output_digest).Field("latency_us", d.latency_us);
    w.Field("fallback", d.fallback);
    return Finish(w, record);
  }

  std::string Exposure(const Record& record) {
    JsonWriter w;
    w.BeginObject().Field("kind", "exposure").Field("time", FormatTime(record.time));
    Unit(w, record);
    w.Field("test", record.exposure.test).Field("arm", record.exposure.arm);
    return Finish(w, record);
  }

 private:
  static std::string_view KindName(DecisionKind kind) {
    return kind == DecisionKind::kRanking      ? "ranking"
           : kind == DecisionKind::kPrediction ? "prediction"
                                               : "flag";
  }
  void Unit(JsonWriter& w, const Record& record) {
    if (record.unit == kNoUnit) {
      return;
    }
    if (const auto unit = store_.UnitId(record.unit)) {
      w.Field("unit", *unit);
    } else {
      w.Key("unit").Null().Field("erased", true);
    }
  }
  static std::string Finish(JsonWriter& w, const Record& record) {
    if (record.future) {
      w.Field("future", true);
    }
    w.Field("received", FormatTime(record.received))
        .Field("cut", record.next.ToString())
        .EndObject();
    return w.Take();
  }

  EventStore& store_;
};

bool Wanted(const ExportOptions& options, const Record& record, std::optional<TypeKey> type) {
  const bool kind = (record.kind == RecordKind::kEvent && options.events) ||
                    (record.kind == RecordKind::kDecision && options.decisions) ||
                    (record.kind == RecordKind::kExposure && options.exposures);
  return kind && (!options.from || record.time >= *options.from) &&
         (!options.to || record.time < *options.to) &&
         (!type || (record.kind == RecordKind::kEvent && record.event.type == *type));
}

}  // namespace

Status SetExportKind(ExportOptions& options, std::string_view kind) {
  const bool all = kind == "all";
  if (!all && kind != "event" && kind != "decision" && kind != "exposure") {
    return Status::InvalidArgument(
        fmt::format("kind \"{}\": expected event, decision, exposure or all", kind));
  }
  options.events = all || kind == "event";
  options.decisions = all || kind == "decision";
  options.exposures = all || kind == "exposure";
  return {};
}

Result<ExportReport> Export(EventStore& store, const ExportOptions& options,
                            const std::function<Status(std::string_view line)>& write,
                            const std::stop_token& stop) {
  ExportReport report;
  const Cut end = store.log().end();
  std::optional<TypeKey> type;
  if (!options.type.empty()) {
    type = store.FindType(options.type);
    if (!type) {
      report.cut = end;
      return report;  // no event has this type
    }
  }
  LineWriter lines(store);
  const auto cursor = store.log().Read(options.start);
  while (cursor->position() < end) {
    if (stop.stop_requested()) {
      return Status::Cancelled("export: stopped");
    }
    HOEGO_TRY_ASSIGN(const Record* record, cursor->Next());
    if (record == nullptr) {
      break;
    }
    if (!Wanted(options, *record, type)) {
      continue;
    }
    if (record->kind == RecordKind::kEvent) {
      HOEGO_TRY_ASSIGN(const std::string line, lines.Event(*record, report));
      HOEGO_TRY(write(line));
    } else {
      HOEGO_TRY(write(record->kind == RecordKind::kDecision ? lines.Decision(*record)
                                                            : lines.Exposure(*record)));
    }
    ++report.lines;
  }
  report.cut = cursor->position();
  return report;
}

}  // namespace hoego::events

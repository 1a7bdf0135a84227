#include "abtest/internal/test_table.h"

#include <algorithm>
#include <utility>

#include "abtest/internal/bytes.h"
#include "base/crc32c.h"
#include "base/log.h"

namespace hoego::abtest::internal {
namespace {

constexpr std::string_view kMagic = "hoegtest";
constexpr uint32_t kFormat = 2;

void LogSkipped(std::string_view name, std::string_view why) {
  Log(LogLevel::kWarning, "abtest", "a test definition in the log was skipped",
      {{"test", name}, {"why", why}});
}

}  // namespace

TestTable::TestTable(TestFold::FindType find_type, std::function<bool(const Uuid&)> decision_known)
    : find_type_(std::move(find_type)), decision_known_(std::move(decision_known)) {}

TestFold::Unmatched TestTable::CounterOfLost(const std::string& name) {
  return [this, name](const Uuid& decision) {
    if (decision_known_ && !decision_known_(decision)) {
      ++entries_.find(name)->second.lost_feedback;
    }
  };
}

bool TestTable::Apply(const events::Record& record) {
  if (record.kind == events::RecordKind::kDefinition) {
    return record.definition.kind == "test" && Define(record);
  }
  for (Entry* entry : running_) {
    entry->fold->Add(record);
  }
  return false;
}

bool TestTable::Define(const events::Record& record) {
  Result<TestDefinition> parsed = ParseDefinition(record.definition.json);
  if (!parsed.ok()) {
    LogSkipped(record.definition.name, parsed.status().message());
    return false;
  }
  const auto found = entries_.find(parsed->plan.name);
  if (found == entries_.end()) {
    if (parsed->state != TestState::kPlanned) {
      LogSkipped(parsed->plan.name, "it was never planned");
      return false;
    }
    entries_[parsed->plan.name].definition = *std::move(parsed);
    return false;
  }
  Entry& entry = found->second;
  const TestState from = entry.definition.state;
  if (!CanMove(from, parsed->state)) {
    LogSkipped(parsed->plan.name, "its state cannot change so");
    return false;
  }
  entry.definition = *std::move(parsed);
  if (entry.definition.state == TestState::kRunning) {
    entry.fold = std::make_unique<TestFold>(entry.definition.plan, find_type_,
                                            CounterOfLost(entry.definition.plan.name));
    entry.fold->Add(record);  // its receipt starts the clock
    entry.start = record.at;
    running_.push_back(&entry);
    return true;
  }
  if (entry.definition.state == TestState::kStopped) {
    entry.figures = record.next;
    const bool ran = std::erase(running_, &entry) != 0;
    if (ran) {
      entry.fold->Freeze();
    }
    return ran;
  }
  return false;
}

const TestTable::Entry* TestTable::Find(std::string_view name) const {
  const auto found = entries_.find(name);
  return found == entries_.end() ? nullptr : &found->second;
}

std::string TestTable::running_at(std::string_view endpoint) const {
  for (const Entry* entry : running_) {
    if (entry->definition.plan.endpoint == endpoint) {
      return entry->definition.plan.name;
    }
  }
  return "";
}

std::shared_ptr<const RouteTable> TestTable::MakeRoutes() const {
  auto table = std::make_shared<RouteTable>();
  for (const Entry* entry : running_) {
    const TestPlan& plan = entry->definition.plan;
    RouteTable::Route& route = table->endpoints[plan.endpoint];
    route.test = plan.name;
    route.assignment = plan.assignment();
    route.arms = plan.arms;
    for (size_t i = 0; i < plan.arms.size(); ++i) {
      route.probabilities.push_back(plan.arm_share(i) * plan.coverage);
    }
  }
  return table;
}

std::string TestTable::Encode(events::Cut cut) const {
  std::string out(kMagic);
  AppendNumber(out, kFormat);
  AppendNumber(out, cut.offset);
  AppendNumber(out, static_cast<uint32_t>(entries_.size()));
  for (const auto& [name, entry] : entries_) {
    AppendText(out, DefinitionJson(entry.definition));
    AppendNumber(out, entry.start.offset);
    AppendNumber(out, entry.figures.offset);
    AppendNumber(out, static_cast<uint8_t>(entry.fold != nullptr ? 1 : 0));
    if (entry.fold != nullptr) {
      entry.fold->AppendTo(out);
    }
  }
  AppendNumber(out, Crc32c(out));
  return out;
}

Result<events::Cut> TestTable::Decode(std::string_view bytes) {
  if (bytes.size() < kMagic.size() + 8 || bytes.substr(0, kMagic.size()) != kMagic) {
    return Status::DataLoss("it is no checkpoint of tests");
  }
  const std::string_view body = bytes.substr(0, bytes.size() - 4);
  if (ByteReader(bytes.substr(body.size())).Number<uint32_t>() != Crc32c(body)) {
    return Status::DataLoss("its checksum does not fit");
  }
  ByteReader reader(body.substr(kMagic.size()));
  if (const auto format = reader.Number<uint32_t>(); format != kFormat) {
    return Status::FailedPrecondition(fmt::format("format {}, newest known {}", format, kFormat));
  }
  events::Cut cut;
  cut.offset = reader.Number<uint64_t>();
  for (auto left = reader.Number<uint32_t>(); left > 0; --left) {
    HOEGO_TRY_ASSIGN(TestDefinition definition, ParseDefinition(reader.Text()));
    Entry& entry = entries_[definition.plan.name];
    entry.definition = std::move(definition);
    entry.start.offset = reader.Number<uint64_t>();
    entry.figures.offset = reader.Number<uint64_t>();
    if (reader.Number<uint8_t>() != 0) {
      entry.fold = std::make_unique<TestFold>(entry.definition.plan, find_type_,
                                              CounterOfLost(entry.definition.plan.name));
      HOEGO_TRY(entry.fold->ReadFrom(reader.rest()));
    }
    HOEGO_TRY(reader.status());
    if (entry.definition.state == TestState::kRunning) {
      if (entry.fold == nullptr) {
        return Status::DataLoss("a running test has no figures");
      }
      running_.push_back(&entry);
    }
  }
  HOEGO_TRY(reader.status());
  return cut;
}

VerdictReport ReportOf(const TestTable::Entry& entry, events::Cut folded) {
  const bool final = entry.definition.state != TestState::kPlanned &&
                     entry.definition.state != TestState::kRunning;
  const events::Cut cut = final ? entry.figures : folded;
  if (entry.fold == nullptr) {
    return PlannedReport(entry.definition, cut);
  }
  VerdictReport report = MakeReport(entry.definition, entry.fold->figures(), cut);
  report.lost_feedback = entry.lost_feedback;
  return report;
}

}  // namespace hoego::abtest::internal
